"""Why a server boots from where it boots, and why not from each of the others, as a value. Its text: explain_text.

Nothing is decided here: the route was selected already; this follows a server's way to it and adds what it means.

    explanation = explain(server, route, ...)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nearboot.model import BootServer, Candidate, Estimate, Health, Interface, Location, Route, Server, Slug, Subnet
from nearboot.model.place import parents_of, upwards
from nearboot.routing.policy import Policy
from nearboot.routing.predict import EXAMPLE, Client, block_count, total_s, transfer_s
from nearboot.routing.quantity import age_text
from nearboot.routing.reply import Reply

FILTERS = (  # in the order in which boot servers fall out; {} is the address family
    ("not disabled", {"disabled"}),
    ("allowed here", {"forbidden"}),
    ("has an IPv{} address", {"no-address"}),
    ("active, not draining", {"draining"}),
    ("did not fail its last read", {"unhealthy"}),
    ("pinned, as some are", {"not-pinned"}),
    ("back for long enough", {"slow-start"}),
    ("has room for the servers of this place", {"full"}),
    ("as near as the nearest", {"farther", "no-estimate"}),
    ("nearer by enough to move there", {"margin", "hold-down", "frozen"}),
    ("chosen for this place by the spread", {"spread"}),
)
"""What a boot server has to pass, and the codes of the reasons of those that do not."""

ALWAYS = 5
"""How many of the conditions are told of even where everyone passes: those that every reader expects."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate of the route with what stands behind its place. ``estimate`` None: no longer known."""

    candidate: Candidate
    server: BootServer | None
    estimate: Estimate | None
    health: str  # "healthy 3 s ago", "failed 5 s ago", "never probed"
    predicted_s: float | None  # all files of the boot, one after the other


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition, how many of the boot servers before it pass, and who does not.

    ``ignored``: none would have passed, so that it was not applied: better a bad boot server than none.
    """

    condition: str
    passed: int
    out: tuple[Slug, ...]
    ignored: bool


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
    subnet: Subnet | None  # that of its address
    subnets: tuple[Subnet, ...]  # without an address: those of its place, of which the relay says which
    places: tuple[Location, ...]
    route: Route
    filters: tuple[Filter, ...]
    candidates: tuple[Weighed, ...]
    client: Client
    example: bool  # no file's size is known: the downloads are an example
    downloads: tuple[Download, ...]
    kea: Reply
    policy: Policy


def explain(
    server: Server,
    route: Route,
    *,
    interface: Interface | None,
    subnet: Subnet | None,
    subnets: Sequence[Subnet],
    locations: Iterable[Location],
    boot_servers: Iterable[BootServer],
    estimates: Mapping[Slug, Estimate],
    health: Mapping[Slug, Health],
    files: Mapping[str, int],
    client: Client,
    kea: Reply,
    policy: Policy,
    now: datetime,
) -> Explanation:
    """Follow a server to the route of its location (or of what contains it).

    ``estimates`` and ``health`` are by boot server; ``files`` are the sizes in bytes of what the client will read
    (kernel, initrd), as far as they are known.
    """
    sizes = files or EXAMPLE
    by_name = {boot_server.name: boot_server for boot_server in boot_servers}
    weighed = tuple(
        Weighed(
            candidate,
            by_name.get(candidate.boot_server),
            estimates.get(candidate.boot_server),
            _health(health.get(candidate.boot_server), now),
            total_s(sizes.values(), candidate.cost_ms, client),
        )
        for candidate in route.candidates
    )
    chosen = next((w for w in weighed if w.candidate.boot_server == route.chosen), None)
    return Explanation(
        server=server,
        interface=interface,
        subnet=subnet,
        subnets=tuple(subnets),
        places=_places(server.location, locations),
        route=route,
        filters=filters(route),
        candidates=weighed,
        client=client,
        example=not files,
        downloads=_downloads(sizes, chosen, client),
        kea=kea,
        policy=policy,
    )


def filters(route: Route) -> tuple[Filter, ...]:
    """How the candidates became fewer: the conditions that everyone expects, and the others where somebody fails."""
    left = list(route.candidates)
    panic = any(reason.code == "panic" for reason in route.reasons)
    found = []
    for place, (condition, codes) in enumerate(FILTERS):
        out = [each for each in left if codes & {reason.code for reason in each.reasons}]
        ignored = bool(out) and (len(out) == len(left) or (panic and "unhealthy" in codes))
        if out or place < ALWAYS:
            names = tuple(each.boot_server for each in out)
            found.append(Filter(condition.format(route.family), len(left) - len(out), names, ignored))
        if out and not ignored:
            left = [each for each in left if each not in out]
    return tuple(found)


def _downloads(files: Mapping[str, int], chosen: Weighed | None, client: Client) -> tuple[Download, ...]:
    cost = chosen.candidate.cost_ms if chosen else None
    return tuple(
        Download(name, size, block_count(size, client.blksize), transfer_s(size, cost, client))
        for name, size in files.items()
    )


def _places(start: Slug, locations: Iterable[Location]) -> tuple[Location, ...]:
    by_slug = {location.slug: location for location in locations}
    return tuple(by_slug[at] for at in upwards(start, parents_of(by_slug.values())) if at in by_slug)


def _health(health: Health | None, now: datetime) -> str:
    if health is None:
        return "never probed"
    if not health.known:
        return f"unknown since {age_text((now - health.checked_at).total_seconds())}"
    verb = "healthy" if health.healthy else "failed"
    return f"{verb} {age_text((now - health.checked_at).total_seconds())} ago"
