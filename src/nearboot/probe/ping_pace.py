"""When each probe of a round leaves: sweeps over all targets, never a burst to one. No clock; chance is a ``Random``.

UdpPinger's order: one probe to each target, then the next to each. Probe number k leaves by line k modulo the lines, so
that each of the equal paths that routers choose by the source port (ECMP) has its share.

    for shot in shots(targets, probes=20, lines={4: 32, 6: 32}, spread_s=56, rate=1000, chance=Random()): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from nearboot.probe.ping_round import Target


@dataclass(frozen=True, slots=True)
class Shot:
    """A probe to come: ``at_s`` after the round's beginning. ``counts`` False: it warms up the path."""

    at_s: float
    target: Target
    line: int
    counts: bool


def shots(
    targets: Sequence[Target],
    *,
    probes: int,
    lines: Mapping[int, int],
    spread_s: float,
    rate: float,
    chance: Random,
    first: int = 0,
    warm_up: bool = True,
) -> Iterator[Shot]:
    """The probes of a round in order of time: evenly over ``spread_s``, or longer where that is over ``rate`` a second.

    ``lines``: the lines of each family; targets of a family without any are left out. ``first``: the line of the first
    probe, so that rounds of few probes use all lines in turn. ``warm_up``: one more probe to each comes first, and
    does not count.
    """
    order = [target for target in targets if lines.get(target.family)]
    chance.shuffle(order)  # pingers that start together do not meet at the same targets
    sweeps = probes + warm_up
    step_s = max(spread_s / max(1, sweeps * len(order)), 1 / rate)
    for sweep in range(sweeps):
        for index, target in enumerate(order):
            line = (first + sweep) % lines[target.family]
            yield Shot((sweep * len(order) + index) * step_s, target, line, sweep >= warm_up)
