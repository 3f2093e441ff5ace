"""``serve http`` has metrics at an address of their own, not at the one that clients boot from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from nearboot.app.backlog import Backlog
from nearboot.app.http_watch import HttpWatch
from nearboot.config import Config
from nearboot.http.server import Exchange
from nearboot.model import EventKind

Daemon = Callable[..., Any]


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def _exchange(status: int, kind: EventKind = EventKind.HTTP_READ) -> Exchange:
    return Exchange(
        kind=kind,
        client=None,
        server=None,
        method="GET",
        subject="x",
        status=status,
        bytes=100,
        duration_s=0.2,
        outcome="ok",
        fields={},
        user_agent="",
    )


def test_answers_are_counted_by_class() -> None:
    """A client that left before there was an answer has none; call-backs count by themselves too."""
    watch = HttpWatch(Backlog(lambda things: None, is_minor=lambda thing: True))
    for status in (200, 206, 404, 0):
        watch.note(_exchange(status), {"cache": "hit", "origin": "o"} if status == 206 else {})
    watch.note(_exchange(204, EventKind.CALLBACK), {})
    counts = watch.measures().counts
    assert {name: count for name, count in counts.items() if count} == {
        "status_2": 3,
        "status_4": 1,
        "bytes_sent": 500,
        "callbacks": 1,
        "cache_reads_hit": 1,
        "cache_bytes_hit": 100,
    }
    assert sum(watch.measures().buckets) == 5


def test_a_scrape_is_what_was_answered(fleet: Config, daemon: Daemon) -> None:
    """And clients find no metrics."""
    words = ["--host", "127.0.0.1", "--port", 0, "--root", fleet.root, "--metrics-listen", "127.0.0.1:0"]
    http = daemon("http", *words)
    kernel = httpx.get(f"http://127.0.0.1:{http.port}/deb/vmlinuz")
    assert httpx.get(f"http://127.0.0.1:{http.port}/metrics").status_code == 404
    families = text_string_to_metric_families(httpx.get(http.ready.split(" metrics=")[1].split()[0]).text)
    samples = {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }
    assert samples["nearboot_http_requests_total", "2xx"] == samples["nearboot_http_requests_total", "4xx"] == 1
    assert samples["nearboot_http_sent_bytes_total", ""] >= len(kernel.content)
    assert samples["nearboot_http_request_seconds_count", ""] == 2
    health = http.ready.split(" metrics=")[1].split()[0].replace("/metrics", "/healthz")
    assert httpx.get(health).text == "ok\n"
    assert http.end() == 0
