"""From names to places: a parsed file becomes a latency map between the inventory's locations.

A name is a location's slug, or, in any case and Unicode form, its slug, an alias or its name. Names that fit nothing
are listed, never created: the map can rank what the inventory holds, and add nothing to it.

    latency_map, quarantined, summary = resolve(parsed, inventory.locations)
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches

from nearboot.errors import Fault, InputError
from nearboot.latency.formats import ParsedMap
from nearboot.latency.rows import RawRow, counted, merge_duplicates
from nearboot.model import LatencyMap, LatencySample, Location, Quarantine, Slug

MAX_HINTS = 50  # with more unknown names than this, they are other places and not typing errors
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


def resolve(parsed: ParsedMap, locations: Sequence[Location]) -> tuple[LatencyMap, tuple[Quarantine, ...], Summary]:
    """The map between locations, what was not used (the file's bad rows, one entry per unknown name), and the counts.

    ``InputError`` if a name that the file uses fits two locations, or if no row is left.
    """
    index = _index(locations)
    exact = {location.slug for location in locations}
    names = Counter(name for row in parsed.rows for name in {row.src, row.dst})
    slugs = {name: found for name in names if (found := _find(name, exact, index))}
    _refuse_ambiguous(parsed, slugs)
    known = {name: found[0] for name, found in slugs.items()}
    placed = _placed(parsed, known)
    rows, repeated = merge_duplicates(row for row in placed if row.src != row.dst)
    if not rows:
        raise InputError(_nothing_left(parsed, names, known))
    samples = tuple(_sample(row) for row in rows)
    unknown = {name: count for name, count in names.most_common() if name not in known}
    quarantined = parsed.quarantined + _unknown_names(parsed, unknown, index)
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
        notes=parsed.notes + _repeat_note(repeated) + _age_note(samples, parsed.read_at),
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


def _index(locations: Iterable[Location]) -> dict[str, tuple[Slug, ...]]:
    """Every spelling that means a location, and the locations that it means."""
    index: dict[str, tuple[Slug, ...]] = {}
    for location in locations:
        for key in {_key(name) for name in (location.slug, location.name, *location.aliases)} - {""}:
            index[key] = (*index.get(key, ()), location.slug)
    return index


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def _find(name: str, exact: set[Slug], index: Mapping[str, tuple[Slug, ...]]) -> tuple[Slug, ...]:
    return (Slug(name),) if name in exact else index.get(_key(name), ())


def _refuse_ambiguous(parsed: ParsedMap, slugs: Mapping[str, tuple[Slug, ...]]) -> None:
    first = {name: row.line for row in reversed(parsed.rows) for name in (row.src, row.dst)}
    faults = [
        Fault(parsed.file, first[name], name, f"a name of {len(found)} locations: {', '.join(sorted(found))}",
              "a name of one location (change an alias, or use the slug)")
        for name, found in slugs.items() if len(found) > 1
    ]  # fmt: skip
    if faults:
        raise InputError(sorted(faults, key=lambda fault: (fault.line, fault.field)))


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
    )


def _unknown_names(
    parsed: ParsedMap, unknown: Mapping[str, int], index: Mapping[str, tuple[Slug, ...]]
) -> tuple[Quarantine, ...]:
    first = {name: row.line for row in reversed(parsed.rows) for name in (row.src, row.dst)}
    hints = len(unknown) <= MAX_HINTS
    return tuple(
        Quarantine(parsed.file, first[name], name, _unknown_reason(name, count, index if hints else {}))
        for name, count in unknown.items()
    )


def _unknown_reason(name: str, count: int, index: Mapping[str, tuple[Slug, ...]]) -> str:
    near = get_close_matches(_key(name), index, n=1, cutoff=0.8)
    hint = f"; did you mean {index[near[0]][0]}?" if near else ""
    return f"no location has this slug, alias or name ({counted(count, 'row')}){hint}"


def _repeat_note(repeated: int) -> tuple[str, ...]:
    verb = "row repeats" if repeated == 1 else "rows repeat"
    return (f"{repeated} {verb} a pair under another name: each such pair has the median",) if repeated else ()


def _age_note(samples: Iterable[LatencySample], now: datetime) -> tuple[str, ...]:
    times = [sample.measured_at for sample in samples if sample.measured_at]
    days = (now - max(times)).days if times else 0
    return (f"the newest measurement is {days} days old",) if days > STALE_DAYS else ()
