"""The two files of Kea, the routes that they say, and what is refused before Kea is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from nearboot.app import inventory, kea
from nearboot.app.database import reading
from nearboot.config import Config, KeaConfig
from nearboot.errors import ConfigError, InputError
from nearboot.inventory import boot_store, route_store


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def test_the_routes_that_kea_is_told_are_kept(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """A trace compares a boot with them."""
    four, six = kea.generate(fleet, tmp_path, kea.settings(fleet), actor="ada", now=now)
    assert (four.path.name, six.path.name) == ("kea-dhcp4.conf", "kea-dhcp6.conf")
    assert four.changed and four.survey.hosts == 2
    with reading(fleet) as session:
        kept = {(r.location, r.family): r.chosen for r in route_store.routes(session)}
        assert route_store.routes_decided_at(session) == now
        (entry, *_) = boot_store.audit(session)
    assert (entry.action, entry.subject) == ("kea.generate", str(tmp_path))
    assert entry.detail.startswith("kea-dhcp4.conf changed (1 subnets, 2 reservations); kea-dhcp6.conf changed (0 ")
    assert kept[("here", 4)] == "here-boot"
    again = kea.generate(fleet, tmp_path, kea.settings(fleet), actor="ada", now=now)
    with reading(fleet) as session:
        assert boot_store.audit(session)[0].detail.startswith("kea-dhcp4.conf unchanged (")
    assert [item.changed for item in again] == [False, False]


def test_settings_reach_the_files(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """Interfaces, lifetime, sockets, lease file."""
    config = replace(fleet, kea=KeaConfig(interfaces4=("eth7",), valid_lifetime_s=77, run_dir="/r", lease_dir="/l"))
    kea.generate(config, tmp_path, kea.settings(config), actor="ada", now=now)
    dhcp4 = json.loads((tmp_path / "kea-dhcp4.conf").read_text())["Dhcp4"]
    assert dhcp4["interfaces-config"]["interfaces"] == ["eth7"]
    assert dhcp4["valid-lifetime"] == 77
    assert dhcp4["lease-database"]["name"] == "/l/kea-leases4.csv"


def test_a_wrong_choice_is_told() -> None:
    """With the choices that there are."""
    with pytest.raises(ConfigError, match="raw or udp"):
        kea.settings(Config(kea=KeaConfig(socket_type="tcp")))


def test_our_own_checks_need_no_kea(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """A file that is missing is told as such."""
    with pytest.raises(InputError, match="nearboot kea generate"):
        kea.check(tmp_path, ask_kea=False)
    kea.generate(fleet, tmp_path, kea.settings(fleet), actor="ada", now=now)
    checked = kea.check(tmp_path, ask_kea=False)
    assert [item.verdict for item in checked] == [None, None]


def test_a_pinned_server_is_sent_elsewhere_by_its_reservation(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """Its tier says so; the subnet goes on with the nearest."""
    (tmp_path / "pin.yaml").write_text("tiers: [{slug: lab, name: Lab, boot_from: [there-boot]}]\n")
    inventory.load(fleet, [str(tmp_path / "pin.yaml")], prune=False, dry_run=False, actor="ada", now=now)
    kea.generate(fleet, tmp_path, kea.settings(fleet), actor="ada", now=now)
    (subnet,) = json.loads((tmp_path / "kea-dhcp4.conf").read_text())["Dhcp4"]["subnet4"]
    assert subnet["next-server"] == "127.0.0.1"
    told = {host["hostname"]: host.get("next-server") for host in subnet["reservations"]}
    assert told == {"lo-01": "127.0.0.5", "lo-02": "127.0.0.5"}
