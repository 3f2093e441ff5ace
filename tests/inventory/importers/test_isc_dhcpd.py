"""The whole import: a small site, and the files of a real fleet of 1,737 hosts where they are at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from nearboot.errors import InputError
from nearboot.inventory.check import check
from nearboot.inventory.dump import dump
from nearboot.inventory.finding import Severity
from nearboot.inventory.importers import ImportResult, import_isc, load_host_table, load_rules
from nearboot.inventory.load import load
from nearboot.inventory.noun import NOUNS
from nearboot.model import Inventory

ROOT = Path(__file__).parents[3]
FLEET = ROOT.parent / "shared" / "data" / "wikimedia"
RULES = ROOT / "examples" / "wikimedia" / "rules.yaml"
FILES = ("dhcpd.conf", "linux-host-entries.ttyS0-115200", "linux-host-entries.ttyS1-115200")
PATHPREFIX = "pxelinux.pathprefix"

Importing = Callable[..., ImportResult]


def as_sets(inventory: Inventory) -> dict[str, dict[str, object]]:
    """Everything in an inventory by what it is called, whatever its order."""
    return {noun.attribute: {noun.name(item): item for item in noun.items(inventory)} for noun in NOUNS}


def reloaded(inventory: Inventory) -> dict[str, dict[str, object]]:
    """The inventory after it went through documents and the loader's checks, as an import into a database does."""
    return as_sets(load(list(dump(inventory).items()), Inventory()))


def test_a_small_site_comes_in_whole(importing: Importing) -> None:
    """Subnet, boot server, server and tier; the include is in its group; findings come gravest first."""
    result = importing(
        """filename "nonexistent-file";
           subnet 10.1.0.0 netmask 255.255.255.0 { next-server 10.1.0.2; option routers 10.1.0.1; }
           group { include "hosts"; include "gone"; }""",
        "tiers_csv: roles.csv",
        files={"hosts": "host a { hardware ethernet 2:0:0:0:0:1; fixed-address 10.1.0.5; }\nhost b.example.org { }"},
        tiers="fqdn,role\na,web\n",
    )
    assert [(s.name, s.location, s.tier) for s in result.inventory.servers] == [("a", "ams", "web")]
    assert [b.name for b in result.inventory.boot_servers] == ["ams-boot"]
    assert [f.code for f in result.findings] == ["no-location", "include-unread", "global-filename"]
    counts = result.counts
    assert (counts.hosts_read, counts.servers, counts.not_imported) == (2, 1, {"host:no-location": 1})


def test_what_was_imported_can_be_loaded_however_contradictory_the_files(importing: Importing) -> None:
    """The loader's rules find no fault: what they would refuse was left out, with a finding each."""
    result = importing(
        """subnet 10.1.0.0 netmask 255.255.255.0 { option routers 10.9.9.9; next-server 10.1.0.2;
             option domain-name "a.example b.example"; range 10.1.0.9 10.1.0.20; range 10.1.0.15 10.1.0.30; }
           subnet 10.1.0.128 netmask 255.255.255.128 { }
           subnet6 2001:db8:1::/64 { next-server 10.1.0.2; option dhcp6.name-servers 2001:db8:1::53; }
           host a { hardware ethernet 2:0:0:0:0:1; fixed-address 10.1.0.5, 10.1.0.6; }
           host b { hardware ethernet 2:0:0:0:0:1; fixed-address 10.1.0.5; }
           host b { hardware ethernet 2:0:0:0:0:3; fixed-address 10.1.0.7; }
           host c.ams.example.net { hardware ethernet 2:0:0:0:0:4; fixed-address 10.77.0.7; }
           host d.ams.example.net { }
           host e { fixed-address e.example.org; }
           host -f { hardware ethernet 2:0:0:0:0:5; fixed-address 10.1.0.8; }
           host G { hardware ethernet 2:0:0:0:0:6; fixed-address 10.1.0.9; option x.y "a\\tb"; option x.z ""; }"""
    )
    assert reloaded(result.inventory) == as_sets(result.inventory)
    counts = result.counts
    assert (counts.hosts_read, counts.servers, counts.hosts_merged, counts.not_imported) == (
        8,
        5,
        1,
        {"subnet:subnet-overlap": 1, "host:no-location": 1, "host:bad-name": 1},
    )
    hosts, subnets, _ = counts.lines()
    assert hosts.startswith("hosts: 8 read, 5 servers made with 6 interfaces, 1 merged into those, 2 not imported")
    assert hosts.endswith("(1 bad-name, 1 no-location)")
    assert subnets == "subnets: 3 read, 2 made, 1 not imported (1 subnet-overlap)"
    assert {"domain-unusable", "setting-unusable", "range-overlap"} <= {f.code for f in result.findings}


