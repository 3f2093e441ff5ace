# ruff: noqa: E501 - the expected text is as wide as its table
"""The explanation as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, ip_network

import pytest

from nearboot.model import AdminState, BootServer, Estimate, Interface, Slug, Subnet
from nearboot.routing.explain import Explanation
from nearboot.routing.explain_text import lines

Explain = Callable[..., Explanation]

FAR = Estimate(20.0, 0.0, "geo")
CODFW = BootServer(Slug("boot-codfw"), Slug("codfw"), IPv4Address("10.2.0.5"), state=AdminState.ACTIVE)


def test_lines_answer_first_and_then_tell_the_way(explained: Explain) -> None:
    """The whole text, as an operator reads it."""
    assert "\n".join(lines(explained())) == EXPECTED


EXPECTED = """\
web1.example boots over IPv4 from boot-eqiad (10.1.0.5, at its own place, eqiad)
  boot-eqiad is the only one that can be used, at 0.3 ms per block

server:       boots by interface eth0 (52:54:00:00:00:01, 10.1.0.11)
relay:        the DHCP request comes through a router, whose address in it (giaddr: an address in 10.1.0.0/24) tells Kea the subnet
subnet:       10.1.0.0/24 at eqiad, which that address is of
location:     rack a1 in site eqiad in region us
candidates:   3 boot servers in the inventory; of these
                not disabled:               2 (not boot-lab)
                allowed here:               2
                has an IPv4 address:        2
                active, not draining:       2
                did not fail its last read: 1 (boot-eqiad)
tie-break:    none is needed: costs within 0.2 ms of it are equal, and no other that may be chosen is so near
time:         kernel: 8,000,000 bytes are 5,682 blocks of 1408 bytes, one at a time, as PXELINUX asks for them: 1.7 s
              initrd: 40,000,000 bytes are 28,410 blocks of 1408 bytes, one at a time, as PXELINUX asks for them: 8.5 s
Kea will say: next-server 10.1.0.5, boot file pxelinux.0

rank            boot server  at     round trip  loss  a block takes  known by                      age           probes  health            all files
1               boot-eqiad   eqiad  ~0.3 ms     -     ~0.3 ms        same site, not measured       -             -       healthy 4 s ago   10.2 s
2 (not usable)  boot-codfw   codfw  33.3 ms     1.0%  45.1 ms        measured codfw → eqiad (+5%)  20 min (old)  30      failed 3 min ago  26 min
3 (not usable)  boot-lab     codfw  unknown     -     unknown        nothing                       -             -       never probed      unknown
  a block takes: the round trip, and the waiting for packets that get lost; a client waits so for each block
  ~: nobody has measured it: it follows from the places
  (+%): added, since it was not measured on this very path
  (old): measured more than 15 min ago; used, as there is no newer

why not boot-codfw: it failed its last read, 180 s ago: timed out; cannot be used, and is not nearer: 45.1 ms per block against 0.3 ms of boot-eqiad
why not boot-lab: it is disabled; cannot be used, and nothing is known of the path"""


def test_what_kea_says_is_said_where_it_says_something(explained: Explain) -> None:
    """An unusable boot server says nothing: the headline has why."""
    assert "Kea will say: bootfile-url tftp://[2001:db8:1::5]/pxelinux.0" in lines(explained(6))
    told = lines(explained(servers=[replace(CODFW, state=AdminState.DISABLED)]))
    assert told[0] == "web1.example cannot boot over IPv4: no boot server"
    assert "Kea will" not in "".join(told)


def test_the_headline_promises_only_what_will_happen(explained: Explain) -> None:
    """Kea has nothing to know the server by; or its place has no subnet of that family."""
    stranger = lines(explained(interface=Interface("eth0", ipv4=IPv4Address("10.1.0.11"))))
    assert stranger[0].startswith(
        "web1.example would boot over IPv4 from boot-eqiad (10.1.0.5, at its own place, eqiad)"
    )
    assert stranger[0].endswith(", as a client that Kea does not know")
    assert any(line.startswith("Kea knows it by nothing (no MAC): no reservation; ") for line in stranger)
    told = lines(explained(6, networked=False))
    assert told[0] == "web1.example cannot boot over IPv6: no IPv6 subnet at a1"
    assert "Kea will say" not in "".join(told)


def test_unknown_health_is_said_once(explained: Explain) -> None:
    """However many boot servers were never probed."""
    told = lines(explained(health={}))
    assert "health unknown (no read lately), so they count as up: boot-eqiad, boot-codfw" in told
    assert "\n".join(told).count("as up") == 1


def test_route_of_an_outer_location_is_said_to_be(explained: Explain) -> None:
    """A rack without a route of its own has its site's."""
    text = "location:     rack a1 in site eqiad in region us; the route is that of eqiad"
    assert text in lines(explained(at="eqiad"))


def test_what_the_inventory_lacks_is_said(explained: Explain) -> None:
    """No interface, no subnet, no boot server: each has its line, and nothing fails."""
    told = lines(explained(servers=[], interface=None, subnet=None))
    assert told[:2] == (
        "web1.example cannot boot over IPv4: no boot server",
        "  no boot server with an IPv4 address can be used: there is none at all",
    )
    text = "\n".join(told)
    assert "server:       no interface that may netboot is in the inventory" in text
    assert "subnet:       none in the inventory" in text
    assert "candidates:   no boot server is in the inventory" in text


def test_without_an_address_the_relay_says_which_subnet(explained: Explain) -> None:
    """Kea picks the subnet by the relay; those that it may be are named, a few of many."""
    subnets = tuple(
        Subnet(ip_network(f"10.1.{n}.0/24"), Slug("a1"), gateway=IPv4Address(f"10.1.{n}.1")) for n in range(5)
    )
    told = "\n".join(lines(explained(interface=Interface("eth0"), subnet=None, subnets=subnets)))
    assert (
        "one of the 5 of its place, as no address of it is known: 10.1.0.0/24, 10.1.1.0/24, 10.1.2.0/24 and 2 more"
        in told
    )
    assert "(giaddr: one of 10.1.0.1, 10.1.1.1, 10.1.2.1 and 2 more)" in told


def test_chosen_with_something_to_say_has_a_note(explained: Explain) -> None:
    """Reasons on the chosen one are not a why-not; the condition that it fails does not count, which is said."""
    told = lines(explained(servers=[CODFW]))
    assert "note on boot-codfw: it failed its last read, 180 s ago: timed out" in told
    assert any(line.endswith("0, so this does not count: better a doubtful one than none") for line in told)


@pytest.mark.parametrize("files", [pytest.param({}, id="unknown"), pytest.param({"kernel": 1}, id="known")])
def test_an_example_is_said_to_be_one(explained: Explain, files: dict[str, int]) -> None:
    """Nobody may take the time of an example for that of the server."""
    assert ("as an example" in "\n".join(lines(explained(files=files)))) is (not files)


def test_of_many_candidates_the_first_are_shown(explained: Explain) -> None:
    """Each with its reason; how to see the others is said."""
    servers = [replace(CODFW, name=Slug(f"boot-{number:02}")) for number in range(40)]
    told = lines(explained(servers=servers, estimates=dict.fromkeys((s.name for s in servers), FAR)))
    assert "  and 28 more of a lower rank (--all shows them)" in told
    assert sum(line.startswith("why not ") for line in told) == 11
    assert any("tie-break:    40 are equally near (costs within 0.2 ms of it are equal)" in line for line in told)
    every = lines(explained(servers=servers, estimates=dict.fromkeys((s.name for s in servers), FAR)), every=True)
    assert sum(line.startswith("why not ") for line in every) == 39
