"""Why a server boots from where it boots, and why not from each of the others: the answer as a value, and for people.

Nothing is decided here: the route was selected already; this follows a server's way to it and adds what it means.

    for line in explain(server, route, ...).lines():
        print(line)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from nearboot.model import (
    Address,
    BootServer,
    Candidate,
    Estimate,
    Health,
    Interface,
    Location,
    Reason,
    Route,
    Server,
    Slug,
    Subnet,
)
from nearboot.model.place import parents_of, upwards
from nearboot.routing.policy import Policy
from nearboot.routing.predict import block_count, total_s, transfer_s
from nearboot.routing.reply import Reply

HEAD = ("rank", "boot server", "at", "round trip", "loss", "per block", "known by", "age", "probes", "health")
HEALTH_UNKNOWN = frozenset({"health-unknown", "health-stale"})
"""Reasons that many boot servers have at once: told once."""
RUNGS = {  # the rungs of the missing-pair ladder in words; {} is the pair that was measured, and by whom
    "local": "same site",
    "measured": "measured {}",
    "other-family": "measured over the other IP version, {}",
    "reverse": "measured {}",
    "parent": "measured {}",
    "geo": "distance",
    "default": "nothing",
}


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate of the route with what stands behind its place. ``estimate`` None: no longer known."""

    candidate: Candidate
    server: BootServer | None
    estimate: Estimate | None
    health: str  # "healthy 3 s ago", "failed 5 s ago", "never probed"
    predicted_s: float | None  # all files of the boot, one after the other


