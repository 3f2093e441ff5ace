"""Selecting and explaining routes: inventory, latency maps and health come from the database, the choice is pure.

with reading(config) as session:
    picture = look(session, config, now)
picture.route(Slug("ams"), 4).chosen
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nearboot.app.health_verdict import believed
from nearboot.app.host import boot_interface, subnet_of, subnets_of
from nearboot.app.ladder import read_ladder
from nearboot.boot import nbp
from nearboot.config import Config
from nearboot.errors import NotFoundError
from nearboot.inventory import crowd_store, route_store, store
from nearboot.latency.estimate import Ladder
from nearboot.model import (
    AdminState,
    BootServer,
    Estimate,
    Firmware,
    Health,
    Inventory,
    LatencyMap,
    Location,
    NbpFamily,
    Reason,
    Route,
    Server,
    Slug,
)
from nearboot.model.place import parents_of, upwards
from nearboot.model.profile import profile_of
from nearboot.routing.capacity import spill
from nearboot.routing.explain import Explanation, explain
from nearboot.routing.override import Override
from nearboot.routing.policy import Policy
from nearboot.routing.predict import CLIENTS, Client
from nearboot.routing.reply import Reply, reply
from nearboot.routing.select import NO_OVERRIDE, NO_PAST, Past, previous_of, select
from nearboot.routing.summary import known_by, trouble
from nearboot.routing.suppose import Estimates, Supposed

FAMILIES = (4, 6)
ARCHS = {Firmware.BIOS: (0, "BIOS"), Firmware.UEFI: (7, "UEFI x64")}  # RFC 4578 section 2.1


@dataclass(frozen=True, slots=True)
class Picture:
    """All that routes depend on at one moment, and the routes. ``findings``: what is not believed."""

    inventory: Inventory
    health: Mapping[Slug, Health]
    ladder: Ladder
    policy: Policy
    now: datetime
    routes: tuple[Route, ...]
    findings: tuple[Reason, ...]
    supposed: Supposed = field(default_factory=Supposed)
    pasts: Mapping[int, Past] = field(default_factory=dict)  # what was decided before, by family
    demand: Mapping[Slug, int] = field(default_factory=dict)  # servers by location, where a boot server has a capacity

    def route(self, location: Slug, family: int) -> Route:
        """The route of a location; every location of the inventory has one."""
        for route in self.routes:
            if route.location == location and route.family == family:
                return route
        raise NotFoundError("location", location)

    def own_route(self, server: Server, family: int) -> Route:
        """The route of a server: that of its location, but for its pins and bans and its tier's."""
        override = override_of(server, self.inventory)
        if not override:
            return self.route(server.location, family)
        places = [each for each in self.inventory.locations if each.slug == server.location]
        (found,) = _routes(self, places, family, override)
        return found

    def estimate(self, location: Slug, boot_server: BootServer, family: int) -> Estimate:
        """What is believed of the path between a location and a boot server."""
        return self.estimates(family)(location, boot_server)

    def estimates(self, family: int) -> Estimates:
        """The paths of a family, with what is supposed of them."""

        def found(location: Slug, boot_server: BootServer) -> Estimate:
            return self.ladder.estimate(location, boot_server.location, family=family)

        return self.supposed.estimates(found, parents_of(self.inventory.locations)) if self.supposed.detours else found


def look(
    session: Session,
    config: Config,
    now: datetime,
    *,
    inventory: Inventory | None = None,
    places: Collection[Slug] | None = None,
) -> Picture:
    """Read what routes depend on, and select them for both families and every location, or ``places`` alone.

    ``inventory``: a part of it, which was read already and has what the routes of those places depend on.
    """
    inventory = inventory or store.read_inventory(session)
    judged = believed(session, config, inventory.boot_servers, now)
    paths = read_ladder(session, inventory.locations, now)
    rules = policy(config)
    capped = any(each.capacity for each in inventory.boot_servers)
    pasts = _pasts(session, paths.maps, rules, now, None if capped else places)
    findings = (*judged.distrusted.values(), *paths.findings)
    picture = Picture(inventory, judged.health, paths.ladder, rules, now, (), findings, pasts=pasts)
    if capped:
        picture = replace(picture, demand=_demand(session))
    return _select(picture, places)


def with_state(picture: Picture, name: Slug, state: AdminState) -> Picture:
    """The picture as it would be with a boot server in another state: who would move, before anything is changed."""
    boot_servers = tuple(
        replace(server, state=state) if server.name == name else server for server in picture.inventory.boot_servers
    )
    return _select(replace(picture, inventory=replace(picture.inventory, boot_servers=boot_servers)))


