"""Checks of option data: values that Kea cuts, and options that make firmware give up.

findings = list(findings_of_options(document, family=4))
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nearboot.kea.document import Json, holders, rows
from nearboot.kea.finding import Finding, Severity

# Options of one text each, by name and by code: a comma in them ends the value for Kea.
_TEXTS = {
    4: {"vendor-class-identifier": 60, "tftp-server-name": 66, "boot-file-name": 67, "domain-name": 15},
    6: {"bootfile-url": 59},
}
_BARE_COMMA = re.compile(r"(?<!\\),")
_BOOTFILE_URL = 59
_BOOTFILE_PARAMETER = 60


def findings_of_options(document: Json, family: int) -> Iterator[Finding]:
    """Check every option-data of a configuration, wherever it stands."""
    urls_by_class = any(
        _is(option, "bootfile-url", _BOOTFILE_URL)
        for entry in rows(document.get("client-classes"))
        for option in rows(entry.get("option-data"))
    )
    for path, holder in holders(document, family):
        options = rows(holder.get("option-data"))
        for index, option in enumerate(options):
            place = f"{path}.option-data[{index}]" if path else f"option-data[{index}]"
            yield from _commas(place, option, family)
            if family == 6:
                yield from _parameters(place, option)
                if urls_by_class and _beats_classes(path) and _is(option, "bootfile-url", _BOOTFILE_URL):
                    yield Finding(place, "option 59 here beats that of every client class: all get this one URL")
        if family == 4:
            yield from _vendor_class(path, options)


def _commas(place: str, option: Json, family: int) -> Iterator[Finding]:
    data, csv = option.get("data"), option.get("csv-format", True)
    known = any(_is(option, name, code) for name, code in _TEXTS[family].items())
    if known and csv is not False and isinstance(data, str) and (comma := _BARE_COMMA.search(data)):
        yield Finding(f"{place}.data", f"Kea cuts it at the comma and sends {data[: comma.start()]!r}; write '\\,'")


def _parameters(place: str, option: Json) -> Iterator[Finding]:
    if _is(option, "bootfile-param", _BOOTFILE_PARAMETER):
        yield Finding(
            place, "EDK2 reads option 60 as the file's size and gives up on anything else (PXE-E53)", Severity.WARNING
        )


def _vendor_class(path: str, options: list[Json]) -> Iterator[Finding]:
    """EDK2 takes "PXEClient" without option 43 for a ProxyDHCP server and asks its port 4011, in vain."""
    if any(_is(option, "vendor-encapsulated-options", 43) for option in options):
        return
    for index, option in enumerate(options):
        if _is(option, "vendor-class-identifier", 60) and str(option.get("data", "")).startswith("PXEClient"):
            place = f"{path}.option-data[{index}]" if path else f"option-data[{index}]"
            yield Finding(place, 'option 60 "PXEClient" without option 43 makes UEFI clients give up (PXE-E16)')


def _is(option: Json, name: str, code: int) -> bool:
    return option.get("name") == name or option.get("code") == code


def _beats_classes(path: str) -> bool:
    """Options of a subnet, pool or shared network come before a class's; those of a host are meant to, global lose."""
    return bool(path) and "reservations[" not in path and not path.startswith("client-classes[")
