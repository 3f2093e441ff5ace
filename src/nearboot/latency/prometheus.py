"""Prometheus: answers of /api/v1/query and query_range, with what the blackbox exporter or Cloudprober measure.

    curl -G http://prometheus:9090/api/v1/query_range -d step=15 -d start=... -d end=... \\
         -d 'query={__name__=~"probe_icmp_duration_seconds|probe_success"}'

Units are those of the metric: by its name (..._seconds), by what is known of it, or by the user for an expression,
which has no name. Where a probe ran is a label (src, source, from, vantage, prober; Cloudprober: instance) or said by
the user; where it probed is another one (dst, target, instance).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nearboot.errors import Fault, InputError
from nearboot.latency.document import Document, Item, Parts
from nearboot.latency.rows import Options, RawRow, read_name, read_number
from nearboot.latency.series import Pair, Series, row_of
from nearboot.model import Quarantine

SOURCES = ("src", "source", "from", "vantage", "prober")
TARGETS = ("dst", "target", "destination", "instance")
PROBER = "instance"  # Cloudprober's own address, as Prometheus scrapes it
NOT_IN_KEY = frozenset({"__name__", "phase"})
MAX_LABELS_SHOWN = 200

_URL = re.compile(r"\A(?:[a-z][a-z0-9+.-]*://)?(?:[^@/]*@)?(?P<host>\[[^\]]*\]|[^/:]+)(?::\d+)?(?:/.*)?\Z")


@dataclass(frozen=True, slots=True)
class _Answer:
    is_range: bool
    series: list[Any]
    notes: list[str]


def sniff(document: Document, _options: Options) -> bool:
    """Whether it is an answer of the API."""
    if not document.is_json or len(document.items) != 1:
        return False
    value = document.items[0].value
    return isinstance(value, dict) and "status" in value and ("data" in value or "error" in value)


def parse(document: Document, options: Options) -> Parts:
    """One row for each pair and probe in the answer."""
    answer = _answer(document)
    pairs: dict[tuple[str, str, frozenset[tuple[str, str]]], Pair] = {}
    refused: list[Quarantine] = []
    line = document.items[0].line
    for index, raw in enumerate(answer.series):
        place = f"result[{index}]"
        try:
            series = _series(raw, answer.is_range, index)
            src, dst = _ends(series, options)
            key = (src, dst, frozenset((k, v) for k, v in series.labels.items() if k not in NOT_IN_KEY))
            pairs.setdefault(key, Pair(src, dst)).add(series)
        except ValueError as error:
            refused.append(Quarantine(document.file, line, f"{place} {_shown(raw)}", str(error)))
    rows: list[RawRow] = []
    notes: dict[str, None] = dict.fromkeys(answer.notes)
    for pair in pairs.values():
        try:
            row, note = row_of(pair, options, line, is_range=answer.is_range)
        except ValueError as error:
            refused.append(Quarantine(document.file, line, f"{pair.src} → {pair.dst}", str(error)))
            continue
        rows += [row] if row else []
        notes |= dict.fromkeys([note] if note else [])
    return rows, refused, list(notes)


def _answer(document: Document) -> _Answer:
    item: Item = document.items[0]
    value = item.value
    if not isinstance(value, dict):
        raise document.fault(item.line, "no object", "an answer of Prometheus")
    if value.get("status") != "success":
        said = f"{value.get('errorType', 'an error')}: {value.get('error', '')!s:.200}"
        raise document.fault(item.line, f"no result but {said}", "status success")
    data = value.get("data")
    kind = data.get("resultType") if isinstance(data, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    if kind not in ("vector", "matrix") or not isinstance(result, list):
        expected = "a vector or a matrix: an answer of /api/v1/query or /api/v1/query_range"
        raise document.fault(item.line, f"resultType {kind!r}", expected, "data")
    if not result:
        raise InputError([Fault(document.file, item.line, "data.result", "no series", "what the query asks for")])
    warnings = value.get("warnings")
    told = [f"Prometheus warns: {each!s:.200}" for each in warnings] if isinstance(warnings, list) else []
    return _Answer(kind == "matrix", result, told)


def _series(raw: Any, is_range: bool, index: int) -> Series:
    if not isinstance(raw, dict) or not isinstance(raw.get("metric"), dict):
        raise ValueError("no series with a metric")
    labels = {str(key): str(value) for key, value in raw["metric"].items()}
    if "histogram" in raw or "histograms" in raw:
        raise ValueError("a native histogram; ask for histogram_quantile(0.5, ...)")
    points = raw.get("values") if is_range else [raw.get("value")]
    if not isinstance(points, list) or not points:
        raise ValueError("no values")
    return Series(labels.get("__name__", ""), labels, _points(points), index)


def _points(points: list[Any]) -> tuple[tuple[float, float], ...]:
    """Those with a number; the last fault if there is none. NaN is what rate()/rate() says where nothing came."""
    good: list[tuple[float, float]] = []
    fault = ""
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise ValueError("a value is no pair of time and text")
        try:
            good.append((read_number(str(point[0]), "time"), read_number(str(point[1]), "value")))
        except ValueError as error:
            fault = str(error)
    if not good:
        raise ValueError(fault)
    return tuple(good)


def _ends(series: Series, options: Options) -> tuple[str, str]:
    src = _label(series.labels, options.columns.get("src"), SOURCES) or options.src
    dst = _label(series.labels, options.columns.get("dst"), TARGETS)
    if not src and series.is_cloudprober and "dst" in series.labels:
        src = series.labels.get(PROBER, "")
    if not dst:
        raise ValueError(f"no label for the target ({', '.join(TARGETS)}); name it with --column dst=LABEL")
    if not src:
        raise ValueError(
            f"no label for where it was measured ({', '.join(SOURCES)}); "
            "name it with --column src=LABEL, or say --from LOCATION"
        )
    return read_name(_host(src)), read_name(_host(dst))


def _label(labels: Mapping[str, str], wanted: str | None, known: tuple[str, ...]) -> str:
    if wanted is not None:
        if wanted not in labels:
            raise ValueError(f"no label {wanted!r}")
        return labels[wanted]
    return next((labels[name] for name in known if labels.get(name)), "")


def _host(text: str) -> str:
    """The host of a target, which may be a URL, or have a port; any other text as it is."""
    if text.count(":") > 1 and "[" not in text and "/" not in text:
        return text  # an IPv6 address
    found = _URL.match(text.strip())
    return found["host"].strip("[]") if found else text


def _shown(raw: Any) -> str:
    metric = raw.get("metric") if isinstance(raw, dict) else raw
    return str(metric)[:MAX_LABELS_SHOWN]
