"""Checks of client classes: names that nobody defines, or that are defined too late to be tested.

findings = list(findings_of_classes(document, family=4))
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nearboot.kea.document import Json, holders, rows, texts
from nearboot.kea.finding import Finding, Severity

_MEMBER = re.compile(r"member\s*\(\s*'([^']*)'\s*\)")
_BUILTIN = frozenset({"ALL", "KNOWN", "UNKNOWN", "BOOTP", "DROP"})
_BUILTIN_PREFIXES = ("VENDOR_CLASS_", "HA_", "AFTER_", "EXTERNAL_", "SPAWN_")
_LISTS = ("client-classes", "require-client-classes", "evaluate-additional-classes")


def findings_of_classes(document: Json, family: int) -> Iterator[Finding]:
    """Check the definitions of the client classes, and every reference to them."""
    classes = rows(document.get("client-classes"))
    if document.get("client-classes") == []:
        yield _empty("client-classes")
    yield from _definitions(classes)
    defined, required = {str(entry.get("name")) for entry in classes}, set()
    for path, holder in holders(document, family):
        if path and not path.startswith("client-classes["):
            required |= set(texts(holder.get("require-client-classes")))
            yield from _references(path, holder, defined)
    for index, entry in enumerate(classes):
        if entry.get("only-if-required") and entry.get("name") not in required:
            text = f"{entry.get('name')!r} is only-if-required, and nothing requires it: it never matches"
            yield Finding(f"client-classes[{index}]", text, Severity.WARNING)


def _definitions(classes: list[Json]) -> Iterator[Finding]:
    every = {str(entry.get("name")) for entry in classes}
    seen: set[str] = set()
    for index, entry in enumerate(classes):
        name, path = str(entry.get("name") or ""), f"client-classes[{index}]"
        if not name:
            yield Finding(f"{path}.name", "missing")
        elif name in seen:
            yield Finding(f"{path}.name", f"{name!r} is defined twice")
        for used in dict.fromkeys(_MEMBER.findall(str(entry.get("test") or ""))):
            if used not in seen and not _is_builtin(used):
                when = "is defined after it; Kea evaluates in order" if used in every else "is not defined"
                yield Finding(f"{path}.test", f"class {used!r} {when}")
        seen.add(name)


def _references(path: str, holder: Json, defined: set[str]) -> Iterator[Finding]:
    for key in _LISTS:
        if holder.get(key) == []:
            yield (
                _empty(f"{path}.{key}")
                if key == "client-classes"
                else Finding(f"{path}.{key}", "an empty list", Severity.WARNING)
            )
        for index, name in enumerate(texts(holder.get(key))):
            if name not in defined and not _is_builtin(name):
                yield Finding(f"{path}.{key}[{index}]", f"class {name!r} is not defined; Kea ignores it without a word")
    single = holder.get("client-class")
    if isinstance(single, str) and single not in defined and not _is_builtin(single):
        yield Finding(f"{path}.client-class", f"class {single!r} is not defined: nobody is served from here")


def _empty(path: str) -> Finding:
    return Finding(path, "an empty list is a syntax error in a file before Kea 3.0; leave it out")


def _is_builtin(name: str) -> bool:
    return name in _BUILTIN or name.startswith(_BUILTIN_PREFIXES)
