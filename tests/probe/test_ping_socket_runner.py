"""The kernel's time stamps, and the ancillary messages around them."""

from __future__ import annotations

import socket
import struct
import time

import pytest

from nearboot.probe.ping_socket_runner import ANCILLARY, SO_TIMESTAMPNS, arrival_ns, class_message, stamped

NOW_NS = 1_800_000_000_500_000_000


def stamp(at_ns: int) -> tuple[int, int, bytes]:
    return socket.SOL_SOCKET, SO_TIMESTAMPNS, struct.pack("@ll", *divmod(at_ns, 10**9))


def test_the_kernel_says_when_a_datagram_came() -> None:
    """Not when it was read: after it was sent, and before it is read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        stamped(sock).bind(("127.0.0.1", 0))
        before_ns = time.time_ns()
        sock.sendto(b"x", sock.getsockname())
        between_ns = time.time_ns()
        _, ancillary, _, _ = sock.recvmsg(10, ANCILLARY)
        assert before_ns <= arrival_ns(ancillary, time.time_ns()) <= between_ns


@pytest.mark.parametrize(
    ("messages", "expected_ns"),
    [
        pytest.param([], NOW_NS, id="no stamp"),
        pytest.param([stamp(NOW_NS - 7)], NOW_NS - 7, id="a stamp"),
        pytest.param([stamp(NOW_NS + 1)], NOW_NS, id="of the future: the clock was set back"),
        pytest.param([stamp(NOW_NS - 2 * 10**9)], NOW_NS, id="too old: the clock was set forward"),
        pytest.param([(socket.SOL_SOCKET, SO_TIMESTAMPNS, b"1234")], NOW_NS, id="cut off"),
        pytest.param([(socket.IPPROTO_IP, SO_TIMESTAMPNS, stamp(1)[2])], NOW_NS, id="something else"),
    ],
)
def test_stamps_that_cannot_be_are_not_used(messages: list[tuple[int, int, bytes]], expected_ns: int) -> None:
    """The present is, then."""
    assert arrival_ns(messages, NOW_NS) == expected_ns


def test_a_class_is_without_its_ecn_bits() -> None:
    """A sender that does no ECN may not set them (RFC 3168 section 5)."""
    assert class_message(0xBB, is_4=True) == (socket.IPPROTO_IP, socket.IP_TOS, struct.pack("@i", 0xB8))
    assert class_message(0xBB, is_4=False)[:2] == (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
