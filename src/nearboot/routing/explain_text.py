"""An explanation in plain words: the answer first, then each step of the way to it, and why not each other one.

for line in lines(explanation):
    print(line)
"""

from __future__ import annotations

from collections.abc import Sequence

from nearboot.model import Address, Reason, Slug, Subnet
from nearboot.routing.explain import Explanation, Weighed
from nearboot.routing.quantity import age_text, ms_text, seconds_text
from nearboot.routing.summary import ASSUMED

HEAD = ("rank", "boot server", "at", "round trip", "loss", "a block takes", "known by", "age", "probes", "health")
HEALTH_UNKNOWN = frozenset({"health-unknown", "health-stale"})
"""Reasons that many boot servers have at once: told once."""
RUNGS = {  # the rungs of the missing-pair ladder in words; {} is the pair that was measured, and by whom
    "local": "same site, not measured",
    "measured": "measured {}",
    "other-family": "measured over the other IP version, {}",
    "reverse": "measured {}",
    "parent": "measured {}",
    "neighbours": "as near places measure, not measured itself",
    "geo": "distance, not measured",
    "default": "nothing",
}
WIDTH = 14  # of the names of the steps
SHOWN = 12  # candidates that are shown; the others cost more, or cannot be used
FEW = 3  # subnets that are named one by one


def lines(explained: Explanation, *, every: bool = False) -> tuple[str, ...]:
    """The explanation for people; of many candidates the first in rank, or ``every`` one."""
    shown = explained.candidates if every else explained.candidates[:SHOWN]
    return (
        *_answer(explained),
        "",
        *_steps(explained),
        "",
        *_table(shown, explained),
        *_legend(shown, explained),
        *_why_not(shown, explained),
    )


def _answer(explained: Explanation) -> list[str]:
    route, name, kea = explained.route, explained.server.name, explained.kea
    how = f"over IPv{route.family}"
    chosen = _weighed(explained, route.chosen)
    at = f" ({_where(chosen, explained)})" if chosen else ""
    if kea.cannot:
        answer = f"{name} cannot boot {how}: {kea.cannot}"
    elif kea.stranger:
        answer = f"{name} would boot {how} from {route.chosen}{at}, as a client that Kea does not know"
    else:
        answer = f"{name} boots {how} from {route.chosen}{at}"
    return [answer, *(f"  {reason.text}" for reason in route.reasons)]


def _where(weighed: Weighed, explained: Explanation) -> str:
    at = weighed.server.location if weighed.server else "gone from the inventory"
    near = "its own place, " if at in {place.slug for place in explained.places} else ""
    address = (weighed.server.ipv4 if explained.route.family == 4 else weighed.server.ipv6) if weighed.server else None
    return ", ".join(filter(None, (str(address) if address else "", f"at {near}{at}")))


def _steps(explained: Explanation) -> list[str]:
    """The way from the server to the boot server, in the order in which it is gone."""
    steps = [
        ("server", _interface(explained)),
        ("relay", _relay(explained)),
        ("subnet", _subnet(explained)),
        ("location", _location(explained)),
        ("candidates", _filters(explained)),
        ("tie-break", _tie(explained)),
        ("time", _prediction(explained)),
    ]
    found = [_step(name if not n else "", text) for name, texts in steps for n, text in enumerate(texts)]
    return [*found, *explained.kea.lines(explained.route.family)]


def _step(name: str, text: str) -> str:
    return f"{name + ':' if name else '':{WIDTH}}{text}"


def _interface(explained: Explanation) -> list[str]:
    interface = explained.interface
    if interface is None:
        return ["no interface that may netboot is in the inventory"]
    known = [str(item) for item in (interface.mac, _address(explained)) if item]
    lacks = [] if _address(explained) else [f"no IPv{explained.route.family} address in the inventory"]
    return [f"boots by interface {interface.name} ({', '.join(known + lacks)})"]


