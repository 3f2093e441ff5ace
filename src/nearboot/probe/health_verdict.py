"""From what several vantages saw of the boot servers to what is believed of each. Pure: results in, verdict out.

A vantage calls a boot server down after some failed reads in a row, and up again after some good ones (HAProxy's fall
and rise; as there the first read of all decides at once). A vantage that sees most of the world down is more likely cut
off itself: what it saw is kept, and does not count. Of those that count the majority decides, and a tie is up. Results
that are too old say nothing; a boot server of which nothing is said has no known health, and counts as up.

    up = settled(True, healthy=False, streak=3, counts=Counts())                        # False: the third in a row
    judged = judge(samples, counted=active, terms=Terms(), now=now)
    judged.health["ams-boot"].healthy, judged.distrusted["fra"].text
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nearboot.model import Health, HealthSample, Reason, Slug

STALE = "health-stale"
DISTRUSTED = "health-distrusted"
UNHEALTHY = "unhealthy"
DISAGREEMENT = "health-disputed"
FEW = 3  # vantages that are named together


@dataclass(frozen=True, slots=True)
class Counts:
    """How many failed reads in a row are a fall, and how many good ones a rise."""

    fall: int = 3
    rise: int = 2


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms results are believed."""

    fresh_s: float = 300.0
    """Older results say nothing."""
    distrust_share: float = 0.5
    """A vantage that sees more than this share of the boot servers down does not count."""
    distrust_least: int = 3
    """With fewer boot servers than this a vantage is always believed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is believed. ``health``: by boot server; ``distrusted``: why a vantage does not count, by its name."""

    health: Mapping[Slug, Health]
    distrusted: Mapping[str, Reason]


def settled(before: bool | None, *, healthy: bool, streak: int, counts: Counts) -> bool:
    """Whether a boot server is up for a vantage whose last ``streak`` reads had this outcome. None: it had no say."""
    if before is None:
        return healthy
    needed = counts.rise if healthy else counts.fall
    return healthy if streak >= needed else before


def judge(samples: Iterable[HealthSample], *, counted: Collection[Slug], terms: Terms, now: datetime) -> Judged:
    """The verdict on each boot server that was ever read. ``counted``: those that should be up, the active ones."""
    ordered = sorted(samples, key=lambda sample: (sample.check.boot_server, sample.check.vantage))
    fresh = [each for each in ordered if _age_s(each, now) <= terms.fresh_s]
    distrusted = _distrusted(fresh, counted, terms)
    by_server: defaultdict[Slug, list[HealthSample]] = defaultdict(list)
    for sample in ordered:
        by_server[sample.check.boot_server].append(sample)
    return Judged({name: _verdict(seen, distrusted, terms, now) for name, seen in by_server.items()}, distrusted)


def _distrusted(fresh: Sequence[HealthSample], counted: Collection[Slug], terms: Terms) -> dict[str, Reason]:
    seen: defaultdict[str, list[bool]] = defaultdict(list)
    for sample in fresh:
        if sample.check.boot_server in counted:
            seen[sample.check.vantage].append(sample.up)
    return {
        vantage: _distrust(vantage, ups.count(False), len(ups))
        for vantage, ups in seen.items()
        if len(ups) >= terms.distrust_least and ups.count(False) > terms.distrust_share * len(ups)
    }


def _distrust(vantage: str, down: int, seen: int) -> Reason:
    text = f"vantage {vantage} sees {down} of {seen} active boot servers down: it does not count, it may be cut off"
    return Reason("vantage-distrusted", text, {"vantage": vantage, "down": down, "seen": seen})


def _verdict(seen: Sequence[HealthSample], distrusted: Mapping[str, Reason], terms: Terms, now: datetime) -> Health:
    """``seen``: all results of one boot server, by vantage."""
    fresh = [each for each in seen if _age_s(each, now) <= terms.fresh_s]
    trusted = [each for each in fresh if each.check.vantage not in distrusted]
    if not trusted:
        return _unknown(_newest(fresh or seen), [distrusted[each.check.vantage] for each in fresh], now)
    down = [each for each in trusted if not each.up]
    if len(down) * 2 > len(trusted):
        return _down(down, trusted, now)
    last = _newest([each for each in trusted if each.up])
    return replace(last.check, healthy=True, reasons=_dispute(down, trusted))


def _unknown(last: HealthSample, distrust: Sequence[Reason], now: datetime) -> Health:
    name, age_s = last.check.boot_server, _age_s(last, now)
    if distrust:
        text = f"the health of {name} is unknown, it counts as up: {'; '.join(each.text for each in distrust[:FEW])}"
        reason = Reason(DISTRUSTED, text, {"age_s": age_s, "vantages": len(distrust)})
    else:
        text = f"the last read from {name} was {age_s:.0f} s ago: its health is unknown, it counts as up"
        reason = Reason(STALE, text, {"age_s": age_s})
    return replace(last.check, healthy=True, known=False, detail=text, reasons=(reason,))


def _down(down: Sequence[HealthSample], trusted: Sequence[HealthSample], now: datetime) -> Health:
    last = _newest(down)
    check, age_s = last.check, _age_s(last, now)
    recovering = f"down until more good reads in a row than {last.streak}" if check.healthy else check.detail
    by = f"seen by {len(down)} of {len(trusted)} vantages ({_names(down)})" if len(trusted) > 1 else ""
    detail = "; ".join(part for part in (by, recovering) if part)
    verb = "had failed reads before its last one," if check.healthy else "failed its last read,"
    text = f"{check.boot_server} {verb} {age_s:.0f} s ago" + (f": {detail}" if detail else "")
    votes = {"down": len(down), "vantages": len(trusted), "streak": last.streak}
    reason = Reason(UNHEALTHY, text, {"age_s": age_s, "detail": detail, **votes})
    return replace(check, healthy=False, detail=detail, reasons=(reason,))


def _dispute(down: Sequence[HealthSample], trusted: Sequence[HealthSample]) -> tuple[Reason, ...]:
    if not down:
        return ()
    name = down[0].check.boot_server
    text = f"{name} is down for {len(down)} of {len(trusted)} vantages ({_names(down)}), no majority: it counts as up"
    detail = _newest(down).check.detail
    return (Reason(DISAGREEMENT, text, {"down": len(down), "vantages": len(trusted), "detail": detail}),)


def _names(samples: Sequence[HealthSample]) -> str:
    names = [each.check.vantage or "unnamed" for each in samples]
    return ", ".join(names[:FEW]) + (f" and {len(names) - FEW} more" if len(names) > FEW else "")


def _newest(samples: Sequence[HealthSample]) -> HealthSample:
    return max(samples, key=lambda each: each.check.checked_at)


def _age_s(sample: HealthSample, now: datetime) -> float:
    return max(0.0, (now - sample.check.checked_at).total_seconds())
