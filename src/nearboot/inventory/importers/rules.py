"""The rules by which an importer gives names a place and a role: globs, expressions, prefixes, next-servers.

A rules file says what the imported files cannot: where a name stands, and what it is for. Matching only; the YAML that
rules are written in is ``rules_document``'s.

    rules.location_of_name("cp3050.esams.wmnet")  # Slug("esams"), or None
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from nearboot.model import Address, HardwareModel, Location, Prefix, Slug, Tier


@dataclass(frozen=True, slots=True)
class NameRule:
    """Names that a glob matches (``*`` also crosses dots) have this location or tier."""

    match: str
    slug: Slug

    def matches(self, name: str) -> bool:
        """Tell whether the rule applies; host names have no case."""
        return fnmatchcase(name.lower(), self.match.lower())


@dataclass(frozen=True, slots=True)
class ExpressionRule:
    """Names that a regular expression matches as a whole have this location."""

    regex: re.Pattern[str]
    slug: Slug

    def matches(self, name: str) -> bool:
        """Tell whether the rule applies to the whole of ``name``."""
        return self.regex.fullmatch(name.lower()) is not None


@dataclass(frozen=True, slots=True)
class SubnetRule:
    """Subnets inside a prefix, with a next-server, or with a domain that a glob matches, stand at a location."""

    location: Slug
    prefix: Prefix | None = None
    next_server: Address | str | None = None
    domain: str | None = None

    def matches(self, prefix: Prefix, next_server: Address | str | None, domain: str) -> bool:
        """Tell whether every condition that the rule has holds."""
        return (
            (self.prefix is None or _inside(prefix, self.prefix))
            and (self.next_server is None or self.next_server == next_server)
            and (self.domain is None or fnmatchcase(domain.lower(), self.domain.lower()))
        )


@dataclass(frozen=True, slots=True)
class SettingRule:
    """Hosts with a setting whose value a glob matches have this hardware model."""

    setting: str  # such as "pxelinux.configfile"
    match: str
    model: Slug


@dataclass(frozen=True, slots=True)
class TierTable:
    """A CSV file that names each host's tier."""

    file: str
    name_column: str = "fqdn"
    tier_column: str = "role"


@dataclass(frozen=True, slots=True)
class BootServerRule:
    """How the boot servers are named that next-server addresses become; ``http_url`` may use ``{address}`` as well."""

    name: str = "{location}-boot"
    http_url: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """A rules document. In each list the first rule that matches wins; name globs go before expressions."""

    locations: tuple[NameRule, ...] = ()
    hostnames: tuple[ExpressionRule, ...] = ()
    subnets: tuple[SubnetRule, ...] = ()
    tiers: tuple[NameRule, ...] = ()
    tiers_csv: TierTable | None = None
    models: tuple[SettingRule, ...] = ()
    boot_servers: BootServerRule = field(default_factory=BootServerRule)
    create_locations: tuple[Location, ...] = ()
    create_tiers: tuple[Tier, ...] = ()
    create_models: tuple[HardwareModel, ...] = ()

    def location_of_name(self, name: str) -> Slug | None:
        """Return the location that a host's name tells; None: no rule matches."""
        rules: Sequence[NameRule | ExpressionRule] = (*self.locations, *self.hostnames)
        return next((rule.slug for rule in rules if rule.matches(name)), None)

    def location_of_subnet(self, prefix: Prefix, next_server: Address | str | None, domain: str) -> Slug | None:
        """Return the location of a subnet; None: no rule matches."""
        return next((r.location for r in self.subnets if r.matches(prefix, next_server, domain)), None)

    def location_of_next_server(self, target: Address | str) -> Slug | None:
        """Return the location of a boot server that a rule names, or that the rules for names tell."""
        named = next((r.location for r in self.subnets if r.next_server == target), None)
        return named or (self.location_of_name(target) if isinstance(target, str) else None)

    def tier_of_name(self, name: str) -> Slug | None:
        """Return the tier that a glob gives a name; None: no rule matches."""
        return next((rule.slug for rule in self.tiers if rule.matches(name)), None)


def _inside(inner: Prefix, outer: Prefix) -> bool:
    return inner.version == outer.version and inner[0] in outer and inner[-1] in outer
