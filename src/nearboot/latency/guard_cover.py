"""Is the map whole and of today? What is cut off, mostly wrong, too old, older than the last, or has lost its pairs.

alarms = age(new, last, now=now, max_age_s=86_400) + coverage(new, last, missing_share=0.25)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from nearboot.latency.alarm import Action, Alarm
from nearboot.latency.rows import counted
from nearboot.model import LatencyMap, LatencySample, Quarantine, Reason

MIN_BAD_ROWS = 3
MAX_NAMED = 5
BAD_SHARE = 0.5


def cut_off(text: str, refused: Sequence[Quarantine]) -> tuple[Alarm, ...]:
    """A file whose last line has no end, and cannot be read, was cut within it."""
    if text.endswith(("\n", "\r")):
        return ()
    last = text.count("\n") + 1
    broken = next((row for row in refused if row.line == last), None)
    if broken is None:
        return ()
    found = f"the file ends within line {last}: {broken.text[-60:]!r} ({broken.reason})"
    reason = Reason("truncated", found, {"line": last, "chars": len(text)})
    return (Alarm(Action.REFUSE, reason, "a whole file; load it again"),)


def bad_rows(good: int, refused: Sequence[Quarantine]) -> tuple[Alarm, ...]:
    """A file most of whose rows cannot be true is not trusted in the rest."""
    bad, total = len(refused), len(refused) + good
    if bad < MIN_BAD_ROWS or bad <= BAD_SHARE * total:
        return ()
    kinds = Counter(_kind(row.reason) for row in refused)
    most, count = kinds.most_common(1)[0]
    text = f"{bad} of {total} rows cannot be used, {count} of them as this one: line {_line(refused, most)}"
    data = {"bad": bad, "rows": total}
    return (Alarm(Action.REFUSE, Reason("bad-rows", text, data), "a file most of whose rows are measurements"),)


def age(new: LatencyMap, last: LatencyMap | None, *, now: datetime, max_age_s: float) -> tuple[Alarm, ...]:
    """A map that was measured too long ago, or before the one in use. ``max_age_s`` 0: any age will do."""
    newest = _newest(new)
    if newest is None:
        return ()
    found: list[Alarm] = []
    age_s = (now - newest).total_seconds()
    when = f"{newest:%Y-%m-%d %H:%M:%S} UTC"
    if max_age_s and age_s > max_age_s:
        text = f"the newest measurement is of {when}, {_span(age_s)} ago"
        data = {"age_s": round(age_s), "max_age_s": max_age_s}
        remedy = f"measurements of the last {_span(max_age_s)} (latency.max_age_s; --any-age takes older ones)"
        found.append(Alarm(Action.REFUSE, Reason("stale", text, data), remedy))
    before = _newest(last) if last else None
    if last and before and newest < before:
        text = f"the newest measurement is of {when}, before that of the map in use (epoch {last.epoch}, {before:%Y-%m-%d %H:%M:%S} UTC)"  # noqa: E501 - one sentence
        data = {"older_by_s": round((before - newest).total_seconds()), "last_epoch": last.epoch}
        remedy = "a newer map (to go back: nearboot latency rollback)"
        found.append(Alarm(Action.REFUSE, Reason("older-than-last", text, data), remedy))
    return tuple(found)


def without_old(new: LatencyMap, *, now: datetime, max_age_s: float, file: str) -> tuple[LatencyMap, list[Quarantine]]:
    """The map without the samples that are too old for it, and these."""
    if not max_age_s:
        return new, []
    oldest = now - timedelta(seconds=max_age_s)
    kept: list[LatencySample] = []
    old: list[Quarantine] = []
    for sample in new.samples:
        if sample.measured_at is None or sample.measured_at >= oldest:
            kept.append(sample)
        else:
            why = f"measured {_span((now - sample.measured_at).total_seconds())} ago"
            old.append(Quarantine(file, 0, f"{sample.src} → {sample.dst}", why))
    return (replace(new, samples=tuple(kept)), old) if old else (new, old)


def coverage(new: LatencyMap, last: LatencyMap, *, missing_share: float) -> tuple[Alarm, ...]:
    """A map that lacks many of the pairs that the last one had is held: half a file looks like that too."""
    before = {(sample.src, sample.dst) for sample in last.samples}
    missing = before - {(sample.src, sample.dst) for sample in new.samples}
    if not before or len(missing) <= missing_share * len(before):
        return ()
    places = {end for pair in before for end in pair}
    gone = sorted(places - {end for sample in new.samples for end in (sample.src, sample.dst)})
    named = f"; nothing is left of {', '.join(gone[:MAX_NAMED])}" if gone else ""
    more = f" and {counted(len(gone) - MAX_NAMED, 'more location')}" if len(gone) > MAX_NAMED else ""
    text = (
        f"{len(missing)} of the {counted(len(before), 'pair')} of the last map (epoch {last.epoch}) are missing, "
        f"{len(missing) / len(before):.1%}; more than {missing_share:.0%} is held{named}{more}"
    )
    data = {"missing": len(missing), "pairs": len(before), "locations_gone": len(gone), "last_epoch": last.epoch}
    return (Alarm(Action.HOLD, Reason("coverage-drop", text, data)),)


def _newest(latency_map: LatencyMap) -> datetime | None:
    return max((sample.measured_at for sample in latency_map.samples if sample.measured_at), default=None)


def _kind(reason: str) -> str:
    """A reason without its numbers."""
    return " ".join(word for word in reason.split() if not any(letter.isdigit() for letter in word))


def _line(refused: Sequence[Quarantine], kind: str) -> str:
    row = next(row for row in refused if _kind(row.reason) == kind)
    return f"{row.line}: {row.reason}"


def _span(seconds: float) -> str:
    for size, noun in ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute")):
        if seconds >= size:
            return counted(round(seconds / size), noun)
    return counted(round(seconds), "second")