@dataclass(frozen=True, slots=True)
class Download:
    """A file of the boot as the chosen boot server would send it."""

    name: str
    size: int  # bytes
    blocks: int
    predicted_s: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole way from a server to its boot server. ``places``: its location, then what contains it."""

    server: Server
    interface: Interface | None
    subnet: Subnet | None
    places: tuple[Location, ...]
    route: Route
    candidates: tuple[Weighed, ...]
    downloads: tuple[Download, ...]
    kea: Reply
    policy: Policy

    def lines(self) -> tuple[str, ...]:
        """The explanation for people: the answer first, then the way to it."""
        return (
            *_answer(self),
            *_way(self),
            *_table(self),
            *_why_not(self),
            *_prediction(self),
            *self.kea.lines(self.route.family),
        )


def explain(
    server: Server,
    route: Route,
    *,
    interface: Interface | None,
    subnet: Subnet | None,
    locations: Iterable[Location],
    boot_servers: Iterable[BootServer],
    estimates: Mapping[Slug, Estimate],
    health: Mapping[Slug, Health],
    files: Mapping[str, int],
    kea: Reply,
    policy: Policy,
    now: datetime,
) -> Explanation:
    """Follow a server to the route of its location (or of what contains it).

    ``estimates`` and ``health`` are by boot server; ``files`` are the sizes in bytes of what the client will read
    (kernel, initrd).
    """
    by_name = {boot_server.name: boot_server for boot_server in boot_servers}
    weighed = tuple(
        Weighed(
            candidate,
            by_name.get(candidate.boot_server),
            estimates.get(candidate.boot_server),
            _health(health.get(candidate.boot_server), now),
            total_s(files.values(), candidate.cost_ms, policy),
        )
        for candidate in route.candidates
    )
    chosen = next((w for w in weighed if w.candidate.boot_server == route.chosen), None)
    return Explanation(
        server=server,
        interface=interface,
        subnet=subnet,
        places=_places(server.location, locations),
        route=route,
        candidates=weighed,
        downloads=_downloads(files, chosen, policy),
        kea=kea,
        policy=policy,
    )


def _downloads(files: Mapping[str, int], chosen: Weighed | None, policy: Policy) -> tuple[Download, ...]:
    cost = chosen.candidate.cost_ms if chosen else None
    return tuple(
        Download(name, size, block_count(size, policy.blksize), transfer_s(size, cost, policy))
        for name, size in files.items()
    )


def _places(start: Slug, locations: Iterable[Location]) -> tuple[Location, ...]:
    by_slug = {location.slug: location for location in locations}
    return tuple(by_slug[at] for at in upwards(start, parents_of(by_slug.values())) if at in by_slug)


def _health(health: Health | None, now: datetime) -> str:
    if health is None:
        return "never probed"
    verb = "healthy" if health.healthy else "failed"
    return f"{verb} {age_text((now - health.checked_at).total_seconds())} ago"


def _answer(explained: Explanation) -> list[str]:
    route, name, kea = explained.route, explained.server.name, explained.kea
    how = f"over IPv{route.family}"
    if kea.cannot:
        answer = f"{name} cannot boot {how}: {kea.cannot}"
    elif kea.stranger:
        answer = f"{name} would boot {how} from {route.chosen}, as a client that Kea does not know"
    else:
        answer = f"{name} boots {how} from {route.chosen}"
    return [answer, *(f"  {reason.text}" for reason in route.reasons)]


def _way(explained: Explanation) -> list[str]:
    interface, subnet = explained.interface, explained.subnet
    lines = []
    if interface is not None:
        known = [str(item) for item in (interface.mac, _address(explained)) if item]
        lines.append(f"interface: {interface.name}" + (f" ({', '.join(known)})" if known else ""))
    else:
        lines.append("interface: none that may netboot is in the inventory")
    lost = _address(explained) or explained.kea.cannot
    nowhere = "none in the inventory" if lost else "that of its place, as no address is known"
    lines.append(f"subnet: {subnet.prefix} at {subnet.location}" if subnet else f"subnet: {nowhere}")
    places = " in ".join(f"{place.kind.value} {place.slug}" for place in explained.places)
    place = places or f"{explained.server.location} (not in the inventory)"
    inherited = explained.route.location != explained.server.location
    lines.append(f"location: {place}" + (f"; the route is that of {explained.route.location}" if inherited else ""))
    return lines


def _address(explained: Explanation) -> Address | None:
    interface = explained.interface
    if interface is None:
        return None
    return interface.ipv4 if explained.route.family == 4 else interface.ipv6


def _table(explained: Explanation) -> list[str]:
    """The candidates in rank order, in columns as wide as their widest cell."""
    files = "+".join(file.name for file in explained.downloads) or "files"
    rows = [(*HEAD, files), *(_cells(weighed, explained) for weighed in explained.candidates)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["candidates:", *("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)]


def _cells(weighed: Weighed, explained: Explanation) -> tuple[str, ...]:
    candidate, estimate, policy = weighed.candidate, weighed.estimate, explained.policy
    known = RUNGS.get(candidate.rung, candidate.rung).format(_pair(weighed, explained))
    penalty = f" (+{estimate.penalty:.0%})" if estimate and estimate.penalty else ""
    age = age_text(estimate.age_s) if estimate and estimate.age_s is not None else "-"
    stale = " (old)" if estimate and estimate.age_s is not None and estimate.age_s > policy.stale_s else ""
    return (
        str(candidate.rank + 1) + ("" if candidate.eligible else " (not usable)"),
        candidate.boot_server,
        weighed.server.location if weighed.server else "?",
        _ms(candidate.rtt_ms),
        "-" if candidate.loss is None else f"{candidate.loss:.1%}",
        _ms(candidate.cost_ms),
        known + penalty,
        age + stale,
        str(estimate.count) if estimate and estimate.count else "-",
        weighed.health,
        _seconds(weighed.predicted_s),
    )


def _pair(weighed: Weighed, explained: Explanation) -> str:
    """The pair of locations that a round trip is of, and who says so."""
    estimate, target = weighed.estimate, weighed.server.location if weighed.server else "?"
    pair = (estimate.via if estimate else None) or (explained.server.location, target)
    return " → ".join(pair) + (f" ({estimate.source})" if estimate and estimate.source else "")


def _why_not(explained: Explanation) -> list[str]:
    lines = []
    for weighed in explained.candidates:
        name = weighed.candidate.boot_server
        said = [reason for reason in weighed.candidate.reasons if reason.code not in HEALTH_UNKNOWN]
        reasons = "; ".join(_unnamed(reason, name) for reason in said)
        if name != explained.route.chosen and reasons:
            lines.append(f"why not {name}: {reasons}")
        elif reasons:
            lines.append(f"note on {name}: {reasons}")
    return [*lines, *_unknown_health(explained)]


def _unknown_health(explained: Explanation) -> list[str]:
    """One line for all boot servers of which it is not known whether they are up."""
    found = [w.candidate for w in explained.candidates if HEALTH_UNKNOWN & {r.code for r in w.candidate.reasons}]
    names = ", ".join(candidate.boot_server for candidate in found)
    return [f"health unknown (no read lately), so they count as up: {names}"] if found else []


def _unnamed(reason: Reason, name: Slug) -> str:
    """The sentence without the name that stands in front of it already."""
    return f"it {reason.text.removeprefix(f'{name} ')}" if reason.text.startswith(f"{name} ") else reason.text


def _prediction(explained: Explanation) -> list[str]:
    policy = explained.policy
    blocks = f"blocks of {policy.blksize} bytes, windows of {policy.windowsize}"
    return [
        f"predicted: {file.name} of {file.size:,} bytes in {file.blocks:,} {blocks}: {_seconds(file.predicted_s)}"
        for file in explained.downloads
    ]


def age_text(age_s: float) -> str:
    """An age in its largest fitting unit: 3 s, 5 min, 2 h, 40 d."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if age_s < limit:
            return f"{max(0.0, age_s) / unit:.0f} {name}"
    return f"{age_s / 86_400:.0f} d"


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g} ms" if value < 1 else f"{value:.1f} ms"


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} s" if value < 600 else f"{value / 60:.0f} min"