def _relay(explained: Explanation) -> list[str]:
    """How Kea knows the subnet: RFC 2131's giaddr, RFC 8415's link-address."""
    subnets = [explained.subnet] if explained.subnet else list(explained.subnets)
    if not subnets:
        return []
    relays = [str(relay) for subnet in subnets for relay in subnet.relays]
    routers = [str(subnet.gateway) for subnet in subnets if subnet.gateway]
    known = relays or routers or [f"an address in {subnet.prefix}" for subnet in subnets]
    by = ("one of " if len(known) > 1 else "") + _some(known)
    field = "giaddr" if explained.route.family == 4 else "link-address"
    return [f"the DHCP request comes through a router, whose address in it ({field}: {by}) tells Kea the subnet"]


def _subnet(explained: Explanation) -> list[str]:
    if explained.subnet:
        return [f"{_named(explained.subnet)}, which that address is of"]
    if explained.subnets:
        names = _some([str(each.prefix) for each in explained.subnets])
        many = f"one of the {len(explained.subnets)}" if len(explained.subnets) > 1 else "that"
        return [f"{many} of its place, as no address of it is known: {names}"]
    return ["none in the inventory"]


def _named(subnet: Subnet) -> str:
    return f"{subnet.prefix}" + (f" ({subnet.name})" if subnet.name else "") + f" at {subnet.location}"


def _some(names: Sequence[str], few: int = FEW) -> str:
    more = f" and {len(names) - few} more" if len(names) > few else ""
    return ", ".join(names[:few]) + more


def _location(explained: Explanation) -> list[str]:
    places = " in ".join(f"{place.kind.value} {place.slug}" for place in explained.places)
    place = places or f"{explained.server.location} (not in the inventory)"
    inherited = explained.route.location != explained.server.location
    return [place + (f"; the route is that of {explained.route.location}" if inherited else "")]


def _filters(explained: Explanation) -> list[str]:
    """How the candidates became fewer, a line for each condition."""
    count = len(explained.candidates)
    if not count:
        return ["no boot server is in the inventory"]
    found = [f"{count} boot server{'s' if count > 1 else ''} in the inventory; of these"]
    width = max(len(each.condition) for each in explained.filters)
    for place, each in enumerate(explained.filters, start=1):
        left = f"  {each.condition + ':':{width + 1}} {each.passed}"
        last = f" ({explained.route.chosen})" if place == len(explained.filters) and each.passed == 1 else ""
        if each.ignored:
            found.append(f"{left}, so this does not count: better a doubtful one than none")
        else:
            found.append(left + (last or (f" (not {_some(each.out)})" if each.out else "")))
    return found


def _tie(explained: Explanation) -> list[str]:
    """Whether there was more than one to choose from at the end, and who decided."""
    chosen = _weighed(explained, explained.route.chosen)
    if chosen is None or chosen.candidate.cost_ms is None:
        return []
    band = f"costs within {ms_text(explained.policy.band(chosen.candidate.cost_ms))} of it are equal"
    equal = [each for each in explained.candidates if "spread" in {reason.code for reason in each.candidate.reasons}]
    if not equal:
        return [f"none is needed: {band}, and no other that may be chosen is so near"]
    place = explained.route.location
    return [f"{len(equal) + 1} are equally near ({band}); the spread over places by weight gives {place} to this one"]


def _prediction(explained: Explanation) -> list[str]:
    client = explained.client
    window = "one at a time" if client.windowsize == 1 else f"{client.windowsize} at a time"
    blocks = f"blocks of {client.blksize} bytes, {window}, as {client.name} asks for them"
    found = [
        f"{file.name}: {file.size:,} bytes are {file.blocks:,} {blocks}: {seconds_text(file.predicted_s)}"
        for file in explained.downloads
    ]
    return [*(["no sizes of its files are known here; as an example"] if explained.example else []), *found]


