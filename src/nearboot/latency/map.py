"""From names to places: a parsed file becomes a latency map between the inventory's locations.

What a name means is said by ``naming``. Names that fit nothing are listed, never created: the map can rank what the
inventory holds, and add nothing to it.

    latency_map, quarantined, summary = resolve(parsed, inventory.locations)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches

from nearboot.errors import Fault, InputError
from nearboot.latency.formats import ParsedMap
from nearboot.latency.naming import Naming, Placement, spelled
from nearboot.latency.rows import RawRow, counted, merge_duplicates
from nearboot.model import LatencyMap, LatencySample, Location, Quarantine, Slug

MAX_HINTS = 50  # with more unknown names than this, they are other places and not typing errors
MAX_NEAR = 20
STALE_DAYS = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a file's rows."""

    source: str
    format: str
    rows: int  # good rows in the file, repeated pairs counted once
    samples: int  # rows that are in the map
    locations: int  # locations that the map has a sample of
    self_pairs: int = 0  # rows of a location with itself: dropped
    unknown_rows: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)  # name → rows that it appears in
    quarantined: int = 0  # bad rows of the file, and those that the guards refuse
    newest: datetime | None = None
    notes: tuple[str, ...] = ()
    places: Mapping[tuple[Slug, Slug], tuple[str, int]] = field(default_factory=dict)  # pair → file and line

    def without(self, refused: int, kept: Sequence[LatencySample]) -> Summary:
        """The summary after guards have refused so many samples and kept these."""
        return replace(
            self,
            samples=len(kept),
            locations=_location_count(kept),
            newest=_newest(kept),
            quarantined=self.quarantined + refused,
        )

    def lines(self) -> tuple[str, ...]:
        """The summary for people, one fact a line."""
        newest = f", newest measured {self.newest:%Y-%m-%d %H:%M} UTC" if self.newest else ""
        samples = counted(self.samples, "sample")
        said = [f"{self.source}: {samples} between {counted(self.locations, 'location')} ({self.format}){newest}"]
        if self.quarantined:
            said.append(f"{counted(self.quarantined, 'row')} refused")
        if self.unknown:
            names = ", ".join(f"{name} ({count})" for name, count in list(self.unknown.items())[:10])
            more = f", and {counted(len(self.unknown) - 10, 'more name')}" if len(self.unknown) > 10 else ""
            said.append(f"{counted(self.unknown_rows, 'row')} with names of no location: {names}{more}")
        if self.self_pairs:
            said.append(f"{counted(self.self_pairs, 'row')} of a location with itself dropped")
        return (*said, *self.notes)


def resolve(
    parsed: ParsedMap, locations: Sequence[Location] | Naming
) -> tuple[LatencyMap, tuple[Quarantine, ...], Summary]:
    """The map between locations, what was not used (the file's bad rows, one entry per unknown name), and the counts.

    ``InputError`` if a name that the file uses fits two locations, or if no row is left. Locations alone know no names
    of boot servers, no addresses and no coordinates.
    """
    naming = locations if isinstance(locations, Naming) else Naming.of(locations)
    names = Counter(name for row in parsed.rows for name in {row.src, row.dst})
    placement = naming.place(names)
    _refuse_ambiguous(parsed, placement.ambiguous)
    known = placement.known
    placed = _placed(parsed, known)
    rows, repeated = merge_duplicates(row for row in placed if row.src != row.dst)
    if not rows:
        raise InputError(_nothing_left(parsed, names, known))
    samples = tuple(_sample(row) for row in rows)
    unknown = {name: count for name, count in names.most_common() if name not in known}
    quarantined = parsed.quarantined + _unknown_names(parsed, unknown, naming, placement)
    summary = Summary(
        source=parsed.source,
        format=parsed.format,
        rows=len(parsed.rows),
        samples=len(samples),
        locations=_location_count(samples),
        self_pairs=sum(row.src == row.dst for row in placed),
        unknown_rows=len(parsed.rows) - len(placed),
        unknown=unknown,
        quarantined=len(parsed.quarantined),
        newest=_newest(samples),
        notes=parsed.notes + _near_note(placement) + _repeat_note(repeated) + _age_note(samples, parsed.read_at),
        places={(Slug(row.src), Slug(row.dst)): (parsed.file, row.line) for row in rows},
    )
    return LatencyMap(parsed.source, parsed.read_at, samples), quarantined, summary


