# ruff: noqa: E501 - the expected text is as wide as its table
"""The explanation, as a value and as text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest

from nearboot.model import (
    AdminState,
    BootServer,
    Estimate,
    Health,
    Interface,
    Location,
    LocationKind,
    Server,
    Slug,
    Subnet,
    mac_from_text,
)
from nearboot.routing.explain import Explanation, age_text, explain
from nearboot.routing.policy import Policy
from nearboot.routing.reply import reply
from nearboot.routing.select import select

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLACES = [
    Location(Slug("us"), LocationKind.REGION),
    Location(Slug("eqiad"), LocationKind.SITE, parent=Slug("us")),
    Location(Slug("codfw"), LocationKind.SITE, parent=Slug("us")),
    Location(Slug("a1"), LocationKind.RACK, parent=Slug("eqiad")),
]
SERVERS = [
    BootServer(Slug("boot-eqiad"), Slug("eqiad"), IPv4Address("10.1.0.5"), IPv6Address("2001:db8:1::5")),
    BootServer(
        Slug("boot-codfw"), Slug("codfw"), IPv4Address("10.2.0.5"), IPv6Address("2001:db8:2::5"), tftp_port=6969
    ),
    BootServer(Slug("boot-lab"), Slug("codfw"), IPv4Address("10.2.0.6"), state=AdminState.DISABLED),
]
ESTIMATES = {
    Slug("boot-eqiad"): Estimate(0.3, 0.0, "local"),
    Slug("boot-codfw"): Estimate(33.3, 0.01, "parent", 1200.0, 30, 0.05, (Slug("codfw"), Slug("eqiad"))),
    Slug("boot-lab"): Estimate(None, 0.0, "default"),
}
HEALTH = {
    Slug("boot-eqiad"): Health(Slug("boot-eqiad"), NOW - timedelta(seconds=4), True),
    Slug("boot-codfw"): Health(Slug("boot-codfw"), NOW - timedelta(minutes=3), False, "timed out"),
}
WEB1 = Server("web1.example", Slug("a1"))
ETH0 = Interface("eth0", mac_from_text("52:54:00:00:00:01"), ipv4=IPv4Address("10.1.0.11"))
SUBNET = Subnet(ip_network("10.1.0.0/24"), Slug("eqiad"))
FILES = {"kernel": 8_000_000, "initrd": 40_000_000}


def _explain(
    family: int = 4,
    *,
    at: str = "a1",
    servers: list[BootServer] | None = None,
    interface: Interface | None = ETH0,
    subnet: Subnet | None = SUBNET,
    networked: bool = True,
    health: dict[Slug, Health] | None = None,
) -> Explanation:
    servers = SERVERS if servers is None else servers
    health = HEALTH if health is None else health
    place = next(place for place in PLACES if place.slug == at)
    (route,) = select([place], servers, lambda _, s: ESTIMATES[s.name], health, family=family, policy=Policy(), now=NOW)
    return explain(
        WEB1,
        route,
        interface=interface,
        subnet=subnet,
        locations=PLACES,
        boot_servers=servers,
        estimates=ESTIMATES,
        health=health,
        files=FILES,
        kea=reply(
            WEB1,
            family,
            interface=interface,
            chosen=next((each for each in servers if each.name == route.chosen), None),
            networked=networked,
            boot_files={"": "pxelinux.0"},
        ),
        policy=Policy(),
        now=NOW,
    )


def test_lines_answer_first_and_then_tell_the_way() -> None:
    """The whole text, as an operator reads it."""
    assert "\n".join(_explain().lines()) == EXPECTED


EXPECTED = """\
web1.example boots over IPv4 from boot-eqiad
  boot-eqiad is the only one that can be used, at 0.3 ms per block
interface: eth0 (52:54:00:00:00:01, 10.1.0.11)
subnet: 10.1.0.0/24 at eqiad
location: rack a1 in site eqiad in region us
candidates:
  rank            boot server  at     round trip  loss  per block  known by                      age           probes  health            kernel+initrd
  1               boot-eqiad   eqiad  0.3 ms      0.0%  0.3 ms     same site                     -             -       healthy 4 s ago   9.8 s
  2 (not usable)  boot-codfw   codfw  33.3 ms     1.0%  45.1 ms    measured codfw → eqiad (+5%)  20 min (old)  30      failed 3 min ago  25 min
  3 (not usable)  boot-lab     codfw  unknown     -     unknown    nothing                       -             -       never probed      unknown
