"""Addresses in URLs, and a boot server's HTTP address for a family."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from nearboot.model import BootServer, Slug
from nearboot.model.url import bracketed, http_base

V4, V6 = IPv4Address("10.0.0.1"), IPv6Address("fd77::1")


@pytest.mark.parametrize(
    ("url", "family", "expected"),
    [
        pytest.param("http://10.0.0.1", 4, "http://10.0.0.1", id="same-family"),
        pytest.param("http://10.0.0.1:8080/", 6, "http://[fd77::1]:8080", id="v4-literal-over-v6"),
        pytest.param("http://[fd77::1]:8080", 4, "http://10.0.0.1:8080", id="v6-literal-over-v4"),
        pytest.param("http://boot.example.net:80/x/", 6, "http://boot.example.net:80/x", id="name-stays"),
        pytest.param("", 4, "", id="none"),
    ],
)
def test_the_http_address_is_one_that_the_client_can_reach(url: str, family: int, expected: str) -> None:
    """A literal address of the other family is of no use to a client with one family."""
    assert http_base(BootServer(Slug("ams1"), Slug("ams1"), V4, V6, url), family) == expected


def test_a_literal_stays_where_there_is_no_other() -> None:
    """Without an address of the family, what was configured is all there is."""
    assert http_base(BootServer(Slug("ams1"), Slug("ams1"), V4, None, "http://10.0.0.1"), 6) == "http://10.0.0.1"


def test_an_ipv6_address_has_brackets() -> None:
    """RFC 3986 section 3.2.2."""
    assert (bracketed(V4), bracketed(V6)) == ("10.0.0.1", "[fd77::1]")
