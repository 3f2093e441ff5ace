"""Reads a rules document: YAML text becomes ``Rules``, or an ``InputError`` with every fault and its line.

    rules = load_rules(text, "rules.yaml")

If ``create`` makes locations, rules may speak of those alone; otherwise the locations are expected in the database.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_network
from typing import TypeVar

import yaml

from nearboot.errors import Fault, InputError
from nearboot.inventory.importers.isc_values import address_or_none
from nearboot.inventory.importers.rules import (
    BootServerRule,
    ExpressionRule,
    NameRule,
    Rules,
    SettingRule,
    SubnetRule,
    TierTable,
)
from nearboot.model import Address, Firmware, HardwareModel, Location, LocationKind, Slug, Tier, slug_from_text

T = TypeVar("T")
Nodes = Mapping[str, yaml.Node]

_SECTIONS = ("locations", "hostnames", "subnets", "tiers", "tiers_csv", "models", "boot_servers", "create")
_CREATE = ("locations", "tiers", "models")
_LOCATION = ("slug", "kind", "name", "parent", "latitude", "longitude", "aliases")
_MODEL = ("slug", "manufacturer", "name", "firmware", "console")
_SUBNET = ("location", "prefix", "next_server", "domain")
_NOUNS: Mapping[type[yaml.Node], str] = {yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list"}


def load_rules(text: str, file: str) -> Rules:
    """Read a rules document; raises ``InputError`` with every fault in it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise InputError([_syntax_fault(error, file)]) from error
    if root is None:
        raise InputError([Fault(file, 0, "", "an empty document", f"a mapping with any of: {', '.join(_SECTIONS)}")])
    reading = _Reading(file)
    rules = reading.rules(root)
    if reading.faults:
        raise InputError(sorted(reading.faults, key=lambda fault: fault.line))
    return rules


def _syntax_fault(error: yaml.YAMLError, file: str) -> Fault:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return Fault(file, mark.line + 1 if mark else 0, "", problem, "YAML")


