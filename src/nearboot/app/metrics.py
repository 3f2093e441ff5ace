"""The metrics of the daemons for Prometheus: what was measured, as metric families, with the library's own text format.

A metric is a row of the tables below, and nothing more; a test asks of each counter of the data plane that it has its
row. Never a label for a host: a fleet has too many.

    exposition = Exposition(lambda: measures, TFTP); exposition.text()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from nearboot import __version__
from nearboot.app.measure import BOUNDS_S, CAME, OUTCOMES, Measures, cache_bytes, cache_reads
from nearboot.probe.ping_answer import Refusal


@dataclass(frozen=True, slots=True)
class One:
    """A metric without labels. ``key``: what it is called in the measures. A counter's name ends in ``_total``."""

    name: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class ByLabel:
    """A counter with a label. ``keys``: what each of the label's values is called in the measures."""

    name: str
    label: str
    keys: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """All metrics of a kind of daemon."""

    counters: tuple[One | ByLabel, ...]
    gauges: tuple[One, ...]
    seconds: str = ""
    """The name of the histogram of durations, where there is one, and below its meaning."""
    seconds_text: str = ""


BOOK = (
    One(
        "nearboot_events_dropped_total",
        "book_dropped",
        "Events that were not written to the database, which could not keep up.",
    ),
)
CACHE = (
    ByLabel(
        "nearboot_cache_reads_total",
        "came",
        {came: cache_reads(came) for came in CAME},
        "Reads of files of origins, by how they came from the disk cache.",
    ),
    ByLabel(
        "nearboot_cache_read_bytes_total",
        "came",
        {came: cache_bytes(came) for came in CAME},
        "Bytes sent of files of origins, by how they came from the disk cache.",
    ),
)
BOOK_GAUGES = (One("nearboot_events_waiting", "book_waiting", "Events that wait to be written to the database."),)

TFTP = Table(
    counters=(
        ByLabel(
            "nearboot_tftp_requests_total",
            "outcome",
            {outcome: outcome for outcome in OUTCOMES},
            "Requests that have ended, by outcome; a size probe is aborted_by_client.",
        ),
        One("nearboot_tftp_received_requests_total", "requests", "Read requests that came in, repeated ones too."),
        One("nearboot_tftp_repeated_requests_total", "repeats", "Requests whose reply was out or on its way already."),
        One("nearboot_tftp_replaced_transfers_total", "replaced", "Transfers whose client asked anew from its port."),
        One("nearboot_tftp_stray_packets_total", "strays", "Packets at a transfer's port from somebody else."),
        One("nearboot_tftp_unexpected_packets_total", "unexpected", "Packets that are no request and no ACK: dropped."),
        One("nearboot_tftp_withheld_errors_total", "over_errors", "ERRORs not sent: their address has had too many."),
        One("nearboot_tftp_send_errors_total", "send_errors", "Sends that the kernel refused."),
        One("nearboot_tftp_faults_total", "faults", "Bugs: exceptions in the data plane; the log has them."),
        One("nearboot_tftp_sent_bytes_total", "bytes_sent", "Bytes of content sent by transfers that have ended."),
        One("nearboot_tftp_retransmits_total", "retransmits", "Packets sent again by transfers that have ended."),
        One(
            "nearboot_tftp_cache_hits_total", "cache_hits", "Segments of content, a megabyte or less, found in memory."
        ),
        One("nearboot_tftp_cache_misses_total", "cache_misses", "Segments of content that had to be read and framed."),
        One("nearboot_tftp_events_dropped_total", "events_dropped", "Transfers whose end nobody was told in time."),
        *CACHE,
        *BOOK,
    ),
    gauges=(
        One("nearboot_tftp_active_transfers", "active", "Transfers under way, those that wait for content too."),
        One("nearboot_tftp_cache_bytes", "cached_bytes", "Content framed and ready to send, in memory."),
        One("nearboot_tftp_workers", "workers", "Processes that serve, and whose data plane responds."),
        *BOOK_GAUGES,
    ),
    seconds="nearboot_tftp_transfer_seconds",
    seconds_text="How long completed transfers took, from request to last ACK.",
)
HTTP = Table(
    counters=(
        ByLabel(
            "nearboot_http_requests_total",
            "status",
            {f"{digit}xx": f"status_{digit}" for digit in range(1, 6)},
            "Requests answered, by the class of their status.",
        ),
        One("nearboot_http_sent_bytes_total", "bytes_sent", "Bytes of bodies sent."),
        One("nearboot_callbacks_total", "callbacks", "Call-backs of installers."),
        *CACHE,
        *BOOK,
    ),
    gauges=BOOK_GAUGES,
    seconds="nearboot_http_request_seconds",
    seconds_text="How long requests took, from their first line to the end of the answer.",
)


PROBE = Table(
    counters=(
        One("nearboot_probe_answered_total", "answered", "Latency probes answered."),
        ByLabel(
            "nearboot_probe_unanswered_total",
            "reason",
            {reason.value: reason.value for reason in Refusal} | {"multicast": "multicast"},
            "Datagrams left without an answer.",
        ),
        One("nearboot_probe_send_errors_total", "send_errors", "Replies that the kernel refused to send."),
    ),
    gauges=(),
)


@dataclass(slots=True, eq=False)
class Exposition:
    """The metrics of this process as text. ``measure`` is called for each scrape, from the thread that scrapes."""

    measure: Callable[[], Measures]
    table: Table
    registry: CollectorRegistry = field(default_factory=lambda: CollectorRegistry(auto_describe=False))

    def __post_init__(self) -> None:
        self.registry.register(_Families(self.measure, self.table))
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """The metrics in the format that the scraper accepts, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


@dataclass(frozen=True, slots=True, eq=False)
class _Families(Collector):
    measure: Callable[[], Measures]
    table: Table

    def collect(self) -> Iterator[Metric]:
        measures = self.measure()
        for row in self.table.counters:
            yield _counter(row, measures)
        for gauge in self.table.gauges:
            yield GaugeMetricFamily(gauge.name, gauge.text, measures.gauges.get(gauge.key, 0))
        if self.table.seconds:
            yield _histogram(self.table, measures)
        yield InfoMetricFamily("nearboot_build", "The version of nearboot.", {"version": __version__})

    def describe(self) -> Iterator[Metric]:
        """Nothing: what is measured need not be there yet when this is registered."""
        return iter(())


def _counter(row: One | ByLabel, measures: Measures) -> Metric:
    if isinstance(row, One):
        return CounterMetricFamily(row.name, row.text, measures.counts.get(row.key, 0))
    family = CounterMetricFamily(row.name, row.text, labels=[row.label])
    for value, key in row.keys.items():
        family.add_metric([value], measures.counts.get(key, 0))
    return family


def _histogram(table: Table, measures: Measures) -> Metric:
    """Prometheus's buckets are cumulative, and the last has no bound."""
    buckets, below = [], 0
    for bound, count in zip([*map(str, BOUNDS_S), "+Inf"], measures.buckets, strict=True):
        below += count
        buckets.append((bound, float(below)))
    return HistogramMetricFamily(table.seconds, table.seconds_text, buckets=buckets, sum_value=measures.sum_s)