why not boot-codfw: it failed its last read, 180 s ago: timed out; cannot be used, and is not nearer: 45.1 ms per block against 0.3 ms of boot-eqiad
why not boot-lab: it is disabled; cannot be used, and nothing is known of the path
predicted: kernel of 8,000,000 bytes in 5,450 blocks of 1468 bytes, windows of 1: 1.6 s
predicted: initrd of 40,000,000 bytes in 27,248 blocks of 1468 bytes, windows of 1: 8.2 s
Kea will say: next-server 10.1.0.5, boot file pxelinux.0"""


def test_value_carries_what_the_text_says() -> None:
    """Candidates in rank order with estimate, health and time; files with blocks; places innermost first."""
    explained = _explain()
    assert [place.slug for place in explained.places] == ["a1", "eqiad", "us"]
    assert [w.candidate.boot_server for w in explained.candidates] == ["boot-eqiad", "boot-codfw", "boot-lab"]
    assert [w.health for w in explained.candidates] == ["healthy 4 s ago", "failed 3 min ago", "never probed"]
    assert explained.candidates[0].predicted_s == pytest.approx((5450 + 27248) * 0.0003)
    assert [(d.name, d.size, d.blocks) for d in explained.downloads] == [
        ("kernel", 8_000_000, 5450), ("initrd", 40_000_000, 27248),
    ]  # fmt: skip


def test_what_kea_says_stands_last() -> None:
    """An unusable boot server says nothing: the headline has why."""
    assert _explain(6).lines()[-1] == "Kea will say: bootfile-url tftp://[2001:db8:1::5]/pxelinux.0"
    lines = _explain(servers=[SERVERS[2]]).lines()
    assert lines[0] == "web1.example cannot boot over IPv4: no boot server"
    assert "Kea" not in "".join(lines)


def test_the_headline_promises_only_what_will_happen() -> None:
    """Kea has nothing to know the server by; or its place has no subnet of that family."""
    stranger = _explain(interface=replace(ETH0, mac=None)).lines()
    assert stranger[0] == "web1.example would boot over IPv4 from boot-eqiad, as a client that Kea does not know"
    assert stranger[-1].startswith("Kea knows it by nothing (no MAC): no reservation; ")
    lines = _explain(6, networked=False).lines()
    assert lines[0] == "web1.example cannot boot over IPv6: no IPv6 subnet at a1"
    assert "Kea will say" not in "".join(lines)


def test_unknown_health_is_said_once() -> None:
    """However many boot servers were never probed."""
    lines = _explain(health={}).lines()
    assert "health unknown (no read lately), so they count as up: boot-eqiad, boot-codfw" in lines
    assert "\n".join(lines).count("as up") == 1


def test_route_of_an_outer_location_is_said_to_be() -> None:
    """A rack without a route of its own has its site's."""
    assert "location: rack a1 in site eqiad in region us; the route is that of eqiad" in _explain(at="eqiad").lines()


def test_what_the_inventory_lacks_is_said() -> None:
    """No interface, no subnet, no boot server: each has its line, and nothing fails."""
    lines = _explain(servers=[], interface=None, subnet=None).lines()
    assert lines[:2] == (
        "web1.example cannot boot over IPv4: no boot server",
        "  no boot server with an IPv4 address can be used: there is none at all",
    )
    assert "interface: none that may netboot is in the inventory" in lines
    assert "subnet: none in the inventory" in lines
    assert "subnet: none in the inventory" in _explain(subnet=None).lines()
    assert "subnet: that of its place, as no address is known" in _explain(6, subnet=None).lines()
    assert lines[-1].endswith("unknown")


def test_chosen_with_something_to_say_has_a_note() -> None:
    """Reasons on the chosen one are not a why-not."""
    sick = [replace(SERVERS[1], state=AdminState.ACTIVE)]
    assert "note on boot-codfw: it failed its last read, 180 s ago: timed out" in _explain(servers=sick).lines()


@pytest.mark.parametrize(
    ("age_s", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 d"), (-3, "0 s")]
)
def test_age_is_in_its_largest_fitting_unit(age_s: float, text: str) -> None:
    """One number, short enough for a table."""
    assert age_text(age_s) == text
