"""What fping says: ``fping -C 5 -q`` and ``-c 5 -q`` on stderr, ``fping -J`` (5.4 and later) on stdout. Always in ms.

    10.64.0.5 : 8.21 8.30 - 8.19 8.22
    10.64.0.5 : xmt/rcv/%loss = 5/4/20%, min/avg/max = 8.19/8.23/8.30
    {"vSum": {"host": "10.64.0.5", "values": [8.21, 8.30, null, 8.19, 8.22]}}

Where it ran is said by the user or by the head of the file. With -C the median counts, and the spread is known; -c
gives the mean. The JSON is what doc/fping-json.md of 5.5 says, in which unknown kinds and fields are to be passed over.
"""

from __future__ import annotations

import re
from typing import Any

from nearboot.latency.document import Document, Parts
from nearboot.latency.rows import (
    Options,
    RawRow,
    Unit,
    family_of,
    read_count,
    read_name,
    read_number,
    read_rtt_ms,
    read_time,
    summed_up,
)

SUMMARIES = ("vSum", "summary", "intSum")
KINDS = (*SUMMARIES, "resp", "timeout", "stats")

_STAMP = re.compile(r"\[(?P<at>\d+\.\d+)\] ")  # -D
_VALUES = re.compile(r"(?P<host>\S+)\s+:(?P<values>( +\S+)+)\s*\Z")
_TOTALS = re.compile(
    r"(?P<host>\S+)\s+: xmt/rcv/%(?:loss|return) = (?P<sent>\d+)/(?P<came>\d+)/\d+%"
    r"(?:, outage\(ms\) = \d+)?(?:, min/avg/max = (?P<low>[^/]+)/(?P<mean>[^/]+)/(?P<high>\S+))?\s*\Z"
)
_PROGRESS = re.compile(r"\S+\s+: \[\d+\], ")  # a line a packet, where -q is left out
_ICMP = re.compile(r"ICMP .* from \S+ for ICMP Echo sent to ")


def sniff(document: Document, _options: Options) -> bool:
    """Whether one of the first lines is a result of -C or -c."""
    if document.is_json:
        return False
    lines = [_STAMP.sub("", line.text, count=1) for line, _ in zip(document.lines(), range(50), strict=False)]
    return any(_is_values(line) or _TOTALS.match(line) or _PROGRESS.match(line) for line in lines)


def sniff_json(document: Document, _options: Options) -> bool:
    """Whether the first object is one of fping's."""
    value = document.items[0].value if document.is_json else None
    return isinstance(value, dict) and len(value) == 1 and set(value) <= set(KINDS)


def parse(document: Document, options: Options) -> Parts:
    """One row a target; lines for a single packet are passed over, for they are counted in the target's."""
    options.known_unit(document.file, Unit.MS)
    src = options.measured_from(document.file)

    def read(line: str, number: int) -> RawRow | None:
        stamp = _STAMP.match(line)
        at = read_time(stamp["at"], options.now) if stamp else options.as_of
        rest = line[stamp.end() :] if stamp else line
        if _PROGRESS.match(rest) or _ICMP.match(rest):
            return None
        if found := _TOTALS.match(rest):
            low, mean = (_ms(found[name]) if found["mean"] else None for name in ("low", "mean"))
            return _row((src, found["host"], number), (int(found["sent"]), int(found["came"])), (mean, low, None), at)
        if found := _VALUES.match(rest):
            return _of_values((src, found["host"], number), found["values"].split(), at)
        raise ValueError("not a result of fping")

    rows, refused, notes = document.read_lines(read)
    if not rows and not refused:
        raise document.fault(0, "only lines of single packets", "the results at the end: fping -C 5 -q ... 2> FILE")
    return rows, refused, notes


def parse_json(document: Document, options: Options) -> Parts:
    """One row a target, from the last word on it; what is of single packets and of the whole run is passed over."""
    options.known_unit(document.file, Unit.MS)
    src = options.measured_from(document.file)

    def read(item: dict[str, Any], line: int) -> RawRow | None:
        kind = next((kind for kind in SUMMARIES if kind in item), None)
        if kind is None:
            return None
        inner = item[kind]
        if not isinstance(inner, dict) or not isinstance(inner.get("host"), str):
            raise ValueError(f"{kind} without a host")
        at = read_time(str(inner["time"]), options.now) if "time" in inner else options.as_of
        if kind == "vSum":
            return _of_values((src, inner["host"], line), _list(inner), at)
        sent, came = read_count(str(inner.get("xmt", ""))), _came(inner)
        low, mean = (_ms(str(inner[key])) if came and key in inner else None for key in ("rttMin", "rttAvg"))
        return _row((src, inner["host"], line), (sent, came), (mean, low, None), at)

    rows, refused, notes = document.read_items(read)
    if not rows and not refused:
        raise document.fault(0, "no summary of a target", "vSum or summary: fping -J -q -C 5 ... > FILE")
    return rows, refused, notes


Ends = tuple[str, str, int]
"""Source, destination, line."""


def _of_values(ends: Ends, values: list[str], at: Any) -> RawRow:
    came = [_ms(value) for value in values if value != "-"]
    if not came:
        return _row(ends, (len(values), 0), (None, None, None), at)
    return _row(ends, (len(values), len(came)), summed_up(came), at)


def _row(
    ends: Ends, counts: tuple[int, int], times: tuple[float | None, float | None, float | None], at: Any
) -> RawRow:
    src, host, line = ends
    sent, came = counts
    rtt, low, jitter = times
    if sent < 1:
        raise ValueError("no packet was sent")
    if came and rtt is None:
        raise ValueError(f"{came} replies, but no round trip")
    loss = max(0, sent - came) / sent  # a duplicate reply is no gain
    dst = read_name(host)
    return RawRow(src, dst, rtt, low, loss, sent, at, line, jitter_ms=jitter, family=family_of(dst))


def _ms(text: str) -> float:
    return read_rtt_ms(text, Unit.MS)


def _list(inner: dict[str, Any]) -> list[str]:
    values = inner.get("values")
    if not isinstance(values, list) or not values:
        raise ValueError("vSum without values")
    return ["-" if value is None else str(value) for value in values]


def _came(inner: dict[str, Any]) -> int:
    came = read_number(str(inner.get("rcv", "")), "rcv")
    if came < 0 or came != int(came):
        raise ValueError(f"rcv {came:g} is not a count")
    return int(came)


def _is_values(line: str) -> bool:
    found = _VALUES.match(line)
    return found is not None and any(_is_number(value) for value in found["values"].split())


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(".", "", 1).isdecimal()
