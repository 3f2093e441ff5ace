"""Documents in, one transaction, an audit entry; includes of another system's files are found beside them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from nearboot.app import inventory
from nearboot.app.database import reading
from nearboot.config import Config
from nearboot.errors import InputError
from nearboot.inventory import boot_store

DHCPD = """
include "hosts.conf";
subnet 10.5.0.0 netmask 255.255.255.0 { option routers 10.5.0.1; next-server 10.5.0.2; }
"""
HOSTS = "host web1 { hardware ethernet 02:00:00:00:05:01; fixed-address 10.5.0.11; }\n"
RULES = """
create: {locations: [{slug: osl, kind: site, name: Oslo}]}
hostnames: [{regex: 'web\\d+', location: osl}]
subnets: [{next_server: 10.5.0.2, location: osl}]
"""


def _load(config: Config, now: datetime, *paths: object, dry_run: bool = False) -> list[tuple[str, str]]:
    names = [str(path) for path in paths]
    changes = inventory.load(config, names, prune=False, dry_run=dry_run, actor="ada", now=now)
    return [(change.action, change.name) for change in inventory.effective(changes)]


def test_only_loads_that_change_something_are_written_down(config: Config, now: datetime, tmp_path: Path) -> None:
    """A load that a timer repeats leaves no trace."""
    file = tmp_path / "a.yml"
    file.write_text("tiers: [{slug: web}]\n")
    assert _load(config, now, file, dry_run=True) == [("added", "web")]
    assert _load(config, now, file) == [("added", "web")]
    assert _load(config, now, file) == []
    with reading(config) as session:
        (entry,) = boot_store.audit(session)
    assert (entry.actor, entry.action, entry.subject, entry.detail) == ("ada", "inventory.load", str(file), "1 added")


def test_what_a_load_removes_is_written_down_by_name(config: Config, now: datetime, tmp_path: Path) -> None:
    """It stands nowhere else afterwards; of many the first twenty."""
    file = tmp_path / "a.yaml"
    for first, count in ((0, 22), (21, 3), (23, 1)):
        file.write_text("tiers:\n" + "".join(f"  - {{slug: t{n:02}}}\n" for n in range(first, first + count)))
        inventory.load(config, [str(file)], prune=True, dry_run=False, actor="ada", now=now)
    with reading(config) as session:
        last, middle, first_entry = (entry.detail for entry in boot_store.audit(session))
    assert first_entry == "22 added"
    assert middle.startswith("2 added, 21 removed; removed: tier t00, tier t01, tier t02, ")
    assert middle.endswith(", tier t19 and 1 more")
    assert last == "2 removed; removed: tier t21, tier t22"


def test_an_import_takes_addresses_from_hosts_files(config: Config, now: datetime, tmp_path: Path) -> None:
    """Of all that are named."""
    host = "host web%d { hardware ethernet 02:00:00:00:05:0%d; fixed-address web%d; }\n"
    hosts = "".join(host % (n, n, n) for n in (1, 2))
    texts = (("dhcpd.conf", DHCPD), ("hosts.conf", hosts), ("rules.yaml", RULES), ("a", "10.5.0.11 web1\n"))
    for name, text in (*texts, ("b", "10.5.0.12 web2\n")):
        (tmp_path / name).write_text(text)
    inventory.import_isc_dhcpd(
        config,
        [str(tmp_path / "dhcpd.conf")],
        rules=str(tmp_path / "rules.yaml"),
        tiers=None,
        hosts=[str(tmp_path / "a"), str(tmp_path / "b")],
        prune=False,
        dry_run=False,
        actor="ada",
        now=now,
    )
    found = [str(server.interfaces[0].ipv4) for server in inventory.read(config).servers]
    assert found == ["10.5.0.11", "10.5.0.12"]


def test_an_empty_inventory_is_exported_to_no_file(config: Config, tmp_path: Path) -> None:
    """Only what an earlier export left is made empty."""
    assert inventory.export(config, tmp_path / "out") == []
    (tmp_path / "tiers.yaml").write_text("tiers: [{slug: old}]\n")
    assert inventory.export(config, tmp_path) == [tmp_path / "tiers.yaml"]
    assert (tmp_path / "tiers.yaml").read_text() == "tiers: []\n"


def test_folders_are_read_to_their_depth(config: Config, now: datetime, tmp_path: Path) -> None:
    """Both endings; anything else in them is left alone."""
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "a.yaml").write_text("tiers: [{slug: a}]\n")
    (tmp_path / "x" / "y" / "b.yml").write_text("tiers: [{slug: b}]\n")
    (tmp_path / "x" / "README.md").write_text("no: [yaml\n")
    assert _load(config, now, tmp_path / "x") == [("added", "a"), ("added", "b")]


def test_faults_leave_the_database_as_it_was(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """Also those of the second file."""
    (tmp_path / "good.yaml").write_text("tiers: [{slug: good}]\n")
    (tmp_path / "bad.yaml").write_text("servers: [{name: x, location: nowhere}]\n")
    before = inventory.read(fleet)
    with pytest.raises(InputError, match="nowhere"):
        _load(fleet, now, tmp_path / "good.yaml", tmp_path / "bad.yaml")
    assert inventory.read(fleet) == before


def test_an_import_finds_its_includes(config: Config, now: datetime, tmp_path: Path) -> None:
    """Beside the file that names them; a dry run stores nothing; a second import changes nothing."""
    for name, text in (("dhcpd.conf", DHCPD), ("hosts.conf", HOSTS), ("rules.yaml", RULES)):
        (tmp_path / name).write_text(text)

    def run(*, dry_run: bool = False) -> int:
        done = inventory.import_isc_dhcpd(
            config,
            [str(tmp_path / "dhcpd.conf")],
            rules=str(tmp_path / "rules.yaml"),
            tiers=None,
            prune=False,
            dry_run=dry_run,
            actor="ada",
            now=now,
        )
        return len(inventory.effective(done.changes))

    assert run(dry_run=True) == 4
    assert inventory.read(config).servers == ()
    assert run() == 4, "a location, a subnet, a boot server, a server"
    assert [server.name for server in inventory.read(config).servers] == ["web1"]
    assert run() == 0


def test_the_doctor_sees_what_is_stored(fleet: Config) -> None:
    """The same findings as of a document."""
    assert "subnet-no-gateway" in {finding.code for finding in inventory.check(fleet)}
