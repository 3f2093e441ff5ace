"""``nearboot inventory``: what a load says and does, broken files, export, a real fleet's import; on both databases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

Nearboot = Callable[..., Any]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
EXAMPLE = ROOT / "examples" / "quickstart" / "inventory"
RULES = ROOT / "examples" / "wikimedia" / "rules.yaml"
DATA = ROOT.parent / "shared" / "data"
FLEET = DATA / "wikimedia"
PAIRS = DATA / "latency" / "wondernetwork_2018-11_pairs.csv"
ADDED = "4 locations, 1 tier, 2 hardware models, 1 image, 2 boot profiles, 3 servers, 4 subnets, 2 boot servers"
NOUNS = "locations tiers models images profiles servers subnets boot_servers origins"

BROKEN = {
    "bad-address": [":7: servers[0].interfaces[0].ipv4: found '10.91.0.256'; expected an IPv4 address"],
    "duplicate-mac": [
        (
            ":11: servers[1].interfaces[0].mac: found MAC 52:54:00:aa:00:01 again, first of web-osl-01 in "
            "broken/duplicate-mac.yaml:7; expected each once"
        )
    ],
    "empty": [f": found an empty document; expected a mapping with some of the keys {NOUNS}"],
    "location-cycle": [
        ":2: locations[0].parent: found the cycle a1 > a2 > a3 > a1; expected a tree of locations",
        ":3: locations[1].parent: found the cycle a2 > a3 > a1 > a2; expected a tree of locations",
        ":4: locations[2].parent: found the cycle a3 > a1 > a2 > a3; expected a tree of locations",
    ],
    "missing-field": [":2: boot_servers[0]: found no field 'location'; expected 'location', which is required"],
    "overlapping-prefixes": [
        (
            ":5: subnets[1].prefix: found 10.90.2.0/24, which overlaps 10.90.0.0/22 of mad in "
            "broken/overlapping-prefixes.yaml:4; expected prefixes that do not overlap"
        )
    ],
    "tab": [
        (
            ":3: found a tab; expected spaces, because YAML does not indent with tabs; what follows in this file was "
            "not read"
        )
    ],
    "unknown-field": [
        (
            ":2: locations[0].longitud: found an unknown field; expected one of slug, kind, name, parent, "
            "latitude, longitude, aliases; did you mean 'longitude'?"
        )
    ],
    "unknown-location": [
        (
            ":6: servers[0].location: found the unknown location 'berr'; expected a location of the files or the "
            "database; did you mean 'ber'?"
        )
    ],
    "wrong-type": [":2: locations[0].latitude: found 'north'; expected degrees between -90 and 90"],
}
"""Each broken file and the lines that it must print: place, field, what was found, what was expected."""


def test_first_load_adds_second_changes_nothing(nearboot: Nearboot) -> None:
    """A dry run tells the same, exits 2 while there would be changes, and leaves the database alone."""
    dry = nearboot("inventory", "load", EXAMPLE, "--dry-run", code=2)
    assert dry.lines[-2:] == [f"would add: {ADDED}", "dry run: nothing was changed"]
    first = nearboot("inventory", "load", EXAMPLE)
    assert first.lines == [line.replace("would add", "added") for line in dry.lines[:-1]]
    assert "added server web-ams-01" in first.lines
    second = nearboot("inventory", "load", EXAMPLE)
    assert second.lines == [f"unchanged: {ADDED}", "no changes"]
    assert nearboot("inventory", "load", EXAMPLE, "--dry-run").lines[-1] == "dry run: nothing was changed"


def test_a_change_is_shown_with_old_and_new(quickstart: Nearboot, tmp_path: Path) -> None:
    """An operator sees what a typing error would do."""
    file = tmp_path / "more.yaml"
    file.write_text("tiers: [{slug: web, name: Web and more}]\n")
    ran = quickstart("inventory", "load", file)
    assert ran.lines[:2] == ["changed tier web (name: Web servers -> Web and more)", "changed: 1 tier"]
    assert ran.lines[2].startswith("unchanged: 4 locations, ")


def test_only_pruning_removes(quickstart: Nearboot, tmp_path: Path) -> None:
    """What the files do not name stays, until it is asked for."""
    for file in EXAMPLE.iterdir():
        (tmp_path / file.name).write_text(file.read_text().split("  - name: web-fra-01")[0])
    assert quickstart("inventory", "load", tmp_path).lines[-1] == "no changes"
    dry = quickstart("inventory", "load", tmp_path, "--prune", "--dry-run", code=2)
    assert {"would remove server web-fra-01", "would remove: 1 server"} <= set(dry.lines)
    assert "removed: 1 server" in quickstart("inventory", "load", tmp_path, "--prune").lines
    assert "web-fra-01" not in quickstart("server", "list").out


def test_export_loads_back_to_the_same_database(quickstart: Nearboot, empty_nearboot: Nearboot, tmp_path: Path) -> None:
    """Also with a state that an operator set; the second export has the same bytes."""
    quickstart("boot-server", "drain", "fra-boot")
    first, second = tmp_path / "first", tmp_path / "second"
    said = quickstart("inventory", "export", first)
    assert said.lines == [f"wrote {first / name}.yaml" for name in NOUNS.split() if name != "origins"]
    assert empty_nearboot("inventory", "load", first).lines[-1] == f"added: {ADDED}"
    empty_nearboot("inventory", "export", second)
    assert _texts(first) == _texts(second)
    assert "state: draining" in _texts(second)["boot_servers.yaml"]


def test_an_export_over_an_older_one_leaves_nothing_of_it(quickstart: Nearboot, tmp_path: Path) -> None:
    """Loading the folder would bring removed things back."""
    (tmp_path / "origins.yaml").write_text("origins: [{name: old, url: 'http://10.0.0.1/'}]\n")
    quickstart("inventory", "export", tmp_path)
    assert quickstart("inventory", "load", tmp_path).lines[-1] == "no changes"


def test_an_export_that_cannot_be_written_is_told(quickstart: Nearboot, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").touch()
    ran = quickstart("inventory", "export", tmp_path / "file" / "x", code=1)
    assert "cannot be written: Not a directory" in ran.err


def test_there_is_nothing_to_export_of_an_empty_inventory(nearboot: Nearboot, tmp_path: Path) -> None:
    """That is said, and is no error; no folder appears that a load would refuse."""
    ran = nearboot("inventory", "export", tmp_path / "out")
    assert ran.out == ""
    assert ran.err == "nothing to export: the inventory is empty, and no file was written\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused(nearboot: Nearboot, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """File, line, field, what was found and expected; exit code 1; the database is as it was."""
    monkeypatch.chdir(HERE)
    before = nearboot("location", "list", "-o", "json").out
    ran = nearboot("inventory", "load", f"broken/{name}.yaml", code=1)
    faults = BROKEN[name]
    count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    expected = [f"broken/{name}.yaml{fault}" for fault in faults]
    assert ran.err.splitlines() == [*expected, f"nearboot: {count}; nothing was changed"]
    assert ran.out == ""
    assert nearboot("location", "list", "-o", "json").out == before


def test_all_broken_files_are_told_at_once(quickstart: Nearboot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody mends a fault a run; and nothing of the files is stored."""
    monkeypatch.chdir(HERE)
    assert {file.stem for file in (HERE / "broken").iterdir()} == set(BROKEN)
    ran = quickstart("inventory", "load", "broken", code=1)
    expected = [f"broken/{name}.yaml{fault}" for name, faults in sorted(BROKEN.items()) for fault in faults]
    assert ran.err.splitlines() == [*expected, "nearboot: 12 faults; nothing was changed"]
    assert quickstart("inventory", "load", EXAMPLE).lines[-1] == "no changes"


