"""UdpPinger's CSV."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nearboot.errors import InputError
from nearboot.latency.formats import parse
from nearboot.latency.rows import RawRow
from nearboot.latency.udppinger import COARSE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEXT = "10.0.0.1,7.5,0\n2001:db8::2,12.5,0.25\n10.0.0.3,0,1\n"


def test_each_line_is_a_host() -> None:
    """Address, ms, loss; the family is the address's."""
    parsed = parse("uping.csv", TEXT, src="ams", source=None, now=NOW)
    assert (parsed.format, parsed.notes) == ("udppinger", (COARSE,))
    assert parsed.rows == (
        RawRow("ams", "10.0.0.1", 7.5, line=1, family=4),
        RawRow("ams", "2001:db8::2", 12.5, loss=0.25, line=2, family=6),
        RawRow("ams", "10.0.0.3", None, loss=1.0, line=3, family=4),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({}, "--from LOCATION", id="nobody-measured"),
        pytest.param({"src": "ams", "unit": "s"}, "expected ms: this format's own", id="another-unit"),
    ],
)
def test_what_is_not_known_is_asked_for(options: dict[str, str], message: str) -> None:
    """Where it ran is not in the file; the unit is no choice."""
    with pytest.raises(InputError, match=message):
        parse("uping.csv", TEXT, source=None, now=NOW, **options)  # type: ignore[arg-type]  # keywords


def test_bad_lines_are_listed() -> None:
    """With their reasons."""
    text = "10.0.0.1,7.5,0\n10.0.0.2,7.5\n10.0.0.3,-1,0\n10.0.0.4,5,40\n"
    parsed = parse("uping.csv", text, src="ams", source=None, now=NOW)
    assert [(row.line, row.reason[:20]) for row in parsed.quarantined] == [
        (2, "the line has 2 cells"),
        (3, "rtt -1 ms is not abo"),
        (4, "loss 40 is not a sha"),
    ]