def test_a_tiers_table_that_cannot_be_read_is_an_error_finding(importing: Importing) -> None:
    """The servers still come in, without tiers."""
    result = importing("host a.ams.example.net { hardware ethernet 2:0:0:0:0:1; }", "tiers_csv: gone.csv")
    assert [f.code for f in result.findings] == ["tiers-unread", "no-tier"]


def test_a_tiers_table_is_read_by_its_name_in_the_rules(importing: Importing) -> None:
    """Unless the caller gives one."""
    text = "host a.ams.example.net { hardware ethernet 2:0:0:0:0:1; }"
    result = importing(text, "tiers_csv: t.csv", files={"t.csv": "fqdn,role\na.ams.example.net,db\n"})
    assert result.inventory.servers[0].tier == "db"


def test_a_tiers_table_that_the_rules_do_not_name_is_read_as_well(importing: Importing) -> None:
    """With the columns fqdn and role; without them it is refused."""
    text = "host a.ams.example.net { hardware ethernet 2:0:0:0:0:1; }"
    result = importing(text, tiers="\ufeffrole,fqdn\ndb,a.ams.example.net\nweb,z.ams.example.net\n")
    assert result.inventory.servers[0].tier == "db"
    assert "1 name in the tiers CSV is no imported server (z.ams.example.net)" in {f.text for f in result.findings}
    with pytest.raises(InputError, match=r"roles\.csv:1: found columns host, role; expected a column 'fqdn'"):
        importing(text, tiers="host,role\na.ams.example.net,db\n")


def test_a_broken_file_is_refused_with_file_and_line(importing: Importing) -> None:
    """Nothing of it is imported."""
    with pytest.raises(InputError, match=r"dhcpd\.conf:2: found '}'; expected ';' after 'next-server'"):
        importing("subnet 10.1.0.0 netmask 255.255.255.0 {\n next-server }\n")


@pytest.fixture(scope="module")
def fleet() -> ImportResult:
    """The fleet's files, imported with the example's rules."""
    if not FLEET.is_dir():
        pytest.skip(f"the fleet's files are not there: {FLEET.name} in the shared data beside the project")
    rules = load_rules(RULES.read_text(), RULES.name)
    files = [(name, (FLEET / name).read_text()) for name in FILES]
    return import_isc(files, rules, read=lambda name: (FLEET / Path(name).name).read_text())


def test_no_host_of_the_fleet_is_lost(fleet: ImportResult) -> None:
    """Hosts in the files (counted here by another means), hosts read, servers made: one number."""
    lines = [line for name in FILES for line in (FLEET / name).read_text().splitlines()]
    hosts = sum(line.lstrip().startswith("host ") for line in lines)
    counts = fleet.counts
    assert hosts == counts.hosts_read == 1737
    assert counts.hosts_read == counts.servers + counts.hosts_merged + sum(counts.not_imported.values())
    assert (counts.servers, counts.interfaces, counts.not_imported) == (1737, 1737, {})
    assert len({server.name for server in fleet.inventory.servers}) == 1737
    assert reloaded(fleet.inventory) == as_sets(fleet.inventory)
    macs = [i.mac for s in fleet.inventory.servers for i in s.interfaces if i.mac]
    assert (len(macs), len(set(macs))) == (1736, 1736)


def test_the_fleets_duplicate_mac_is_named_with_both_hosts(fleet: ImportResult) -> None:
    """It is the only error of the fleet."""
    (error,) = [f for f in fleet.findings if f.severity is Severity.ERROR]
    assert (error.code, error.subject, error.line) == ("duplicate-mac", "pki1001.eqiad.wmnet", 7164)
    for word in ("d0:94:66:5f:4a:3c", "pki1001", "bohrium", "linux-host-entries.ttyS1-115200:712"):
        assert word in error.text


def test_the_fleets_subnets_and_boot_servers(fleet: ImportResult) -> None:
    """33 subnets at five sites, one boot server a site."""
    assert fleet.counts.subnets_read == fleet.counts.subnets == 33
    by_site = Counter(subnet.location for subnet in fleet.inventory.subnets)
    assert by_site == {"eqiad": 16, "codfw": 10, "esams": 3, "ulsfo": 2, "eqsin": 2}
    assert {b.name: str(b.ipv4) for b in fleet.inventory.boot_servers} == {
        "eqiad-boot": "208.80.154.32",
        "codfw-boot": "208.80.153.51",
        "esams-boot": "91.198.174.63",
        "ulsfo-boot": "198.35.26.12",
        "eqsin-boot": "103.102.166.13",
    }
    assert all(subnet.gateway and subnet.dns for subnet in fleet.inventory.subnets)


