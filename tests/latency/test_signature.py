"""Signatures of latency maps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.latency.signature import Signature, key_problem, sign, verify

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = b"0123456789abcdef"
MAP = b"src,dst,rtt_ms\nams,fra,8.2\n"
TEXT = sign(MAP, KEY, source="wan", now=NOW, valid_s=3600)


def test_a_signature_says_who_when_and_until_when() -> None:
    assert verify(TEXT, MAP, KEY, now=NOW) == Signature("wan", NOW, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("text", "content", "key", "now", "message"),
    [
        pytest.param(TEXT, MAP, b"another key of 16", NOW, "not of this key", id="key"),
        pytest.param(TEXT, MAP + b"ams,ber,1\n", KEY, NOW, "not the one that was signed", id="content"),
        pytest.param(TEXT, MAP[:-5], KEY, NOW, r"not the one that was signed \(22 bytes\)", id="truncated"),
        pytest.param(TEXT.replace("wan", "lan"), MAP, KEY, NOW, "it was changed", id="source"),
        pytest.param(TEXT.replace("T13", "T23"), MAP, KEY, NOW, "it was changed", id="longer"),
        pytest.param(TEXT, MAP, KEY, NOW + timedelta(hours=2), "expired at 2026-11-22T13:00:00", id="expired"),
        pytest.param(TEXT, MAP, KEY, NOW - timedelta(hours=1), "is of the future", id="future"),
        pytest.param("", MAP, KEY, NOW, "no signature of this form", id="empty"),
        pytest.param(TEXT.replace("source", "sourze"), MAP, KEY, NOW, "where source is expected", id="field"),
        pytest.param(TEXT + "more\n", MAP, KEY, NOW, "no signature of this form", id="more"),
    ],
)
def test_what_is_not_proved_is_not_believed(text: str, content: bytes, key: bytes, now: datetime, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verify(text, content, key, now=now)


@given(st.text(max_size=400))
def test_any_text_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        verify(text, MAP, KEY, now=NOW)


@given(st.integers(0, len(TEXT.encode()) - 1), st.integers(1, 255))
def test_no_changed_byte_passes(position: int, change: int) -> None:
    forged = bytearray(TEXT.encode())
    forged[position] ^= change
    with pytest.raises(ValueError, match=r"."):
        verify(forged.decode("utf-8", "replace"), MAP, KEY, now=NOW)


def test_a_source_may_not_bring_lines_of_its_own() -> None:
    """The signer's name is one line."""
    with pytest.raises(ValueError, match="one line"):
        sign(MAP, KEY, source="wan\nsigned: 2030", now=NOW, valid_s=1)


def test_a_short_key_is_none() -> None:
    assert "15 bytes; at least 16" in key_problem(KEY[:15])
    assert key_problem(KEY) == ""
