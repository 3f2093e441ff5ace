"""Reads a rules document: YAML text becomes ``Rules``, or an ``InputError`` with every fault and its line.

    rules = load_rules(text, "rules.yaml", known=read_inventory(session))

What ``create`` makes has the fields of inventory files. Rules may speak of the locations and models that it makes, and
of those that the database has.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from yaml.nodes import Node, ScalarNode

from nearboot.errors import InputError
from nearboot.inventory.document import Page, is_null
from nearboot.inventory.field import BAD, FieldRule, Parser, Shape, filled_text, many, prefix, scalar, shape, slug
from nearboot.inventory.finding import some
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
from nearboot.inventory.shape import SHAPES
from nearboot.model import Address, Inventory, Location, Slug


def load_rules(text: str, file: str, *, known: Inventory | None = None) -> Rules:
    """Read a rules document; raises ``InputError`` with every fault in it.

    ``known`` is what the database has; None: that is not looked at where the document makes no locations (models).
    """
    page = Page(file)
    nodes = page.compose(text)
    if not page.faults and (len(nodes) != 1 or is_null(nodes[0])):
        page.fault(0, "", f"{len(nodes)} YAML documents" if len(nodes) > 1 else "nothing", "one mapping of rules")
    rules = None if page.faults else _document(nodes[0], page, known)
    if not isinstance(rules, Rules):
        raise InputError(sorted(page.faults, key=lambda fault: fault.line))
    return rules


def _document(root: Node, page: Page, known: Inventory | None) -> Any:
    """Parse in two goes: what ``create`` makes, then the rules that speak of it."""
    scratch = Page("")  # faults in ``create`` come up when the document is read as a whole
    create = (scratch.mapping(root, "") or {}).get("create")
    made = _create(slug)(create[1], "", scratch) if create else {}
    if made is BAD:
        return _sections(slug, slug)(root, "", page)
    places = {location.slug for location in (*made.get("locations", ()), *(known.locations if known else ()))}
    models = {model.slug for model in (*made.get("models", ()), *(known.models if known else ()))}
    place = _known("location", places) if places or known else slug
    return _sections(place, _known("hardware model", models) if models or known else slug)(root, "", page)


def _sections(place: Parser, model: Parser) -> Parser:
    """The parser of a whole document; ``place`` and ``model`` are those of what rules name."""
    location = FieldRule(place, required=True)
    by_glob = _rule(_name_rule, match=_NEEDED_TEXT, location=location)
    by_regex = _rule(_expression_rule, regex=_REGEX, location=location)
    return _rule(
        _make_rules,
        locations=FieldRule(many(by_glob)),
        hostnames=FieldRule(many(by_regex)),
        subnets=FieldRule(many(_subnet_rule(location))),
        tiers=FieldRule(many(_rule(_name_rule, match=_NEEDED_TEXT, tier=_NEEDED_SLUG))),
        tiers_csv=FieldRule(_tier_table),
        models=FieldRule(
            many(_rule(SettingRule, setting=_NEEDED_TEXT, match=_NEEDED_TEXT, model=FieldRule(model, required=True)))
        ),
        boot_servers=FieldRule(_rule(BootServerRule, name=FieldRule(_TEMPLATE), http_url=FieldRule(_URL))),
        create=FieldRule(_create(place)),
    )


def _create(place: Parser) -> Parser:
    """The parser of ``create``; ``place`` is the one of locations above others."""
    fields = {**SHAPES["locations"].fields, "parent": FieldRule(place)}
    shapes = {"locations": Shape(Location, fields), "tiers": SHAPES["tiers"], "models": SHAPES["models"]}
    return _rule(dict, **{noun: FieldRule(many(shape(fields))) for noun, fields in shapes.items()})


def _known(word: str, names: Collection[str]) -> Parser:
    """The parser of a slug that must be one of ``names``: of those that ``create`` makes or the database has."""

    def _parse(node: Node, path: str, page: Page) -> Any:
        name = slug(node, path, page)
        if name is BAD or name in names:
            return name
        near = get_close_matches(name, names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f": {some(sorted(names), 10)}" if names else ""
        expected = f"a {word} that create makes or the database has{hint}"
        page.fault(node, path, f"the unknown {word} {name!r}", expected)
        return BAD

    return _parse


def _subnet_rule(location: FieldRule) -> Parser:
    target = FieldRule(scalar("an IP address or a host name", _target))
    conditions = {"prefix": FieldRule(prefix), "next_server": target, "domain": FieldRule(filled_text)}
    fields = _rule(SubnetRule, location=location, **conditions)

    def _parse(node: Node, path: str, page: Page) -> Any:
        rule = fields(node, path, page)
        if rule is not BAD and (rule.prefix, rule.next_server, rule.domain) == (None, None, None):
            page.fault(node, path, "a rule without a condition", f"at least one of {', '.join(conditions)}")
            return BAD
        return rule

    return _parse


def _tier_table(node: Node, path: str, page: Page) -> Any:
    """Parse the name of a CSV file, or a mapping that names its columns as well."""
    if not isinstance(node, ScalarNode):
        return _TIER_TABLE(node, path, page)
    file = filled_text(node, path, page)
    return BAD if file is BAD else TierTable(file)


def _expression(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ValueError(text) from error


def _target(text: str) -> Address | str:
    address = address_or_none(text)
    if address is None and (not text.strip(string.digits + ".") or ":" in text or " " in text):
        raise ValueError(text)
    return text.lower() if address is None else address


def _template(text: str) -> str:
    names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    if names - {"location", "address"}:
        raise ValueError(text)
    return text


def _url_template(text: str) -> str:
    parts = urlsplit(_template(text).format(location="x", address="192.0.2.1"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or " " in text:
        raise ValueError(text)
    return text.rstrip("/")


def _name_rule(match: str, **slug: Slug) -> NameRule:
    return NameRule(match, *slug.values())


def _expression_rule(regex: re.Pattern[str], location: Slug) -> ExpressionRule:
    return ExpressionRule(regex, location)


def _make_rules(create: Mapping[str, tuple[Any, ...]] | None = None, **sections: Any) -> Rules:
    made: dict[str, Any] = {f"create_{noun}": items for noun, items in (create or {}).items()}
    return Rules(**sections, **made)


def _rule(make: Callable[..., Any], **fields: FieldRule) -> Parser:
    return shape(Shape(make, fields))


_NEEDED_SLUG = FieldRule(slug, required=True)
_NEEDED_TEXT = FieldRule(filled_text, required=True)
_REGEX = FieldRule(scalar("a regular expression", _expression), required=True)
_TEMPLATE = scalar("text with no other placeholders than {location} and {address}", _template)
_URL = scalar("an address such as http://{address}:8080 (with {location}, {address} or neither)", _url_template)
_COLUMN = FieldRule(filled_text)
_TIER_TABLE = _rule(TierTable, file=_NEEDED_TEXT, name_column=_COLUMN, tier_column=_COLUMN)
