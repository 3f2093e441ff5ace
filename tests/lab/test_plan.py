"""Plans: the commands of the shipped topology, word for word; rules that hold for any."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from nearboot.lab.plan import boot_namespace, machine_tap, prefix, site_namespace, steps, teardown, wires
from nearboot.lab.topology import Link, Topology, parse
from nearboot.model import Slug

GOLDEN = Path(__file__).parent / "golden"


def test_two_sites_is_built_by_these_commands(two_sites: Topology) -> None:
    """Golden: a change of the network is a change of this file."""
    built = "".join(" ".join(step.argv) + "\n" for step in steps(two_sites))
    assert built == (GOLDEN / "two-sites.steps").read_text()


def test_two_sites_is_taken_away_in_reverse(two_sites: Topology) -> None:
    """Every namespace that was made goes, the last one first; the rest goes with them."""
    taken = "".join(" ".join(argv) + "\n" for argv in teardown(two_sites))
    assert taken == (GOLDEN / "two-sites.teardown").read_text()
    made = [step.argv[3] for step in steps(two_sites) if step.argv[:3] == ("ip", "netns", "add")]
    assert [argv[3] for argv in teardown(two_sites)] == made[::-1]


def test_interface_names_fit_the_kernel() -> None:
    """Names of interfaces stay below 16 characters and are unique in their namespace, however many there are."""
    sites = "".join(f"  - {{name: a-site-with-a-long-name-{i}, ipv4: 10.{i}.0.1/24}}\n" for i in range(60))
    hub = "".join(
        f"  - {{between: [a-site-with-a-long-name-0, a-site-with-a-long-name-{i}], delay_ms: 1}}\n"
        for i in range(1, 60)
    )
    nodes = "".join(f"  - {{name: b{i}, site: a-site-with-a-long-name-{i}, ipv4: 10.{i}.0.2}}\n" for i in range(60))
    text = f"sites:\n{sites}links:\n{hub}kea: [{{site: a-site-with-a-long-name-0}}]\nboot_servers:\n{nodes}"
    lines = "\n".join(" ".join(step.argv) for step in steps(parse(text, "long.yaml")))
    added = re.findall(r"-n (\S+) (?:link add|tuntap add dev) (\S+)", lines)
    assert len(set(added)) == len(added) == 60 + 60 + 2 * 59
    assert all(len(interface) <= 15 for _, interface in added)


def test_no_lab_owns_the_namespaces_of_another() -> None:
    """A lab whose name begins another's name does not claim the other's namespaces."""
    assert not site_namespace("two-site-x", "y").startswith(prefix("two"))
    assert not boot_namespace("two-sites", "b").startswith(prefix("two"))
    assert site_namespace("two", "x").startswith(prefix("two"))


def test_a_site_behind_another_is_routed_through_it(two_sites: Topology) -> None:
    """Three sites in a row: the ends reach each other by the middle one's link address."""
    ams, fra = two_sites.sites
    par = replace(fra, name=Slug("par"), ipv4=None, ipv6=ams.ipv6)
    three = replace(two_sites, sites=(ams, par, fra), links=(Link(ams.name, par.name, 1), Link(par.name, fra.name, 1)))
    routes = [" ".join(step.argv) for step in steps(three) if "src" in step.argv]
    assert "ip -n nb-two-sites:site:ams route add 10.78.0.0/24 via 100.64.0.2 src 10.77.0.1" in routes
    assert "ip -n nb-two-sites:site:fra route add 10.77.0.0/24 via 100.64.0.5 src 10.78.0.1" in routes


def test_machines_and_wires_have_their_endpoints(two_sites: Topology) -> None:
    """A machine's TAP stands at its site; a wire has an end at each of its sites."""
    tap = machine_tap(two_sites, "web-ams-02")
    assert (tap.namespace, tap.interface) == ("nb-two-sites:site:ams", "nb-t1")
    (wire,) = wires(two_sites)
    assert (wire.name, wire.a.namespace, wire.b.namespace) == (
        "link-ams-fra",
        "nb-two-sites:site:ams",
        "nb-two-sites:site:fra",
    )
