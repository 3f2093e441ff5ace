"""What the time series of a prober say of one pair: round trip, spread, loss, and how many probes are behind it.

Blackbox exporter: gauges of the last probe; after a failed one the duration is 0 or the time-out, so that probe_success
must come with it. Cloudprober: sums since it started (``latency`` of the successful probes alone, in µs unless its
``latency_unit`` says otherwise), so that two points in time are needed.

    row, note = row_of(pair, options, line, is_range=True)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from nearboot.latency.edgelist import split_label
from nearboot.latency.rows import Options, RawRow, Unit, family_of, read_rtt_ms, read_time, summed_up

ICMP = "probe_icmp_duration_seconds"
WHOLE = "probe_duration_seconds"
SUCCESS = "probe_success"
PREFIX = "cloudprober_"
SUM, GOOD, ALL = "latency", "success", "total"
BOTH = '{__name__=~"probe_success|probe_icmp_duration_seconds"}'
NOTE_WHOLE = (
    "probe_duration_seconds is the whole probe, with resolving and set-up; a ping's is probe_icmp_duration_seconds"
)
NOTE_UNIT = "Cloudprober's latency is taken as µs, its default latency_unit (--unit states another)"


@dataclass(frozen=True, slots=True)
class Series:
    """A metric with its labels; ``points`` are (Unix time in s, value)."""

    name: str
    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]
    index: int

    @property
    def is_cloudprober(self) -> bool:
        """Whether it is one of the sums of Cloudprober."""
        return self.role in (SUM, GOOD, ALL)

    @property
    def role(self) -> str:
        """What the series says, by its name."""
        plain = self.name.removeprefix(PREFIX)
        return SUM if plain in (SUM, f"{SUM}_sum") else plain if plain in (GOOD, ALL) else self.name


@dataclass(slots=True)
class Pair:
    """The series of one probe between two names, by role."""

    src: str
    dst: str
    by_role: dict[str, Series] = field(default_factory=dict)

    def add(self, series: Series) -> None:
        """``ValueError`` if it says nothing of use."""
        role = series.role
        if role == ICMP and series.labels.get("phase") != "rtt":
            if "phase" in series.labels:
                return  # resolve and setup
            raise ValueError("no label phase: the time may hold resolving and set-up; ask for phase=rtt")
        if role in (f"{PREFIX}{SUM}_bucket", f"{PREFIX}{SUM}_count"):
            return
        if role in self.by_role:
            raise ValueError("a second series with the same labels")
        self.by_role[role] = series


def row_of(pair: Pair, options: Options, line: int, *, is_range: bool) -> tuple[RawRow | None, str]:
    """The row of a pair (None: it has no series of use) and what to tell of the metric; ``ValueError`` says why not."""
    roles = pair.by_role
    if SUM in roles or (GOOD in roles and ALL in roles):
        return _from_sums(pair, options, line, is_range=is_range)
    if ICMP in roles or WHOLE in roles:
        return _from_gauges(pair, options, line)
    if SUCCESS in roles:
        raise ValueError(f"{SUCCESS} alone; ask for the round trips too: {BOTH}")
    if not roles:
        return None, ""
    return _from_values(pair, next(iter(roles.values())), options, line), ""


def _from_gauges(pair: Pair, options: Options, line: int) -> tuple[RawRow, str]:
    series = pair.by_role.get(ICMP) or pair.by_role[WHOLE]
    success = pair.by_role.get(SUCCESS)
    if success is None:
        raise ValueError(f"{series.name} without {SUCCESS}: a failed probe cannot be told; ask for both: {BOTH}")
    if options.unit not in (None, Unit.S):
        raise ValueError(f"{series.name} is in s, but --unit {options.unit.value}")
    came = dict(success.points)
    good = [(at, value) for at, value in series.points if came.get(at) == 1]
    loss = sum(value != 1 for value in came.values()) / len(came)
    note = NOTE_WHOLE if series.name == WHOLE else ""
    if not good:
        if loss < 1:
            raise ValueError(f"{series.name} and {SUCCESS} have no point in time in common")
        return _row(pair, options, line, [], Unit.S, loss=1.0, count=len(came), at=max(came)), note
    values = [value for _, value in good]
    return _row(pair, options, line, values, Unit.S, loss=loss, count=len(came), at=good[-1][0]), note


def _from_sums(pair: Pair, options: Options, line: int, *, is_range: bool) -> tuple[RawRow, str]:
    missing = [name for name in (SUM, GOOD, ALL) if name not in pair.by_role]
    if missing:
        raise ValueError(f"Cloudprober's {', '.join(missing)} is missing: latency, success and total are needed")
    if not is_range:
        raise ValueError(
            "Cloudprober's latency is a sum since it started; ask /api/v1/query_range, "
            "or for rate(cloudprober_latency[5m]) / rate(cloudprober_success[5m])"
        )
    added = {name: _increase(pair.by_role[name]) for name in (SUM, GOOD, ALL)}
    if added[ALL] < 1:
        raise ValueError("no probe was sent in this time")
    unit, note = (options.unit, "") if options.unit else (Unit.US, NOTE_UNIT)
    loss = max(0.0, added[ALL] - added[GOOD]) / added[ALL]
    values = [added[SUM] / added[GOOD]] if added[GOOD] > 0 else []
    at = pair.by_role[ALL].points[-1][0]
    return _row(pair, options, line, values, unit, loss=loss, count=round(added[ALL]), at=at), note


def _from_values(pair: Pair, series: Series, options: Options, line: int) -> RawRow:
    named = split_label(series.name)[1]
    if named and options.unit and named is not options.unit:
        raise ValueError(f"{series.name} is in {named.value}, but --unit {options.unit.value}")
    unit = named or options.unit
    if unit is None:
        what = f"the metric {series.name}" if series.name else "an expression, without a name"
        raise ValueError(f"{what}, does not tell its unit; say it with --unit ms (s, us)")
    values = [value for _, value in series.points]
    return _row(pair, options, line, values, unit, loss=0.0, count=0, at=series.points[-1][0])


def _row(
    pair: Pair, options: Options, line: int, values: list[float], unit: Unit, *, loss: float, count: int, at: float
) -> RawRow:
    measured_at = read_time(f"{at:.3f}", options.now)
    rtts = [read_rtt_ms(repr(value), unit) for value in values]
    middle, low, spread = summed_up(rtts) if rtts else (None, None, None)
    # The least of averages is none of the packets': it would be compared with the speed of light.
    least = low if len(rtts) > 1 and pair.by_role.get(ICMP) else None
    return RawRow(
        pair.src, pair.dst, middle, least, loss, count, measured_at, line, jitter_ms=spread, family=family_of(pair.dst)
    )


def _increase(series: Series) -> float:
    """How much a sum has grown; where it falls, its prober began anew, at 0."""
    values = [value for _, value in series.points]
    return sum(b - a if b >= a else b for a, b in pairwise(values))