def supposing(picture: Picture, supposed: Supposed) -> Picture:
    """The picture as it would be, of the same places; nothing is changed anywhere. Errors name what is not known.

    Places leave the boot servers that they have in ``picture`` as they always do, for a clear gain; but no place is
    held for having moved lately, and no boot server is let in step by step: that passes.
    """
    inventory = picture.inventory
    exact = supposed.named(inventory.boot_servers, parents_of(inventory.locations))
    boot_servers, health = exact.applied(inventory.boot_servers, picture.health, now=picture.now)
    pasts = {
        family: Past(
            previous_of([replace(r, moved_at=None) for r in picture.routes if r.family == family], picture.now)
        )
        for family in FAMILIES
    }
    changed = replace(picture, inventory=replace(inventory, boot_servers=boot_servers), health=health)
    changed = replace(changed, supposed=exact, pasts=pasts)
    return _select(changed, {route.location for route in picture.routes})


def moves(before: Picture, after: Picture) -> list[tuple[Route, Route]]:
    """The routes of populated places whose choice differs, as (before, after)."""
    pairs = zip(before.routes, after.routes, strict=True)
    places = populated(before.inventory)
    return [(old, new) for old, new in pairs if old.chosen != new.chosen and old.location in places]


def known(picture: Picture, route: Route) -> str:
    """How the path to the chosen boot server is known, in a few words."""
    chosen = next(server for server in picture.inventory.boot_servers if server.name == route.chosen)
    inside = tuple(upwards(route.location, parents_of(picture.inventory.locations)))
    return known_by(picture.estimate(route.location, chosen, route.family), inside)


def troubles(before: Picture, after: Picture) -> dict[tuple[str, ...], frozenset[Slug]]:
    """The populated places whose route is a bad one after a change, in another way or at another boot server.

    By the codes of what is wrong. IPv6 counts where there is an IPv6 subnet.
    """
    found: dict[tuple[str, ...], set[Slug]] = {}
    used = populated(after.inventory)
    places = {4: used, 6: used & networked(after.inventory, 6)}
    for old, new in zip(before.routes, after.routes, strict=True):
        wrong = trouble(new)
        differs = (trouble(old), old.chosen) != (wrong, new.chosen)
        if wrong and differs and new.location in places[new.family]:
            found.setdefault(wrong, set()).add(new.location)
    return {codes: frozenset(places) for codes, places in found.items()}


def networked(inventory: Inventory, family: int) -> set[Slug]:
    """The locations at, below or above which a subnet of the family is."""
    parents = parents_of(inventory.locations)
    at = {subnet.location for subnet in inventory.subnets if subnet.prefix.version == family}
    above = {place for slug in at for place in upwards(slug, parents)}
    return above | {slug for slug in parents if at & set(upwards(slug, parents))}


def populated(inventory: Inventory) -> set[Slug]:
    """The locations at which servers or subnets stand."""
    return {server.location for server in inventory.servers} | {subnet.location for subnet in inventory.subnets}


def explained(picture: Picture, server: Server, *, family: int, files: Mapping[str, int]) -> Explanation:
    """Why the server gets its boot server. ``files``: sizes in bytes of what it will read."""
    route = picture.own_route(server, family)
    interface = boot_interface(server)
    inventory = picture.inventory
    return explain(
        server,
        route,
        interface=interface,
        subnet=subnet_of(interface, inventory, family),
        subnets=subnets_of(server, inventory, family),
        locations=inventory.locations,
        boot_servers=inventory.boot_servers,
        estimates={b.name: picture.estimate(server.location, b, family) for b in inventory.boot_servers},
        health=picture.health,
        files=files,
        client=client_of(server, inventory),
        kea=replied(picture, server, route),
        policy=picture.policy,
        now=picture.now,
    )


def replied(picture: Picture, server: Server, route: Route) -> Reply:
    """What Kea tells the server, whose route it is."""
    inventory, interface = picture.inventory, boot_interface(server)
    addressed = subnet_of(interface, inventory, route.family) is not None
    return reply(
        server,
        route.family,
        interface=interface,
        chosen=next((each for each in inventory.boot_servers if each.name == route.chosen), None),
        networked=addressed or server.location in networked(inventory, route.family),
        boot_files=boot_files(server, inventory, route.family),
    )


def override_of(server: Server, inventory: Inventory) -> Override:
    """What its own fields and its tier's say of a server's boot servers."""
    tier = next((tier for tier in inventory.tiers if tier.slug == server.tier), None)
    own = Override(frozenset(server.boot_from), frozenset(server.never_boot_from), f"server {server.name}")
    if tier is None:
        return own
    return own.over(Override(frozenset(tier.boot_from), frozenset(tier.never_boot_from), f"tier {tier.slug}"))


def own_routes(picture: Picture) -> dict[str, tuple[Route, ...]]:
    """The routes of the servers that have pins or bans, by name; one place's with one override are worked out once."""
    found: dict[tuple[Slug, Override], tuple[Route, ...]] = {}
    own = {}
    for server in picture.inventory.servers:
        if override := override_of(server, picture.inventory):
            key = server.location, override
            if key not in found:
                found[key] = tuple(picture.own_route(server, family) for family in FAMILIES)
            own[server.name] = found[key]
    return own