def _location_count(samples: Iterable[LatencySample]) -> int:
    return len({slug for sample in samples for slug in (sample.src, sample.dst)})


def _newest(samples: Iterable[LatencySample]) -> datetime | None:
    return max((sample.measured_at for sample in samples if sample.measured_at), default=None)


def _placed(parsed: ParsedMap, known: Mapping[str, Slug]) -> list[RawRow]:
    """The rows between known names, with slugs for the names."""
    return [
        replace(row, src=known[row.src], dst=known[row.dst])
        for row in parsed.rows
        if row.src in known and row.dst in known
    ]


def _refuse_ambiguous(parsed: ParsedMap, ambiguous: Mapping[str, tuple[Slug, ...]]) -> None:
    first = _first_lines(parsed) if ambiguous else {}
    faults = [
        Fault(parsed.file, first[name], name, f"a name of {len(found)} locations: {', '.join(sorted(found))}",
              "a name of one location (change an alias, or use the slug)")
        for name, found in ambiguous.items()
    ]  # fmt: skip
    if faults:
        raise InputError(sorted(faults, key=lambda fault: (fault.line, fault.field)))


def _first_lines(parsed: ParsedMap) -> dict[str, int]:
    return {name: row.line for row in reversed(parsed.rows) for name in (row.src, row.dst)}


def _nothing_left(parsed: ParsedMap, names: Mapping[str, int], known: Mapping[str, Slug]) -> list[Fault]:
    unknown = sorted(name for name in names if name not in known)
    shown = ", ".join(unknown[:20]) + (f" and {len(unknown) - 20} more" if len(unknown) > 20 else "")
    found = f"names of no location: {shown}" if unknown else "only pairs of a location with itself"
    expected = "pairs of two locations, named by slug, alias or name (add aliases to the inventory)"
    return [Fault(parsed.file, 0, "", found, expected)]


def _sample(row: RawRow) -> LatencySample:
    return LatencySample(
        Slug(row.src),
        Slug(row.dst),
        row.rtt_ms,
        row.min_ms,
        loss=row.loss,
        count=row.count,
        measured_at=row.measured_at,
        family=row.family,
    )


def _unknown_names(
    parsed: ParsedMap, unknown: Mapping[str, int], naming: Naming, placement: Placement
) -> tuple[Quarantine, ...]:
    first = _first_lines(parsed) if unknown else {}
    index = naming.spellings if len(unknown) <= MAX_HINTS else {}
    return tuple(
        Quarantine(
            parsed.file, first[name], name, placement.passed_over.get(name) or _unknown_reason(name, count, index)
        )
        for name, count in unknown.items()
    )


def _unknown_reason(name: str, count: int, index: Mapping[str, tuple[Slug, ...]]) -> str:
    near = get_close_matches(spelled(name), index, n=1, cutoff=0.8)
    hint = f"; did you mean {index[near[0]][0]}?" if near else ""
    return f"no location has this slug, alias or name ({counted(count, 'row')}){hint}"


def _near_note(placement: Placement) -> tuple[str, ...]:
    if not placement.near:
        return ()
    told = [f"{name} is {near.location} ({near.km:.0f} km)" for name, near in placement.near.items()]
    more = f" and {len(told) - MAX_NEAR} more" if len(told) > MAX_NEAR else ""
    return (f"placed by coordinates: {', '.join(told[:MAX_NEAR])}{more}",)


def _repeat_note(repeated: int) -> tuple[str, ...]:
    verb = "row repeats" if repeated == 1 else "rows repeat"
    return (f"{repeated} {verb} a pair under another name: each such pair has the median",) if repeated else ()


def _age_note(samples: Iterable[LatencySample], now: datetime) -> tuple[str, ...]:
    times = [sample.measured_at for sample in samples if sample.measured_at]
    days = (now - max(times)).days if times else 0
    return (f"the newest measurement is {days} days old",) if days > STALE_DAYS else ()
