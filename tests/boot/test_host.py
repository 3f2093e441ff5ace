"""Where a host reaches its boot server."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from nearboot.boot.host import HostBoot, http_base
from nearboot.model import BootServer, Slug

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


def test_callback_url_needs_a_run_a_token_and_an_address(host: HostBoot) -> None:
    """It names the run by its token, over the family that the boot goes over."""
    assert host.callback_url == "http://10.77.0.1:8080/callback/3q2-7w"
    assert replace(host, client=IPv6Address("fd77::9")).callback_url == "http://[fd77::1]:8080/callback/3q2-7w"
    assert replace(host, run=None).callback_url == ""
    assert replace(host, boot_server=None).callback_url == ""
