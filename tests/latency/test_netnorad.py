"""Lines of OpenNetNorad."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nearboot.errors import InputError
from nearboot.latency.formats import ParsedMap, parse
from nearboot.latency.rows import RawRow

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NS = "1795345200000000000"
TAGS = (
    "uping,host_pong=10.0.0.1,host_ping=10.0.0.7,region_pong=eu\\ west,region_ping=eu,cluster_pong=c1,cluster_ping=c2"
)


def _parse(text: str, **options: object) -> ParsedMap:
    return parse("norad", text, source=None, now=NOW, **options)  # type: ignore[arg-type]  # keywords


def test_line_is_read() -> None:
    """The pinging host is the source; ms; nanoseconds since 1970."""
    parsed = _parse(f"{TAGS} rrt50=2.5,loss_ratio=0.5 {NS}\n")
    assert parsed.format == "netnorad"
    at = NOW - timedelta(hours=1)
    assert parsed.rows == (RawRow("10.0.0.7", "10.0.0.1", 2.5, loss=0.5, measured_at=at, line=1, family=4),)


def test_minus_one_in_both_is_no_reply() -> None:
    """The pinger's way to say that nothing came."""
    (row,) = _parse(f"{TAGS} rrt50=-1.0,loss_ratio=-1.0 {NS}").rows
    assert (row.rtt_ms, row.loss) == (None, 1.0)


def test_other_tags_may_name_the_ends() -> None:
    """Clusters instead of hosts; an escaped space is a space."""
    (row,) = _parse(f"{TAGS} rrt50=2.5,loss_ratio=0 {NS}", columns={"src": "cluster_ping", "dst": "region_pong"}).rows
    assert (row.src, row.dst) == ("c2", "eu west")
    with pytest.raises(InputError, match=r"src=host_ping\|rack_ping"):
        _parse(TAGS, columns={"src": "host_pong"})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(f"{TAGS} rrt50=2.5,loss_ratio=-1 {NS}", "not a share", id="half-a-sentinel"),
        pytest.param(f"{TAGS} rrt50=-1,loss_ratio=0 {NS}", "-1 marks no reply", id="other-half"),
        pytest.param(f"{TAGS} rrt50=2.5", "no loss_ratio", id="no-loss"),
        pytest.param("uping,host_pong=10.0.0.1,host_pi", "cut off", id="cut-off"),
        pytest.param(f"cpu,host=a usage=1 {NS}", "a measurement of 'cpu'", id="another-measurement"),
        pytest.param(f"{TAGS} rrt50=2.5,loss_ratio=0 {NS[:-1]}9{NS[-1:]}", "neither ISO", id="strange-time"),
    ],
)
def test_bad_line_is_listed(line: str, reason: str) -> None:
    """The others stand."""
    parsed = _parse(f"{TAGS} rrt50=2.5,loss_ratio=0 {NS}\n{line}\n")
    assert len(parsed.rows) == 1
    assert reason in parsed.quarantined[0].reason
