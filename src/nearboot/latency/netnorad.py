"""OpenNetNorad: lines of InfluxDB that its pinger posts, one a target and minute.

    uping,host_pong=10.64.0.5,host_ping=10.20.0.7,rack_pong=A1,... rrt50=2.5,loss_ratio=0.0 1795345200000000000

The pinging host is the source, the answering one the destination; ``--column src=cluster_ping`` takes another tag. The
field is spelled rrt50, in ms; no reply is -1 in both fields; the time is in ns (fbsamples/OpenNetNorad, 2017).
"""

from __future__ import annotations

import re

from nearboot.errors import Fault, InputError
from nearboot.latency.document import Document, Parts
from nearboot.latency.rows import (
    Options,
    RawRow,
    Unit,
    family_of,
    read_loss,
    read_name,
    read_number,
    read_rtt_ms,
    read_time,
)

NO_REPLY = -1.0
TAGS = {"src": "host_ping", "dst": "host_pong"}
CHOICES = {
    "src": ("host_ping", "rack_ping", "cluster_ping", "region_ping"),
    "dst": ("host_pong", "rack_pong", "cluster_pong", "region_pong"),
}

_COMMA = re.compile(r"(?<!\\),")
_SPACE = re.compile(r"(?<!\\) +")
_EQUALS = re.compile(r"(?<!\\)=")
_ESCAPED = re.compile(r"\\([ ,=])")


def sniff(document: Document, _options: Options) -> bool:
    """Whether the first line is a measurement of uping."""
    return not document.is_json and document.first.startswith("uping,")


def parse(document: Document, options: Options) -> Parts:
    """One row a line."""
    options.known_unit(document.file, Unit.MS)
    src_tag, dst_tag = _tags(document.file, options)

    def read(line: str, number: int) -> RawRow:
        tags, fields, time = _split(line)
        src, dst = (read_name(_of(tags, tag)) for tag in (src_tag, dst_tag))
        loss, rtt = _of(fields, "loss_ratio"), _of(fields, "rrt50")
        at = read_time(time, options.now) if time else None
        family = family_of(_of(tags, "host_pong"))
        if read_number(loss, "loss") == NO_REPLY and read_number(rtt, "rrt50") == NO_REPLY:
            return RawRow(src, dst, None, loss=1.0, measured_at=at, line=number, family=family)
        rtt_ms = read_rtt_ms(rtt, Unit.MS, "rrt50")
        return RawRow(src, dst, rtt_ms, loss=read_loss(loss), measured_at=at, line=number, family=family)

    return document.read_lines(read)


def _split(line: str) -> tuple[dict[str, str], dict[str, str], str]:
    parts = _SPACE.split(line.strip())
    if len(parts) not in (2, 3):
        raise ValueError(f"{len(parts)} parts; tags, fields and a time are 3: is the line cut off?")
    name, *tags = _COMMA.split(parts[0])
    if name != "uping":
        raise ValueError(f"a measurement of {name[:40]!r}, not of uping")
    return _pairs(tags), _pairs(_COMMA.split(parts[1])), parts[2] if len(parts) == 3 else ""


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, *value = _EQUALS.split(text, maxsplit=1)
        if not value:
            raise ValueError(f"{text[:40]!r} has no value: is the line cut off?")
        pairs[_ESCAPED.sub(r"\1", key)] = _ESCAPED.sub(r"\1", value[0])
    return pairs


def _of(pairs: dict[str, str], key: str) -> str:
    if key not in pairs:
        raise ValueError(f"no {key}")
    return pairs[key]


def _tags(file: str, options: Options) -> tuple[str, str]:
    wanted = {**TAGS, **options.columns}
    faults = [
        Fault(file, 0, "column", f"{field}={tag}", f"src={'|'.join(CHOICES['src'])} or dst={'|'.join(CHOICES['dst'])}")
        for field, tag in wanted.items()
        if tag not in CHOICES.get(field, ())
    ]
    if faults:
        raise InputError(faults)
    return wanted["src"], wanted["dst"]
