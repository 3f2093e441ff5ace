"""What is measured comes out as Prometheus reads it; each metric of the tables stands in the README."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nearboot.app.measure import BOUNDS_S, BUCKETS, Measures
from nearboot.app.metrics import HTTP, TFTP, ByLabel, Exposition, Table
from nearboot.tftp import TftpServer

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
TABLES = {"tftp": TFTP, "http": HTTP}


def _samples(measures: Measures, table: Table = TFTP) -> dict[tuple[str, str], float]:
    """By name and the one label's value."""
    text, _ = Exposition(lambda: measures, table).text()
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def _names(table: Table) -> list[str]:
    return [*(row.name for row in (*table.counters, *table.gauges)), table.seconds]


def test_counts_become_samples() -> None:
    """Of each outcome also where there was none yet, so that a rate has a beginning."""
    measures = Measures({"completed": 3, "not_found": 1, "bytes_sent": 4096}, {"active": 2}, sum_s=1.5)
    samples = _samples(measures)
    assert samples["nearboot_tftp_requests_total", "completed"] == 3
    assert samples["nearboot_tftp_requests_total", "not_found"] == 1
    assert samples["nearboot_tftp_requests_total", "timed_out"] == 0
    assert samples["nearboot_tftp_sent_bytes_total", ""] == 4096
    assert samples["nearboot_tftp_active_transfers", ""] == 2
    assert ("nearboot_build_info", "0.1.0") in samples


def test_the_histogram_is_cumulative() -> None:
    """As Prometheus wants it; the bucket without a bound has all."""
    samples = _samples(Measures(buckets=(5, 2, *(0,) * (BUCKETS - 3), 1), sum_s=9000.5))
    name = TFTP.seconds
    assert [samples[f"{name}_bucket", str(bound)] for bound in BOUNDS_S[:3]] == [5, 7, 7]
    assert (samples[f"{name}_bucket", "+Inf"], samples[f"{name}_count", ""], samples[f"{name}_sum", ""]) == (
        8,
        8,
        9000.5,
    )


def test_each_counter_of_the_data_plane_has_its_metric() -> None:
    """One that is added there is not forgotten here."""
    server = TftpServer(None, host="127.0.0.1", port=0)
    server.stop()
    shown: set[str] = set()
    for row in (*TFTP.counters, *TFTP.gauges):
        shown |= set(row.keys.values()) if isinstance(row, ByLabel) else {row.key}
    assert set(server.counters()) <= shown


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_names_follow_the_rules(table: Table) -> None:
    """Prometheus's: units and ``_total`` at the end, a sentence for each; no name twice."""
    names = _names(table)
    assert len(names) == len(set(names))
    assert all(name.startswith("nearboot_") for name in names)
    assert all(row.name.endswith("_total") and row.text.endswith(".") for row in table.counters)
    assert all(not row.name.endswith("_total") and row.text.endswith(".") for row in table.gauges)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_each_metric_stands_in_the_readme(table: Table) -> None:
    """And each outcome."""
    assert [name for name in _names(table) if f"`{name}`" not in README] == []
    keys = [key for row in table.counters if isinstance(row, ByLabel) for key in row.keys]
    assert [key for key in keys if f"`{key}`" not in README] == []


def test_a_scraper_gets_the_format_that_it_asks_for() -> None:
    """OpenMetrics where it is preferred, and the process's own metrics in both."""
    exposition = Exposition(Measures, TFTP)
    text, kind = exposition.text("application/openmetrics-text; version=1.0.0")
    assert "openmetrics" in kind and text.endswith(b"# EOF\n")
    plain, kind = exposition.text()
    assert kind.startswith("text/plain") and b"process_resident_memory_bytes" in plain
