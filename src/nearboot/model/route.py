"""Latency maps, health, and the routes that are selected from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nearboot.model.identity import Slug


@dataclass(frozen=True, slots=True)
class LatencySample:
    """A measured round trip between two locations: ``rtt_ms`` None where no reply came (loss 1.0)."""

    src: Slug
    dst: Slug
    rtt_ms: float | None
    min_ms: float | None = None
    loss: float = 0.0  # share of probes lost, 0..1
    count: int = 0  # probes sent, 0: unknown
    measured_at: datetime | None = None  # aware UTC
    family: int | None = None  # 4, 6, None: either


@dataclass(frozen=True, slots=True)
class LatencyMap:
    """One publication of measurements. ``epoch`` grows with each accepted map of a source."""

    source: str
    published_at: datetime  # aware UTC
    samples: tuple[LatencySample, ...]
    epoch: int = 0  # 0: not stored yet


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A row of a latency map that was not used, and why; never dropped silently."""

    file: str
    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """The last probe of a boot server, a real read of a small known file; or the verdict on what several saw."""

    boot_server: Slug
    checked_at: datetime  # aware UTC
    healthy: bool
    detail: str = ""
    duration_ms: float | None = None
    vantage: str = ""  # where the probe ran
    known: bool = True  # False: nobody whose word counts has read lately; ``healthy`` is then True
    reasons: tuple[Reason, ...] = ()  # of a verdict


@dataclass(frozen=True, slots=True)
class HealthSample:
    """What one vantage says of a boot server: its last read, and whether its reads in a row make it up."""

    check: Health
    streak: int  # reads in a row with the outcome of the last
    up: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is believed of the path between a location and a boot server, and which rung of the ladder said so.

    ``rtt_ms`` is the raw value; who ranks by it adds ``penalty`` (a share: 0.05 is 5 %) for the rung's uncertainty.
    """

    rtt_ms: float | None  # None: nothing is known
    loss: float  # share of probes lost, 0..1
    rung: str  # local, measured, reverse, other-family, parent, neighbours, geo, default
    age_s: float | None = None  # since it was measured; None: not measured
    count: int = 0  # probes behind it, 0: unknown
    penalty: float = 0.0
    via: tuple[Slug, Slug] | None = None  # the pair of locations whose sample answered, where it is another pair
    source: str = ""  # who published the sample; "": not measured
    noise_ms: float = 0.0  # how far one window's value lies from the last (median absolute deviation); 0: unknown


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was decided: a stable code, one sentence for people, and the numbers as data."""

    code: str
    text: str
    data: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A boot server as seen from one location. ``rank`` 0 is the chosen one; ``eligible`` False: not to be used."""

    boot_server: Slug
    rank: int
    eligible: bool
    cost_ms: float | None  # effective cost per TFTP block; None where nothing is known
    rtt_ms: float | None
    loss: float | None
    rung: str  # which step of the missing-pair ladder answered: measured, reverse, ..., geo, default
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A location's ranked boot servers for one address family, best first, with the reasons for the choice."""

    location: Slug
    family: int  # 4 or 6
    candidates: tuple[Candidate, ...]
    chosen: Slug | None
    reasons: tuple[Reason, ...] = ()
    moved_at: datetime | None = None  # when the choice last became another one; None: it never did
