"""Addresses as handlers see them."""

from __future__ import annotations

import pytest

from nearboot.tftp.request import unmapped


@pytest.mark.parametrize(
    ("address", "plain"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("192.0.2.1", "192.0.2.1"), ("::1", "::1")],
)
def test_v4_clients_are_v4(address: str, plain: str) -> None:
    """Of a dual-stack socket's addresses, only the mapped ones change."""
    assert unmapped(address) == plain