def _table(shown: Sequence[Weighed], explained: Explanation) -> list[str]:
    """The candidates in rank order, in columns as wide as their widest cell."""
    files = "all files" if len(explained.downloads) != 1 else explained.downloads[0].name
    rows = [(*HEAD, files), *(_cells(weighed, explained) for weighed in shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    more = len(explained.candidates) - len(shown)
    note = [f"  and {more:,} more of a lower rank (--all shows them)"] if more else []
    return [*("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows), *note]


def _cells(weighed: Weighed, explained: Explanation) -> tuple[str, ...]:
    candidate, estimate = weighed.candidate, weighed.estimate
    known = RUNGS.get(candidate.rung, candidate.rung + " {}").format(_pair(weighed, explained)).strip()
    mark = "~" if candidate.rung in ASSUMED and candidate.rtt_ms is not None else ""
    penalty = f" (+{estimate.penalty:.0%})" if estimate and estimate.penalty else ""
    return (
        str(candidate.rank + 1) + ("" if candidate.eligible else " (not usable)"),
        candidate.boot_server,
        weighed.server.location if weighed.server else "?",
        mark + ms_text(candidate.rtt_ms),
        "-" if candidate.loss is None or mark else f"{candidate.loss:.1%}",
        mark + ms_text(candidate.cost_ms),
        known + penalty,
        _age(weighed, explained),
        str(estimate.count) if estimate and estimate.count else "-",
        weighed.health,
        seconds_text(weighed.predicted_s),
    )


def _age(weighed: Weighed, explained: Explanation) -> str:
    age_s = weighed.estimate.age_s if weighed.estimate else None
    return "-" if age_s is None else age_text(age_s) + (" (old)" if age_s > explained.policy.stale_s else "")


def _pair(weighed: Weighed, explained: Explanation) -> str:
    """The pair of locations that a round trip is of, and who says so."""
    estimate, target = weighed.estimate, weighed.server.location if weighed.server else "?"
    pair = (estimate.via if estimate else None) or (explained.server.location, target)
    return " → ".join(pair) + (f" ({estimate.source})" if estimate and estimate.source else "")


def _legend(shown: Sequence[Weighed], explained: Explanation) -> list[str]:
    """What the table's words mean, of those that stand in it."""
    estimates = [weighed.estimate for weighed in shown if weighed.estimate]
    found = [
        "a block takes: the round trip, and the waiting for packets that get lost; a client waits so for each block"
    ]
    if any(estimate.rung in ASSUMED for estimate in estimates):
        found.append("~: nobody has measured it: it follows from the places")
    if any(estimate.penalty for estimate in estimates):
        found.append("(+%): added, since it was not measured on this very path")
    if any("(old)" in _age(weighed, explained) for weighed in shown):
        found.append(f"(old): measured more than {age_text(explained.policy.stale_s)} ago; used, as there is no newer")
    return [f"  {line}" for line in found] if shown else []


def _why_not(shown: Sequence[Weighed], explained: Explanation) -> list[str]:
    found = []
    for weighed in shown:
        name = weighed.candidate.boot_server
        said = [reason for reason in weighed.candidate.reasons if reason.code not in HEALTH_UNKNOWN]
        reasons = "; ".join(_unnamed(reason, name) for reason in said)
        if name != explained.route.chosen and reasons:
            found.append(f"why not {name}: {reasons}")
        elif reasons:
            found.append(f"note on {name}: {reasons}")
    return ["", *found, *_unknown_health(explained)]


def _unknown_health(explained: Explanation) -> list[str]:
    """One line for all boot servers of which it is not known whether they are up."""
    found = [w.candidate for w in explained.candidates if HEALTH_UNKNOWN & {r.code for r in w.candidate.reasons}]
    names = _some([candidate.boot_server for candidate in found], SHOWN)
    return [f"health unknown (no read lately), so they count as up: {names}"] if found else []


def _unnamed(reason: Reason, name: Slug) -> str:
    """The sentence without the name that stands in front of it already."""
    if reason.text.startswith(f"{name} "):
        return f"it {reason.text.removeprefix(f'{name} ')}"
    return f"farther: {reason.text}" if reason.code == "farther" else reason.text


def _weighed(explained: Explanation, name: Slug | None) -> Weighed | None:
    return next((each for each in explained.candidates if each.candidate.boot_server == name), None)


def _address(explained: Explanation) -> Address | None:
    interface = explained.interface
    if interface is None:
        return None
    return interface.ipv4 if explained.route.family == 4 else interface.ipv6
