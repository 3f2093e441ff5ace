"""Bodies of call-backs."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import ProtocolError
from nearboot.http.callback import MAX_FIELDS, Report, parse_report

FORM = "application/x-www-form-urlencoded"
JSON = "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("content_type", "body", "report"),
    [
        pytest.param(
            FORM, b"phase=initrd-up&uptime=5.21&extra=", Report("initrd-up", {"uptime": "5.21", "extra": ""}), id="wget"
        ),
        pytest.param("", b"phase=done\n", Report("done"), id="no-type"),
        pytest.param("text/plain", b"phase=done&log=a+b%0Ac", Report("done", {"log": "a b\nc"}), id="plain"),
        pytest.param(
            JSON, b'{"phase": "failed", "message": "no disk"}', Report("failed", {"message": "no disk"}), id="json"
        ),
        pytest.param(
            JSON,
            b'{"phase": "x", "n": 1, "l": [true, null]}',
            Report("x", {"n": "1", "l": "[true, null]"}),
            id="json-values",
        ),
        pytest.param("application/problem+json", b'{"phase": "x"}', Report("x"), id="json-suffix"),
        pytest.param(FORM, "phase=x&message=Größe".encode(), Report("x", {"message": "Größe"}), id="utf-8"),
    ],
)
def test_small_clients_are_understood(content_type: str, body: bytes, report: Report) -> None:
    """busybox wget, curl, and installers with JSON."""
    assert parse_report(content_type, body) == report


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        pytest.param(FORM, b"", "names no phase", id="empty"),
        pytest.param(FORM, b"uptime=5", "names no phase", id="no-phase"),
        pytest.param(FORM, b"phase=%20", "names no phase", id="blank-phase"),
        pytest.param(FORM, b"phase=" + b"x" * 101, "at most 100", id="long-phase"),
        pytest.param(FORM, b"phase=a%0Ab", "printable", id="line-in-phase"),
        pytest.param(FORM, b"phase=\xff\xfe", "UTF-8", id="binary"),
        pytest.param(FORM, b"&".join(b"f%d=1" % n for n in range(MAX_FIELDS + 1)), "more than 100", id="many-fields"),
        pytest.param(JSON, b"{", "not JSON", id="bad-json"),
        pytest.param(JSON, b"[" * 30000, "not JSON", id="deep-json"),
        pytest.param(JSON, b'["phase"]', "not a JSON object", id="json-list"),
    ],
)
def test_what_names_no_phase_is_refused(content_type: str, body: bytes, message: str) -> None:
    """With the reason, as a person wrote the installer's script."""
    with pytest.raises(ProtocolError, match=message):
        parse_report(content_type, body)


@given(st.sampled_from([FORM, JSON, ""]), st.binary(max_size=300))
def test_any_body_is_a_report_or_refused(content_type: str, body: bytes) -> None:
    """Nothing else comes out of bytes from the network."""
    with suppress(ProtocolError):
        assert parse_report(content_type, body).phase