def test_every_host_of_the_fleet_has_its_site_and_tier(fleet: ImportResult) -> None:
    """219 roles; four hosts without one are named; the private names agree with the site that they got."""
    servers = fleet.inventory.servers
    assert Counter(s.location for s in servers) == {"eqiad": 969, "codfw": 674, "esams": 34, "eqsin": 32, "ulsfo": 28}
    assert all(s.location == s.name.split(".")[1] for s in servers if s.name.endswith(".wmnet"))
    assert (fleet.counts.tiers, len({s.tier for s in servers if s.tier})) == (219, 219)
    assert {f.subject.split(".")[0] for f in fleet.findings if f.code == "no-tier"} == {
        "bohrium",
        "cescout1001",
        "d-i-test",
        "es1015",
    }


def test_the_fleets_overrides_are_kept_and_told(fleet: ImportResult) -> None:
    """5 next-servers, 420 path prefixes, names for addresses, the safe-guard file name, the absent includes."""
    params = [server.params for server in fleet.inventory.servers]
    assert sum("next-server" in p for p in params) == 5
    assert sum(PATHPREFIX in p for p in params) == 420
    told = Counter[str]()
    for finding in fleet.findings:
        told[finding.code] += finding.count
    assert (told["next-server-override"], told["host-setting"], told["address-is-name"]) == (5, 420, 1737)
    assert (told["global-filename"], told["include-unread"], told["tier-renamed"]) == (1, 3, 162)
    unused = {f.subject: f.count for f in fleet.findings if f.code == "statement-unused"}
    assert (unused["authoritative"], unused["option definition"], unused["if"], unused["else"]) == (33, 6, 1, 1)


def free_addresses(inventory: Inventory, site: str) -> Iterator[IPv4Address]:
    """The addresses in a site's subnets that are neither a gateway's nor a boot server's."""
    taken = {subnet.gateway for subnet in inventory.subnets} | {server.ipv4 for server in inventory.boot_servers}
    for subnet in inventory.subnets:
        if subnet.location == site and isinstance(subnet.prefix, IPv4Network):
            yield from (address for address in subnet.prefix.hosts() if address not in taken)


def invented_hosts(inventory: Inventory) -> dict[str, IPv4Address]:
    """An address of its own for each server, inside a subnet of its site."""
    free = {location.slug: free_addresses(inventory, location.slug) for location in inventory.locations}
    return {server.name: next(free[server.location]) for server in inventory.servers}


def test_a_hosts_file_gives_every_server_of_the_fleet_its_address(fleet: ImportResult) -> None:
    """Invented addresses, inside each site's subnets; nothing else changes, and no finding is left of the names."""
    invented = invented_hosts(fleet.inventory)
    text = "".join(f"{address}\t{name.upper()} {name.split('.')[0]}\n" for name, address in invented.items())
    rules = load_rules(RULES.read_text(), RULES.name)
    files = [(name, (FLEET / name).read_text()) for name in FILES]
    table = load_host_table([("hosts", text)])
    result = import_isc(files, rules, read=lambda name: (FLEET / Path(name).name).read_text(), hosts=table)
    assert result.counts == fleet.counts
    got = {server.name: server.interfaces[0].ipv4 for server in result.inventory.servers}
    assert got == invented
    assert len(set(got.values())) == 1737
    told = {f.code: f.count for f in result.findings if f.code.startswith("address")}
    assert told == {"address-by-name": 1737}
    before = {f.code for f in fleet.findings if f.severity is not Severity.INFO}
    assert {f.code for f in result.findings if f.severity is not Severity.INFO} == before - {"address-is-name"}
    assert reloaded(result.inventory) == as_sets(result.inventory)


def test_the_order_of_the_fleets_files_changes_nothing(fleet: ImportResult) -> None:
    """The host files are included by dhcpd.conf; given before it, they are still read once, in their groups."""
    rules = load_rules(RULES.read_text(), RULES.name)
    files = [(name, (FLEET / name).read_text()) for name in reversed(FILES)]
    again = import_isc(files, rules, read=lambda name: (FLEET / Path(name).name).read_text())
    assert again.counts == fleet.counts
    assert set(again.inventory.subnets) == set(fleet.inventory.subnets)
    assert [s.name for s in again.inventory.servers] == [s.name for s in fleet.inventory.servers]


def test_the_doctor_finds_what_the_fleet_still_needs(fleet: ImportResult) -> None:
    """No boot profiles yet, one server without MAC, four without tier; nothing else."""
    found = {(f.code, f.subject): f.count for f in check(fleet.inventory)}
    assert found == {
        ("server-no-mac", "pki1001.eqiad.wmnet"): 1,
        ("no-profiles", ""): 1737,
        ("server-no-tier", ""): 4,
    }