@dataclass(slots=True)
class _Reading:
    """Decodes YAML nodes (they know their lines) and collects faults; a node with a fault becomes None."""

    file: str
    faults: list[Fault] = field(default_factory=list)
    places: frozenset[str] = frozenset()  # the locations that rules may name; empty: any

    def rules(self, root: yaml.Node) -> Rules:
        at = self.mapping(root, "", _SECTIONS)
        create = self.mapping(at["create"], "create", _CREATE) if "create" in at else {}
        made = self.items(create, "locations", self.location, within="create.")
        self.places = frozenset(location.slug for location in made)
        return Rules(
            locations=self.items(at, "locations", lambda node, path: self.name_rule(node, path, "location")),
            hostnames=self.items(at, "hostnames", self.expression),
            subnets=self.items(at, "subnets", self.subnet),
            tiers=self.items(at, "tiers", lambda node, path: self.name_rule(node, path, "tier")),
            tiers_csv=self.tier_table(at["tiers_csv"]) if "tiers_csv" in at else None,
            models=self.items(at, "models", self.setting),
            boot_servers=self.boot_server(at["boot_servers"]) if "boot_servers" in at else BootServerRule(),
            create_locations=made,
            create_tiers=self.items(create, "tiers", self.tier, within="create."),
            create_models=self.items(create, "models", self.model, within="create."),
        )

    # The rules, one method a section.

    def name_rule(self, node: yaml.Node, path: str, noun: str) -> NameRule | None:
        at = self.mapping(node, path, ("match", noun), required=("match", noun))
        match, slug = self.text(at, path, "match"), self.slug(at, path, noun)
        return NameRule(match, slug) if match and slug else None

    def expression(self, node: yaml.Node, path: str) -> ExpressionRule | None:
        at = self.mapping(node, path, ("regex", "location"), required=("regex", "location"))
        regex = self.read(at, path, "regex", _pattern, "a regular expression")
        slug = self.slug(at, path, "location")
        return ExpressionRule(regex, slug) if regex and slug else None

    def subnet(self, node: yaml.Node, path: str) -> SubnetRule | None:
        at = self.mapping(node, path, _SUBNET, required=("location",))
        if at and not at.keys() & set(_SUBNET[1:]):
            self.fault(node, path, "no condition", f"at least one of: {', '.join(_SUBNET[1:])}")
        location = self.slug(at, path, "location")
        prefix = self.read(at, path, "prefix", ip_network, "a prefix without host bits, such as 10.0.0.0/8")
        target = self.read(at, path, "next_server", _target, "an IP address or a host name")
        domain = self.text(at, path, "domain") or None
        return SubnetRule(location, prefix, target, domain) if location else None

    def setting(self, node: yaml.Node, path: str) -> SettingRule | None:
        keys = ("setting", "match", "model")
        at = self.mapping(node, path, keys, required=keys)
        setting, match, model = (
            self.text(at, path, "setting"),
            self.text(at, path, "match"),
            self.slug(at, path, "model"),
        )
        return SettingRule(setting, match, model) if setting and match and model else None

    def tier_table(self, node: yaml.Node) -> TierTable | None:
        if isinstance(node, yaml.ScalarNode):
            return TierTable(node.value)
        keys = ("file", "name_column", "tier_column")
        at = self.mapping(node, "tiers_csv", keys, required=("file",))
        return (
            TierTable(**{key: self.text(at, "tiers_csv", key) for key in keys if key in at}) if "file" in at else None
        )

    def boot_server(self, node: yaml.Node) -> BootServerRule:
        at = self.mapping(node, "boot_servers", ("name", "http_url"))
        wanted = "text with no other placeholders than {location} and {address}"
        name = self.read(at, "boot_servers", "name", _template, wanted) or BootServerRule().name
        return BootServerRule(name, self.read(at, "boot_servers", "http_url", _template, wanted) or "")

    def location(self, node: yaml.Node, path: str) -> Location | None:
        at = self.mapping(node, path, _LOCATION, required=("slug", "kind"))
        slug, parent = self.slug(at, path, "slug"), self.slug(at, path, "parent")
        kind = self.read(at, path, "kind", LocationKind, _one_of(LocationKind))
        latitude = self.read(at, path, "latitude", _degrees(90), "degrees from -90 to 90")
        longitude = self.read(at, path, "longitude", _degrees(180), "degrees from -180 to 180")
        aliases = self.items(at, "aliases", self.plain, within=f"{path}.")
        name = self.text(at, path, "name")
        return Location(slug, kind, name, parent, latitude, longitude, aliases) if slug and kind else None

    def tier(self, node: yaml.Node, path: str) -> Tier | None:
        at = self.mapping(node, path, ("slug", "name"), required=("slug",))
        slug = self.slug(at, path, "slug")
        return Tier(slug, self.text(at, path, "name")) if slug else None

    def model(self, node: yaml.Node, path: str) -> HardwareModel | None:
        at = self.mapping(node, path, _MODEL, required=("slug",))
        slug = self.slug(at, path, "slug")
        firmware = self.read(at, path, "firmware", Firmware, _one_of(Firmware)) or Firmware.UEFI
        maker, name, console = (self.text(at, path, key) for key in ("manufacturer", "name", "console"))
        return HardwareModel(slug, maker, name, firmware, console) if slug else None

    # The nodes that they are made of.

    def mapping(self, node: yaml.Node, path: str, known: tuple[str, ...], required: tuple[str, ...] = ()) -> Nodes:
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, path, _kind(node), f"a mapping with any of: {', '.join(known)}")
            return {}
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            near = get_close_matches(str(key.value), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            if key.value not in known:
                self.fault(key, path, f"unknown field {key.value!r}", f"one of: {', '.join(known)}{hint}")
            elif key.value in fields:
                self.fault(key, path, f"field {key.value!r} a second time", "each field once")
            else:
                fields[key.value] = value
        for name in required:
            if name not in fields:
                self.fault(node, path, f"no field {name!r}", "it is required")
        return fields

    def items(
        self, at: Nodes, key: str, item: Callable[[yaml.Node, str], T | None], *, within: str = ""
    ) -> tuple[T, ...]:
        node = at.get(key)
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.fault(node, within + key, _kind(node), "a list")
            return ()
        values = [item(child, f"{within}{key}[{index}]") for index, child in enumerate(node.value)]
        return tuple(value for value in values if value is not None)

    def read(self, at: Nodes, path: str, key: str, parse: Callable[[str], T], expected: str) -> T | None:
        """Read a scalar field with ``parse``, which raises ``ValueError``; None where it is absent or wrong."""
        node = at.get(key)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self.fault(node, f"{path}.{key}", _kind(node), expected)
            return None
        try:
            return parse(node.value)
        except (ValueError, re.error):
            self.fault(node, f"{path}.{key}", repr(node.value), expected)
            return None

    def text(self, at: Nodes, path: str, key: str) -> str:
        return self.read(at, path, key, str, "text") or ""

    def plain(self, node: yaml.Node, path: str) -> str | None:
        return self.read({"": node}, path, "", str, "text")

    def slug(self, at: Nodes, path: str, key: str) -> Slug | None:
        slug = self.read(at, path, key, slug_from_text, "a slug (lower-case letters, digits, '-', '_', '.')")
        if slug and key == "location" and self.places and slug not in self.places:
            self.fault(
                at[key], f"{path}.{key}", repr(slug), f"one of create.locations: {', '.join(sorted(self.places))}"
            )
        return slug

    def fault(self, node: yaml.Node, path: str, found: str, expected: str) -> None:
        self.faults.append(Fault(self.file, node.start_mark.line + 1, path.rstrip("."), found, expected))


def _kind(node: yaml.Node) -> str:
    return _NOUNS.get(type(node)) or (repr(node.value) if node.value else "nothing")


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _target(text: str) -> Address | str:
    address = address_or_none(text)
    if address is None and (not text.strip(string.digits + ".") or ":" in text or " " in text):
        raise ValueError(text)
    return text.lower() if address is None else address


def _template(text: str) -> str:
    unknown = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None} - {"location", "address"}
    if unknown:
        raise ValueError(text)
    return text


def _degrees(limit: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not -limit <= value <= limit:
            raise ValueError(text)
        return value

    return parse


def _one_of(choices: type[LocationKind] | type[Firmware]) -> str:
    return "one of: " + ", ".join(str(choice.value) for choice in choices)
