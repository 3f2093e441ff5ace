"""Router advertisements, byte for byte."""

from __future__ import annotations

from ipaddress import IPv6Network

import pytest

from nearboot.lab.advert import encode

LIFETIMES = "ffffffffffffffff00000000"


@pytest.mark.parametrize(
    ("prefix", "managed", "flags", "option"),
    [
        pytest.param("fd77::/64", False, "00", f"030440c0{LIFETIMES}fd77{'00' * 14}", id="hosts-form-addresses"),
        pytest.param("fd77::/64", True, "c0", f"03044080{LIFETIMES}fd77{'00' * 14}", id="managed"),
        pytest.param("fd77:1::/56", False, "00", f"03043880{LIFETIMES}fd770001{'00' * 12}", id="not-a-64"),
    ],
)
def test_an_advertisement_names_router_and_prefix(prefix: str, managed: bool, flags: str, option: str) -> None:
    """Type 134, hop limit 64, a lifetime of half an hour, one prefix on the link."""
    head = f"8600000040{flags}07080000000000000000"
    assert encode(IPv6Network(prefix), managed=managed).hex() == head + option