def own_moves(before: Picture, after: Picture) -> list[tuple[str, Route, Route]]:
    """The servers with pins or bans whose choice differs, as (name, before, after)."""
    new = own_routes(after)
    return [
        (name, old, now)
        for name, routes in sorted(own_routes(before).items())
        for old, now in zip(routes, new[name], strict=True)
        if old.chosen != now.chosen
    ]


def policy(config: Config) -> Policy:
    """The routing policy that the configuration sets."""
    routing = config.routing
    return Policy(
        rto_ms=routing.rto_ms,
        band_ms=routing.band_ms,
        band_share=routing.band_share,
        margin_ms=routing.margin_ms,
        margin_noise=routing.margin_noise,
        margin_share=routing.margin_share,
        hold_s=routing.hold_s,
        panic_share=routing.panic_share,
        panic_least=routing.panic_least,
        slow_start_s=routing.slow_start_s,
        freeze_s=routing.freeze_s,
        health_fresh_s=routing.health_fresh_s,
        stale_s=routing.stale_s,
    )


def boot_files(server: Server, inventory: Inventory, family: int) -> dict[str, str]:
    """The NBP that the server's firmware will be told, as "" → path; without a known model those of each architecture.

    Empty where there is none: no BIOS boots over IPv6.
    """
    model = next((model for model in inventory.models if model.slug == server.model), None)
    wanted = {"": ARCHS[model.firmware][0]} if model else {name: arch for arch, name in ARCHS.values()}
    rules = [rule for rule in (nbp.rules4() if family == 4 else nbp.rules6()) if not rule.http]
    found = {name: next((rule.path for rule in rules if arch in rule.archs), None) for name, arch in wanted.items()}
    return {name: path for name, path in found.items() if path is not None}


def client_of(server: Server, inventory: Inventory) -> Client:
    """The boot program that reads kernel and initrd: its profile's, else that of its firmware; UEFI where unknown."""
    profile = profile_of(server, inventory.profiles)
    model = next((model for model in inventory.models if model.slug == server.model), None)
    bios = model is not None and model.firmware is Firmware.BIOS
    return CLIENTS[(profile and profile.nbp) or (NbpFamily.PXELINUX if bios else NbpFamily.GRUB)]


def image_files(server: Server, inventory: Inventory, size: Callable[[str], int | None]) -> dict[str, int]:
    """Kernel and initrds of the server's profile with their sizes in bytes, as far as ``size`` knows them."""
    profile = profile_of(server, inventory.profiles)
    image = next((image for image in inventory.images if profile and image.slug == profile.image), None)
    paths = [image.kernel, *image.initrd] if image else []
    return {path: found for path in paths if (found := size(path)) is not None}


def _pasts(
    session: Session, maps: Iterable[LatencyMap], rules: Policy, now: datetime, places: Collection[Slug] | None
) -> dict[int, Past]:
    """What was decided last, by family; frozen where no latency map came for long."""
    decided_at, choices = route_store.routes_decided_at(session), route_store.choices(session, places)
    newest_map = max((each.published_at for each in maps), default=now)
    frozen = (now - newest_map).total_seconds() > rules.freeze_s
    since = route_store.came_back(session, now - timedelta(seconds=rules.slow_start_s))
    pasts = {}
    for family in FAMILIES:
        previous = previous_of((route for route in choices if route.family == family), decided_at)
        pasts[family] = Past(replace(previous, usable=route_store.usable(session, family)), since, frozen)
    return pasts


def _demand(session: Session) -> dict[Slug, int]:
    """How many servers stand at each location."""
    demand: dict[Slug, int] = {}
    for kind in crowd_store.kinds(session):
        demand[kind.example.location] = demand.get(kind.example.location, 0) + kind.count
    return demand


def _select(picture: Picture, places: Collection[Slug] | None = None) -> Picture:
    """The picture with its routes; where boot servers may be full, who else stands somewhere counts as well."""
    capacity = {each.name: each.capacity for each in picture.inventory.boot_servers if each.capacity}
    asked = None if places is None else {*places, *(picture.demand if capacity else ())}
    wanted = [each for each in picture.inventory.locations if asked is None or each.slug in asked]
    found: list[Route] = []
    for family in FAMILIES:
        routes, previous = _routes(picture, wanted, family), picture.pasts.get(family, NO_PAST).previous
        if capacity:
            routes = spill(routes, demand=picture.demand, capacity=capacity, previous=previous, now=picture.now)
        found += [route for route in routes if places is None or route.location in places]
    return replace(picture, routes=tuple(found))


def _routes(
    picture: Picture, places: Sequence[Location], family: int, override: Override = NO_OVERRIDE
) -> tuple[Route, ...]:
    return select(
        places,
        picture.inventory.boot_servers,
        picture.estimates(family),
        picture.health,
        family=family,
        policy=picture.policy,
        now=picture.now,
        past=picture.pasts.get(family, NO_PAST),
        override=override,
    )
