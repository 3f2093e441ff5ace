"""RIPE Atlas: the results of ping measurements, as its API gives them (a list, or an object a line). Always in ms.

    {"type": "ping", "prb_id": 6042, "dst_name": "boot.ams.example.net", "af": 4, "timestamp": 1795345200,
     "sent": 3, "rcvd": 2, "min": 8.1, "avg": 8.2, "max": 8.3, "result": [{"rtt": 8.1}, {"rtt": 8.3}, {"x": "*"}]}

The source is named atlas-6042, after the probe's number: an alias of a location. Fields changed their names with the
probes' firmware (atlas.ripe.net/docs/apis/measurement-result-format); no reply is -1 in min, avg and max.
"""

from __future__ import annotations

from typing import Any

from nearboot.latency.document import Document, Parts
from nearboot.latency.rows import (
    Options,
    RawRow,
    Unit,
    counted,
    family_of,
    read_family,
    read_name,
    read_number,
    read_rtt_ms,
    read_time,
    summed_up,
)

UNSURE_CLOCK_S = 600
"""A probe that has not heard a controller's time for so long; -1: it does not know."""
DESTINATIONS = ("dst_name", "name", "dst_addr", "addr")
"""Best first; name and addr are those of firmware before 4460."""


def sniff(document: Document, _options: Options) -> bool:
    """Whether the first object is a result of a probe."""
    value = document.items[0].value if document.is_json else None
    return isinstance(value, dict) and "prb_id" in value and "msm_id" in value


def parse(document: Document, options: Options) -> Parts:
    """One row a result."""
    options.known_unit(document.file, Unit.MS)
    unsure = 0

    def read(result: dict[str, Any], line: int) -> RawRow:
        nonlocal unsure
        row = _row(result, line, options)
        unsure += not 0 <= _whole(result, "lts", default=0) <= UNSURE_CLOCK_S
        return row

    rows, refused, notes = document.read_items(read)
    if unsure:
        notes.append(f"{counted(unsure, 'result')} of probes that are not sure of their clock")
    return rows, refused, notes


def _row(result: dict[str, Any], line: int, options: Options) -> RawRow:
    kind = result.get("type", "ping")
    if kind != "ping":
        raise ValueError(f"a result of a {kind!s:.40}, not of a ping")
    if "dnserr" in result:
        raise ValueError(f"the probe could not resolve its target: {result['dnserr']!s:.80}")
    src = _source(result, options)
    dst = read_name(_text(result, *_keys(options, "dst", DESTINATIONS)))
    sent, came = _whole(result, "sent"), _whole(result, "rcvd")
    if sent < 1 or not 0 <= came <= sent:
        raise ValueError(f"{came} replies to {sent} packets" + _errors(result))
    at = read_time(str(result.get("timestamp", "")), options.now)
    family = read_family(str(result["af"])) if "af" in result else family_of(str(result.get("addr", "")))
    if not came:
        if errors := _errors(result):
            raise ValueError(f"nothing was measured{errors}")
        return RawRow(src, dst, None, loss=1.0, count=sent, measured_at=at, line=line, family=family)
    rtt, low, jitter = _times(result)
    return RawRow(src, dst, rtt, low, (sent - came) / sent, sent, at, line, jitter_ms=jitter, family=family)


def _times(result: dict[str, Any]) -> tuple[float, float, float | None]:
    """The median of the packets' round trips, their least and their spread; the mean where they are not listed."""
    packets = _packets(result)
    rtts = [read_rtt_ms(str(each["rtt"]), Unit.MS) for each in packets if "rtt" in each and not each.get("dup")]
    if rtts:
        return summed_up(rtts)
    mean = read_rtt_ms(_text(result, "avg"), Unit.MS, "avg")
    return mean, read_rtt_ms(_text(result, "min"), Unit.MS, "min"), None


def _packets(result: dict[str, Any]) -> list[dict[str, Any]]:
    packets = result.get("result")
    return [each for each in packets if isinstance(each, dict)] if isinstance(packets, list) else []


def _source(result: dict[str, Any], options: Options) -> str:
    if "src" in options.columns:
        return read_name(_text(result, options.columns["src"]))
    return f"atlas-{_whole(result, 'prb_id')}"


def _keys(options: Options, field: str, known: tuple[str, ...]) -> tuple[str, ...]:
    return (options.columns[field],) if field in options.columns else known


def _errors(result: dict[str, Any]) -> str:
    """What the probe says that went wrong with it."""
    errors = {str(each["error"]) for each in _packets(result) if "error" in each}
    return f": {', '.join(sorted(errors))[:120]}" if errors else ""


def _text(result: dict[str, Any], *keys: str) -> str:
    for key in keys:
        if isinstance(result.get(key), str | int | float):
            return str(result[key])
    raise ValueError(f"no {' or '.join(keys)}")


def _whole(result: dict[str, Any], key: str, *, default: int | None = None) -> int:
    if key not in result and default is not None:
        return default
    value = read_number(_text(result, key), key)
    if value != int(value):
        raise ValueError(f"{key} {value:g} is not a whole number")
    return int(value)
