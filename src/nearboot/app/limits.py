"""The settings of the TFTP server as the limits that its data plane keeps."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from nearboot.config import TftpConfig
from nearboot.errors import ConfigError
from nearboot.tftp import Limits, Policy


def limits_of(tftp: TftpConfig) -> Limits:
    """The limits of each worker; ConfigError where the settings name none."""
    return Limits(
        sessions=tftp.sessions,
        sessions_per_client=tftp.sessions_per_client,
        allowed=prefixes(tftp.allow),
        requests_per_second=tftp.requests_per_second,
        errors_per_second=tftp.errors_per_second,
        unacked_bytes=tftp.unacked_kib << 10,
        cache_bytes=tftp.cache_mib << 20,
        policy=Policy(blksize=tftp.max_blksize, windowsize=tftp.max_windowsize),
        single_port=tftp.single_port,
    ).share(tftp.workers)


def prefixes(texts: Sequence[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """The setting ``tftp.allow``; ConfigError where one is no prefix."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise ConfigError(f"tftp.allow: {error}; expected prefixes as 10.0.0.0/8 or 2001:db8::/32") from error
