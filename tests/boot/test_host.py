"""Where a host reaches its boot server."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from nearboot.boot.host import HostBoot

V4, V6 = IPv4Address("10.0.0.1"), IPv6Address("fd77::1")


def test_callback_url_needs_a_run_a_token_and_an_address(host: HostBoot) -> None:
    """It names the run by its token, over the family that the boot goes over."""
    assert host.callback_url == "http://10.77.0.1:8080/callback/3q2-7w"
    assert replace(host, client=IPv6Address("fd77::9")).callback_url == "http://[fd77::1]:8080/callback/3q2-7w"
    assert replace(host, run=None).callback_url == ""
    assert replace(host, boot_server=None).callback_url == ""