def test_unreadable_files_are_told_at_once(nearboot: Nearboot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong name, a folder without documents, and what is no text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hollow").mkdir()
    (tmp_path / "binary.yaml").write_bytes(b"tiers: \xff")
    ran = nearboot("inventory", "load", "missing.yaml", "hollow", "binary.yaml", code=1)
    assert ran.err.splitlines() == [
        "missing.yaml: found nothing of this name; expected a YAML file or a folder of YAML files",
        "hollow: found a folder without YAML files; expected files ending in .yaml or .yml",
        "binary.yaml: found byte 7 is not UTF-8; expected text in UTF-8",
        "nearboot: 3 faults; nothing was changed",
    ]


def test_check_of_a_sound_and_of_an_unfinished_inventory(quickstart: Nearboot, tmp_path: Path) -> None:
    """An error is exit code 1; a program reads the findings as JSON."""
    assert quickstart("inventory", "check").err == "the inventory has no faults\n"
    file = tmp_path / "more.yaml"
    file.write_text("servers: [{name: bare, location: ams, tier: web}]\n")
    quickstart("inventory", "load", file)
    assert quickstart("inventory", "check", code=1).lines[0].startswith("error: server-no-mac: server bare ")
    rows = json.loads(quickstart("inventory", "check", "-o", "json", code=1).out)
    assert {"severity": "error", "code": "server-no-mac", "subject": "bare"}.items() <= rows[0].items()


def test_a_real_fleet_from_its_files_to_kea(nearboot: Nearboot, tmp_path: Path) -> None:
    """Wikimedia's five sites: hosts in the files, database and Kea configuration agree; one MAC is there twice."""
    if not FLEET.is_dir():
        pytest.skip(f"the fleet's files are not there: {FLEET}")
    files = [FLEET / "linux-host-entries.ttyS0-115200", FLEET / "linux-host-entries.ttyS1-115200"]
    hosts = sum(file.read_text().count("hardware ethernet") for file in files)
    how = ["--rules", RULES, "--tiers", FLEET / "roles.csv"]
    ran = nearboot("inventory", "import", "isc-dhcpd", FLEET / "dhcpd.conf", *files, *how, code=1)
    twice = [line for line in ran.lines if "duplicate-mac" in line]
    assert len(twice) == 1
    assert all(text in twice[0] for text in ("d0:94:66:5f:4a:3c", "pki1001.eqiad.wmnet", "bohrium.wikimedia.org"))
    assert f"hosts: {hosts} read, {hosts} servers made with {hosts} interfaces, 0 not imported" in ran.lines
    assert "subnets: 33 read, 33 made, 0 not imported" in ran.lines
    added = f"10 locations, 219 tiers, 2 hardware models, {hosts} servers, 33 subnets, 5 boot servers"
    assert ran.lines[-2:] == [f"added: {added}", "1 error: not everything could be imported; what could be is"]
    servers = json.loads(nearboot("server", "list", "-o", "json").out)
    assert len(servers) == hosts == 1737
    assert len({mac for server in servers for mac in server["macs"]}) == hosts - 1

    loaded = nearboot("latency", "load", PAIRS, "--any-age")
    assert "20 samples between 5 locations" in loaded.lines[0]
    routes = json.loads(nearboot("route", "show", "-o", "json").out)
    sites = ("codfw", "eqiad", "eqsin", "esams", "ulsfo")
    assert {r["location"]: r["chosen"] for r in routes} == {site: f"{site}-boot" for site in sites}

    said = nearboot("kea", "generate", "-o", tmp_path / "kea")
    assert f"33 subnets, {hosts - 1} hosts with {hosts - 1} interfaces" in said.lines[0]
    assert said.lines[1] == "  not reserved: pki1001.eqiad.wmnet: it has no MAC"
    dhcp4 = json.loads((tmp_path / "kea" / "kea-dhcp4.conf").read_text())["Dhcp4"]
    reserved = [*dhcp4["reservations"], *(r for s in dhcp4["subnet4"] for r in s.get("reservations", []))]
    assert len(reserved) == hosts - 1
    assert Counter(r["hw-address"] for r in reserved)["d0:94:66:5f:4a:3c"] == 1


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_hosts_file_gives_a_real_fleet_the_addresses_that_kea_reserves(nearboot: Nearboot, tmp_path: Path) -> None:
    """All its fixed-addresses are names: without the file Kea would know everyone and have no address for anyone."""
    if not FLEET.is_dir():
        pytest.skip(f"the fleet's files are not there: {FLEET}")
    imported = ("inventory", "import", "isc-dhcpd", FLEET / "dhcpd.conf", "--rules", RULES)
    first = nearboot(*imported, code=1)
    assert any("address-is-name: 1737 hosts have a name instead of an address" in line for line in first.lines)
    assert [r.get("ip-address") for r in _reservations(nearboot, tmp_path / "before").values()] == [None] * 1736

    servers = json.loads(nearboot("server", "list", "-o", "json").out)
    nearboot("inventory", "export", tmp_path / "out")
    free = _free_addresses(tmp_path / "out")
    invented = {server["name"]: next(free[server["location"]]) for server in servers}
    names = sorted(invented)
    for file, part in (("a.hosts", names[:900]), ("b.hosts", names[900:])):
        (tmp_path / file).write_text("# invented\n" + "".join(f"{invented[name]}\t{name}\n" for name in part))

    second = nearboot(*imported, "--hosts", tmp_path / "a.hosts", "--hosts", tmp_path / "b.hosts", code=1)
    assert not any("address-is-name" in line for line in second.lines)
    assert "changed: 1737 servers" in second.lines
    reserved = _reservations(nearboot, tmp_path / "after")
    del invented["pki1001.eqiad.wmnet"]  # its MAC is another host's
    assert len(reserved) == 1736
    assert sorted(r["ip-address"] for r in reserved.values()) == sorted(map(str, invented.values()))


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_small_import_with_tiers_of_a_file(quickstart: Nearboot, tmp_path: Path) -> None:
    """The rules need not name the CSV; exit 1 says that a host was left out, 0 that none was, 2 that there would be."""
    conf, rules, tiers = tmp_path / "dhcpd.conf", tmp_path / "rules.yaml", tmp_path / "tiers.csv"
    host = "host %s { hardware ethernet 2:0:0:0:0:%d; fixed-address 10.77.0.%d; }\n"
    conf.write_text(host % ("new1", 1, 201) + host % ("lost1", 2, 202))
    rules.write_text("hostnames:\n- {regex: 'new.*', location: ams}\n")
    tiers.write_text("fqdn,role\nnew1,cache\n")
    imported = ("inventory", "import", "isc-dhcpd", conf, "--rules", rules, "--tiers", tiers)
    assert "would add: 1 tier, 1 server" in quickstart(*imported, "--dry-run", code=1).lines
    ran = quickstart(*imported, code=1)
    assert "hosts: 2 read, 1 server made with 1 interface, 1 not imported (1 no-location)" in ran.lines
    assert ran.lines[-1] == "1 error: not everything could be imported; what could be is"
    assert json.loads(quickstart("server", "list", "new1", "-o", "json").out)[0]["tier"] == "cache"
    rules.write_text("hostnames:\n- {regex: '.*1', location: ams}\n")
    quickstart(*imported, "--dry-run", code=2)
    quickstart(*imported, code=0)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_rule_that_names_no_location_is_told_once(
    quickstart: Nearboot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rules' own line, not once a server of a file that nobody wrote."""
    monkeypatch.chdir(tmp_path)
    Path("dhcpd.conf").write_text("host a1 { hardware ethernet 2:0:0:0:0:1; }\nhost a2 { }\n")
    Path("rules.yaml").write_text("hostnames:\n- {regex: 'a.*', location: amms}\nmodels:\n- ")
    with Path("rules.yaml").open("a") as file:
        file.write("{setting: filename, match: x, model: none}\n")
    ran = quickstart("inventory", "import", "isc-dhcpd", "dhcpd.conf", "--rules", "rules.yaml", code=1)
    found = ran.err.splitlines()
    assert found[0] == (
        "rules.yaml:2: hostnames[0].location: found the unknown location 'amms'; expected a location that create makes "
        "or the database has; did you mean 'ams'?"
    )
    assert found[1].startswith("rules.yaml:4: models[0].model: found the unknown hardware model 'none'; expected ")
    assert len(found) == 3


@pytest.mark.parametrize("backend", ["sqlite"])
def test_help_is_not_cut_off_and_names_the_example_of_rules(nearboot: Nearboot) -> None:
    """Each verb has its whole line."""
    assert "..." not in nearboot("inventory", "--help").out.partition("Commands:")[2]
    said = " ".join(nearboot("inventory", "import", "isc-dhcpd", "--help").out.split())
    assert "see examples/wikimedia/rules.yaml in the source" in said
    assert "columns fqdn and role" in said


def test_a_hosts_file_with_faults_is_refused(nearboot: Nearboot, tmp_path: Path) -> None:
    """File, line, found and expected; the database is as it was."""
    (tmp_path / "dhcpd.conf").write_text("host a { hardware ethernet 2:0:0:0:0:1; fixed-address a.esams.wmnet; }\n")
    (tmp_path / "hosts").write_text("10.0.0.1\n\n10.0.0.300 a\n")
    words = ("inventory", "import", "isc-dhcpd", tmp_path / "dhcpd.conf", "--rules", RULES)
    ran = nearboot(*words, "--hosts", tmp_path / "hosts", "--hosts", tmp_path / "gone", code=1)
    assert "gone: found No such file or directory" in ran.err
    ran = nearboot(*words, "--hosts", tmp_path / "hosts", code=1)
    assert [line.partition("hosts:")[2] for line in ran.err.splitlines()[:2]] == [
        "1: found no name after the address; expected the address's name, and its aliases",
        "3: found '10.0.0.300'; expected an IPv4 or IPv6 address, then names",
    ]
    assert nearboot("server", "list").out == ""


def _reservations(nearboot: Nearboot, folder: Path) -> dict[str, dict[str, Any]]:
    """Kea's reservations by MAC; each address is in the subnet that its reservation stands in."""
    nearboot("kea", "generate", "-o", folder)
    dhcp4 = json.loads((folder / "kea-dhcp4.conf").read_text())["Dhcp4"]
    found = list(dhcp4["reservations"])
    for subnet in dhcp4["subnet4"]:
        inside = subnet.get("reservations", [])
        assert all(ip_address(r["ip-address"]) in ip_network(subnet["subnet"]) for r in inside)
        found += inside
    return {reservation["hw-address"]: reservation for reservation in found}


def _free_addresses(folder: Path) -> dict[str, Iterator[IPv4Address]]:
    """Addresses in the exported subnets of each place that are neither a gateway's nor a boot server's."""
    subnets = yaml.safe_load((folder / "subnets.yaml").read_text())["subnets"]
    boot_servers = yaml.safe_load((folder / "boot_servers.yaml").read_text())["boot_servers"]
    taken = {subnet.get("gateway") for subnet in subnets} | {server.get("ipv4") for server in boot_servers}
    free: dict[str, list[IPv4Address]] = {}
    for subnet in subnets:
        addresses = (address for address in ip_network(subnet["prefix"]).hosts() if str(address) not in taken)
        free.setdefault(subnet["location"], []).extend(addresses)
    return {place: iter(addresses) for place, addresses in free.items()}


@pytest.fixture
def empty_nearboot(
    backend: str, request: pytest.FixtureRequest, nearboot: Nearboot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Nearboot:
    """The command line on a second database, from nothing; used instead of the first from its first call on."""
    url = request.getfixturevalue("empty_database_url")

    def _nearboot(*words: object, code: int = 0) -> Any:
        monkeypatch.setenv("NEARBOOT_DATABASE_URL", url)
        nearboot("db", "upgrade")
        return nearboot(*words, code=code)

    return _nearboot


def _texts(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}
