"""Reading a Kea configuration that is already a document: its family, its paths, its interfaces, its subnets.

Pure, and forgiving: what is absent or of another type reads as nothing, for `check` to name.

    config = load(text, file="kea-dhcp4.conf")
    for path, subnet in subnets(body(config), family_of(config)): ...
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from nearboot.errors import Fault, InputError

Json = dict[str, object]

# A text (which may contain what looks like a comment), or one of Kea's three kinds of comment.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|#[^\n]*|/\*.*?\*/', re.DOTALL)

_FOLDERS = {
    "KEA_LOG_FILE_DIR": "log",
    "KEA_CONTROL_SOCKET_DIR": "control-socket",
    "KEA_DHCP_DATA_DIR": "lease-database",
}


def load(text: str, *, file: str) -> Json:
    """Read a configuration as Kea reads it, comments included; ``InputError`` with the line where it is not JSON."""
    try:
        document = json.loads(_TOKEN.sub(_blanked, text))
    except json.JSONDecodeError as error:
        raise InputError([Fault(file, error.lineno, "", error.msg, "JSON, as Kea reads it")]) from error
    if not isinstance(document, dict):
        raise InputError([Fault(file, 1, "", type(document).__name__, 'an object such as {"Dhcp4": {...}}')])
    return document


def family_of(config: Mapping[str, object]) -> int:
    """Tell which daemon a configuration is for: 4, 6, or 0 for neither."""
    return 4 if "Dhcp4" in config else 6 if "Dhcp6" in config else 0


def body(config: Mapping[str, object]) -> Json:
    """Return what stands inside ``Dhcp4`` or ``Dhcp6``."""
    return table(config.get(f"Dhcp{family_of(config)}"))


def table(value: object) -> Json:
    """Return a value as a map; an empty one if it is none."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Json]:
    """Return the maps of a list; nothing if it is none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """Return the texts of a list; nothing if it is none."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def subnets(document: Mapping[str, object], family: int) -> Iterator[tuple[str, Json]]:
    """Yield each subnet with its path, also those inside shared networks."""
    for index, subnet in enumerate(rows(document.get(f"subnet{family}"))):
        yield f"subnet{family}[{index}]", subnet
    for place, network in enumerate(rows(document.get("shared-networks"))):
        for index, subnet in enumerate(rows(network.get(f"subnet{family}"))):
            yield f"shared-networks[{place}].subnet{family}[{index}]", subnet


def holders(document: Json, family: int) -> Iterator[tuple[str, Json]]:
    """Yield every map that may carry fields, options and classes, with its path; the first is the document itself."""
    yield "", document
    for key in ("client-classes", "reservations", "shared-networks"):
        yield from _indexed(key, document)
    for path, subnet in subnets(document, family):
        yield path, subnet
        for key in ("pools", "reservations"):
            yield from _indexed(key, subnet, f"{path}.")


def control_socket(config: Mapping[str, object]) -> str | None:
    """Return the path of the control channel's socket; None where there is no such channel."""
    path = table(body(config).get("control-socket")).get("socket-name")
    return path if isinstance(path, str) and path else None


def named_interfaces(config: Mapping[str, object]) -> tuple[str, ...]:
    """Return every interface that a configuration names, in order; ``*`` is no name."""
    document = body(config)
    listed = texts(table(document.get("interfaces-config")).get("interfaces"))
    names = [entry.split("/")[0] for entry in listed]
    names += [str(subnet["interface"]) for _, subnet in subnets(document, family_of(config)) if subnet.get("interface")]
    return tuple(dict.fromkeys(name for name in names if name != "*"))


def with_loopback(config: Mapping[str, object], missing: frozenset[str]) -> Json:
    """Return a copy of a configuration in which the ``missing`` interfaces are ``lo``."""
    family = family_of(config)
    document = dict(body(config))
    interfaces = dict(table(document.get("interfaces-config")))
    listed = texts(interfaces.get("interfaces"))
    kept = [entry for entry in listed if entry.split("/")[0] not in missing]
    # Once only: kea-dhcp4 refuses an interface that is selected twice.
    loopback = ["lo"] if len(kept) < len(listed) and "lo" not in {entry.split("/")[0] for entry in kept} else []
    interfaces["interfaces"] = kept + loopback
    document["interfaces-config"] = interfaces
    key = f"subnet{family}"
    document[key] = [_on_loopback(subnet, missing) for subnet in rows(document.get(key))]
    return {name: document if name == f"Dhcp{family}" else value for name, value in config.items()}


def folders(config: Mapping[str, object]) -> dict[str, str]:
    """Return the folders that a configuration's files are in, by the variable that allows them (Kea 2.6 and later)."""
    document = body(config)
    logs = [str(entry.get("output")) for logger in rows(document.get("loggers")) for entry in _outputs(logger)]
    paths = {
        "log": next((path for path in logs if "/" in path), ""),
        "control-socket": control_socket(config) or "",
        "lease-database": str(table(document.get("lease-database")).get("name") or ""),
    }
    return {variable: str(PurePath(paths[kind]).parent) for variable, kind in _FOLDERS.items() if "/" in paths[kind]}


def _blanked(token: re.Match[str]) -> str:
    """Leave texts as they are; of a comment keep only the line ends, so that line numbers stay true."""
    found = token.group()
    return found if found.startswith('"') else "".join(char for char in found if char == "\n")


def _indexed(key: str, holder: Json, prefix: str = "") -> Iterator[tuple[str, Json]]:
    for index, item in enumerate(rows(holder.get(key))):
        yield f"{prefix}{key}[{index}]", item


def _outputs(logger: Json) -> list[Json]:
    return rows(logger.get("output_options")) or rows(logger.get("output-options"))


def _on_loopback(subnet: Json, missing: frozenset[str]) -> Json:
    return subnet | {"interface": "lo"} if subnet.get("interface") in missing else subnet
