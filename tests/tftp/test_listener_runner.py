"""The server port: both families, and replies from the address asked."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from nearboot.tftp.listener_runner import IP_PKTINFO, bound, destination, plain_peer
from nearboot.tftp.packet import Data

Fixture = Callable[..., Any]


@pytest.mark.parametrize("wildcard", ["::", "0.0.0.0"])
@pytest.mark.parametrize("asked", ["127.0.0.1", "127.0.0.2", "127.1.2.3"])
def test_the_reply_comes_from_the_address_asked(serve: Fixture, connect: Fixture, wildcard: str, asked: str) -> None:
    """A server on a wildcard answers as the client knows it, and tells it to the handler as IPv4."""
    served = serve(host=wildcard)
    wire = connect(served.port, host=asked)
    wire.ask("empty")
    assert wire.receive() == Data(1, b"")
    assert wire.other[0] == asked
    wire.ack(1)
    event = served.event()
    assert (event.server, event.client[0]) == (asked, "127.0.0.1")


def test_a_dual_stack_server_answers_v6_too(serve: Fixture, connect: Fixture) -> None:
    """One socket, both families."""
    served = serve(host="::")
    wire = connect(served.port, host="::1")
    wire.ask("empty")
    assert wire.receive() == Data(1, b"")
    wire.ack(1)
    event = served.event()
    assert (event.server, event.client) == ("::1", wire.sock.getsockname()[:2])


def test_a_server_on_one_address_hears_no_other(serve: Fixture, connect: Fixture) -> None:
    """Bound means bound."""
    served = serve(host="127.0.0.5")
    other = connect(served.port, host="127.0.0.1")
    other.ask("empty")
    wire = connect(served.port, host="127.0.0.5")
    wire.ask("empty")
    assert wire.receive() == Data(1, b"")
    assert wire.other[0] == "127.0.0.5"
    with pytest.raises(ConnectionRefusedError):
        other.sock.connect(("127.0.0.1", served.port))
        other.sock.send(b"x")
        other.sock.recv(10)


V4, V6 = (socket.IPPROTO_IP, IP_PKTINFO), (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)
ADDRESS, INDEX = socket.inet_aton("192.0.2.1"), (2).to_bytes(4, "little")
DESTINATIONS = [
    pytest.param(*V4, INDEX + ADDRESS + ADDRESS, ("192.0.2.1", 0), id="v4"),
    pytest.param(*V4, INDEX + ADDRESS + b"\xff\xff\xff\xff", None, id="broadcast"),
    pytest.param(*V6, socket.inet_pton(socket.AF_INET6, "2001:db8::1") + INDEX, ("2001:db8::1", 0), id="v6"),
    pytest.param(
        *V6, socket.inet_pton(socket.AF_INET6, "fe80::1") + INDEX, ("fe80::1", 2), id="link-local-has-a-scope"
    ),
    pytest.param(*V6, socket.inet_pton(socket.AF_INET6, "::ffff:192.0.2.1") + INDEX, ("192.0.2.1", 0), id="mapped"),
    pytest.param(*V6, socket.inet_pton(socket.AF_INET6, "ff02::1") + INDEX, None, id="multicast"),
    pytest.param(socket.IPPROTO_IP, 99, b"", None, id="something-else"),
]


@pytest.mark.parametrize(("level", "kind", "info", "expected"), DESTINATIONS)
def test_destinations(level: int, kind: int, info: bytes, expected: tuple[str, int] | None) -> None:
    """in_pktinfo and in6_pktinfo; RFC 1123 has broadcasts ignored."""
    assert destination(level, kind, info) == expected


def test_peers_lose_the_mapping_only() -> None:
    """The scope of a link-local client is needed to answer it."""
    assert plain_peer(("::ffff:192.0.2.9", 7, 0, 0)) == ("192.0.2.9", 7)
    assert plain_peer(("fe80::9%lo", 7, 0, 1)) == ("fe80::9%lo", 7, 0, 1)


def test_a_port_in_use_is_an_oserror_and_shared_on_purpose_only() -> None:
    """Two workers share a port by SO_REUSEPORT; two servers by accident do not."""
    with bound("127.0.0.1", 0) as sock, pytest.raises(OSError, match="in use"):
        bound("127.0.0.1", sock.getsockname()[1])
    with bound("127.0.0.1", 0, reuse_port=True) as one:
        port = one.getsockname()[1]
        with bound("127.0.0.1", port, reuse_port=True) as two:
            assert two.getsockname() == one.getsockname()
