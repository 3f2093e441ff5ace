"""A real fleet of five sites with measured round trips: why a server boots from where it does, and a drain."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Nearboot = Callable[..., Any]

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
WIKIMEDIA = DATA / "wikimedia"
PAIRS = DATA / "latency" / "wondernetwork_2018-11_pairs.csv"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the real data is not beside the checkout")


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture
def fleet(nearboot: Nearboot) -> Nearboot:
    """1,737 servers at five sites, and the round trips between the cities of these."""
    files = [WIKIMEDIA / "dhcpd.conf", *sorted(WIKIMEDIA.glob("linux-host-entries.*"))]
    rules = ROOT / "examples" / "wikimedia" / "rules.yaml"
    tiers = WIKIMEDIA / "roles.csv"
    nearboot("inventory", "import", "isc-dhcpd", *files, "--rules", rules, "--tiers", tiers, code=1)  # a MAC twice
    nearboot("latency", "load", PAIRS, "--source", "wonder", "--any-age")
    return nearboot


def test_a_server_and_a_drain_of_its_site(fleet: Nearboot) -> None:
    """Its own site first; without that the next by the measured table; 34 servers move, by name."""
    lines = fleet("route", "explain", "cp3050").lines
    assert lines[0].startswith("cp3050.esams.wmnet boots over IPv4 from esams-boot (91.198.174.63, at its own place")
    assert "why not eqiad-boot: farther: 84.2 ms per block against 0.3 ms of esams-boot" in lines
    assert "Kea will say: next-server 91.198.174.63, boot file pxelinux.0" in lines
    found = json.loads(fleet("route", "whatif", "--drain", "esams", "-o", "json", code=2).out)
    (moved,) = found["moved"]
    assert (moved["location"], moved["servers"], moved["after"]["boot_server"]) == ("esams", 34, "eqiad-boot")
    assert "cp3050.esams.wmnet" in moved["names"]
    assert {each["boot_server"]: each["servers_after"] for each in found["loads"]} == {
        "codfw-boot": 674, "eqiad-boot": 1003, "eqsin-boot": 32, "esams-boot": 0, "ulsfo-boot": 28,
    }  # fmt: skip
    assert (found["servers"], found["stranded"]) == (1737, [])
