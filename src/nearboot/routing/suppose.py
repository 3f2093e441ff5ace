"""What is supposed for the sake of a question: boot servers drained, down, gone or added, paths slower or faster.

Nothing of it is written anywhere. Values for a boot server may name its location instead, and mean all that stand there
or below.

    supposed = Supposed(drain=("esams",), detours=(detour("esams:eqiad:+80ms"),)).named(boot_servers, parents)
    boot_servers, health = supposed.applied(boot_servers, health, now=now)
    estimates = supposed.estimates(estimates, parents)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv6Address

from nearboot.errors import Fault, InputError, NotFoundError
from nearboot.model import AdminState, BootServer, Estimate, Health, Slug
from nearboot.model.place import Parents, upwards

Estimates = Callable[[Slug, BootServer], Estimate]

LEAST_MS = 0.01  # no path is shorter, however much is taken from it
ADDED4, ADDED6 = IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1")  # RFC 5737, RFC 3849: stand for a real one
SUPPOSED = "supposed"
"""The rung of an estimate that is nobody's but the question's."""

_DETOUR = re.compile(r"(?P<a>[^:]+):(?P<b>[^:]+):(?P<sign>[+=-])(?P<value>[0-9]+(?:\.[0-9]+)?)(?P<unit>ms|s|us)")
_ADDED = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)@(?P<place>[^,@]+)(?P<settings>(?:,[a-z0-9]+=[^,]*)*)")
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_MAX_NUMBER = 1_000_000


@dataclass(frozen=True, slots=True)
class Detour:
    """Another round trip between two places (with all below them), in both directions."""

    a: Slug
    b: Slug
    ms: float  # what is added; may be negative
    instead: bool = False  # ms is the whole round trip

    def __str__(self) -> str:
        """What is supposed, in words."""
        where = f"the round trip between {self.a} and {self.b}" if self.a != self.b else f"the round trip in {self.a}"
        change = f"{self.ms:g} ms" if self.instead else f"{abs(self.ms):g} ms {'longer' if self.ms >= 0 else 'shorter'}"
        return f"{where} is {change}"

    def of(self, estimate: Estimate) -> Estimate:
        """The estimate as it would be; one that knows nothing goes on so, unless the whole round trip is supposed."""
        if self.instead:
            return Estimate(self.ms, 0.0, SUPPOSED)
        if estimate.rtt_ms is None:
            return estimate
        return replace(estimate, rtt_ms=max(LEAST_MS, estimate.rtt_ms + self.ms))


@dataclass(frozen=True, slots=True)
class Supposed:
    """All that is supposed at once; the order in which it is said carries no meaning.

    A word of ``drain``, ``down`` and ``remove`` is a boot server, or a location for all boot servers there.
    """

    drain: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    add: tuple[BootServer, ...] = ()
    detours: tuple[Detour, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """What is supposed, in words."""
        return (
            *(f"{server.name} is added at {server.location} (weight {server.weight})" for server in self.add),
            *(f"{name} is gone from the inventory" for name in self.remove),
            *(f"{name} is draining: it gets no new clients" for name in self.drain),
            *(f"{name} is down: it answers no read" for name in self.down),
            *(str(detour) for detour in self.detours),
        )

    def named(self, boot_servers: Iterable[BootServer], parents: Parents) -> Supposed:
        """The same with the names of boot servers for locations; errors name what is not known, or there already."""
        by_name = {server.name: server for server in boot_servers}
        self._check(by_name, parents)
        by_name |= {server.name: server for server in self.add}
        drain, down, remove = (_named(words, by_name, parents) for words in (self.drain, self.down, self.remove))
        return replace(self, drain=drain, down=down, remove=remove)

    def applied(
        self, boot_servers: Iterable[BootServer], health: Mapping[Slug, Health], *, now: datetime
    ) -> tuple[tuple[BootServer, ...], dict[Slug, Health]]:
        """The boot servers and their health as they would be."""
        left = [server for server in (*boot_servers, *self.add) if server.name not in self.remove]
        told = {**health, **{server.name: Health(server.name, now, True, SUPPOSED) for server in self.add}}
        told |= {Slug(name): Health(Slug(name), now, False, SUPPOSED) for name in self.down}
        return (
            tuple(replace(each, state=AdminState.DRAINING) if each.name in self.drain else each for each in left),
            {name: check for name, check in told.items() if name not in self.remove},
        )

    def estimates(self, estimates: Estimates, parents: Parents) -> Estimates:
        """The paths as they would be: each detour on the way is added."""
        if not self.detours:
            return estimates
        around = {slug: frozenset(upwards(slug, parents)) for slug in parents}

        def found(location: Slug, server: BootServer) -> Estimate:
            here, there = around.get(location, frozenset()), around.get(server.location, frozenset())
            estimate = estimates(location, server)
            for detour in self.detours:
                if (detour.a in here and detour.b in there) or (detour.b in here and detour.a in there):
                    estimate = detour.of(estimate)
            return estimate

        return found

    def _check(self, by_name: Mapping[Slug, BootServer], parents: Parents) -> None:
        places = [
            *(server.location for server in self.add),
            *(end for each in self.detours for end in (each.a, each.b)),
        ]
        for place in places:
            if place not in parents:
                at = [by_name[place].location] if place in by_name else get_close_matches(place, parents, 3)
                raise NotFoundError("location", place, at)
        taken = [server.name for server in self.add if server.name in by_name]
        twice = {server.name for server in self.add if [each.name for each in self.add].count(server.name) > 1}
        if taken or twice:
            name = sorted({*taken, *twice})[0]
            raise InputError([Fault("--add", 0, "", f"{name}, which is there already", "a new boot server's name")])


def detour(text: str) -> Detour:
    """``A:B:+80ms`` longer, ``A:B:-5ms`` shorter, ``A:B:=20ms`` the whole round trip; else InputError."""
    match = _DETOUR.fullmatch(text.strip())
    if match is None:
        expected = "PLACE:PLACE:+80ms (longer), :-5ms (shorter) or :=20ms (the whole round trip)"
        raise InputError([Fault("--latency", 0, "", repr(text), expected)])
    ms = float(match["value"]) * _UNITS_MS[match["unit"]]
    if match["sign"] == "=" and ms < LEAST_MS:
        raise InputError([Fault("--latency", 0, "", f"{ms:g} ms in {text!r}", "a round trip above zero")])
    ends = Slug(match["a"].strip()), Slug(match["b"].strip())
    return Detour(*ends, -ms if match["sign"] == "-" else ms, instead=match["sign"] == "=")


def added(text: str) -> BootServer:
    """``NAME@LOCATION[,weight=N][,capacity=N]``; it has an address of each family, as nothing is said against it."""
    match = _ADDED.fullmatch(text.strip())
    if match is None:
        raise InputError([Fault("--add", 0, "", repr(text), "NAME@LOCATION or NAME@LOCATION,weight=N")])
    settings = dict(part.split("=", 1) for part in match["settings"].split(",") if part)
    known = {key: settings.pop(key) for key in ("weight", "capacity") if key in settings}
    if settings:
        raise InputError([Fault("--add", 0, sorted(settings)[0], repr(text), "weight=N or capacity=N alone")])
    for key, value in known.items():
        if not value.isdecimal() or not 0 < int(value) <= _MAX_NUMBER:
            raise InputError([Fault("--add", 0, key, repr(value), f"a whole number from 1 to {_MAX_NUMBER}")])
    numbers = {key: int(value) for key, value in known.items()}
    return BootServer(
        Slug(match["name"]),
        Slug(match["place"].strip()),
        ADDED4,
        ADDED6,
        weight=numbers.get("weight", 100),
        state=AdminState.ACTIVE,
        capacity=numbers.get("capacity"),
    )


def _named(words: Sequence[str], by_name: Mapping[Slug, BootServer], parents: Parents) -> tuple[str, ...]:
    """The boot servers of these names, or at or below these places."""
    found: set[Slug] = set()
    for word in words:
        name = Slug(word)
        inside = {each.name for each in by_name.values() if name in upwards(each.location, parents)}
        names = {name} if name in by_name else inside
        if not names:
            raise NotFoundError("boot server", word, get_close_matches(word, [*by_name], 3) or sorted(by_name)[:3])
        found |= names
    return tuple(sorted(found))
