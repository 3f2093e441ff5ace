"""Identifiers: any usual spelling comes in, one goes out, everything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.model import duid_from_text, mac_from_text, slug_from_text


@pytest.mark.parametrize(
    "text", ["AA:BB:CC:DD:EE:0F", "aa-bb-cc-dd-ee-0f", "aabb.ccdd.ee0f", "AABBCCDDEE0F", " aa:bb:cc:dd:ee:0f "]
)
def test_every_usual_mac_spelling_is_one_mac(text: str) -> None:
    """Lower-case colons go out."""
    assert mac_from_text(text) == "aa:bb:cc:dd:ee:0f"


@pytest.mark.parametrize("text", ["", "aa:bb:cc:dd:ee", "aa:bb:cc:dd:ee:0g", "aa:bb:cc:dd:ee:ff:00", "web-01"])
def test_no_other_text_is_a_mac(text: str) -> None:
    """The message shows what was found."""
    with pytest.raises(ValueError, match="is not a MAC"):
        mac_from_text(text)


@given(st.binary(min_size=3, max_size=130))
def test_a_duid_reads_back(octets: bytes) -> None:
    """3 to 130 octets (RFC 8415 section 11.1)."""
    assert duid_from_text(octets.hex().upper()) == octets.hex(":")


@pytest.mark.parametrize("text", ["00", "0:0:0", "xx:yy:zz", "00" * 131])
def test_no_other_text_is_a_duid(text: str) -> None:
    """Too short, too long and odd digits are refused."""
    with pytest.raises(ValueError, match="is not a DUID"):
        duid_from_text(text)


@pytest.mark.parametrize(
    ("text", "good"), [("ams-1", True), ("a.b_c", True), ("Ams", False), ("", False), ("-a", False), ("a" * 101, False)]
)
def test_slugs(text: str, good: bool) -> None:
    """Slugs are what URLs and class names can carry."""
    if good:
        assert slug_from_text(text) == text
    else:
        with pytest.raises(ValueError, match="is not a slug"):
            slug_from_text(text)
