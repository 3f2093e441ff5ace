"""Many datagrams in one system call, on real sockets."""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Iterator

import pytest

from nearboot.tftp.mmsg_runner import LONGEST, SLOTS, SMALL, Inbox, Outbox, Postbox, address_of, name_of, peer_of

PEERS = [
    pytest.param(("192.0.2.7", 2070), id="v4"),
    pytest.param(("2001:db8::7", 2070, 0, 0), id="v6"),
    pytest.param(("fe80::7", 65535, 0, 3), id="link-local"),
]


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets of one family."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one, socket.socket(family, socket.SOCK_DGRAM) as two:
        for sock in (one, two):
            sock.bind((request.param, 0))
            sock.settimeout(10)
        yield one, two


@pytest.mark.parametrize("peer", PEERS)
def test_a_name_is_a_peer_in_the_kernels_words(peer: tuple[str, int]) -> None:
    assert peer_of(name_of(peer)) == peer


def test_a_scope_in_the_text_is_in_the_number_too() -> None:
    """recvfrom gives fe80::7%eth0 and the interface's number."""
    assert name_of(("fe80::7%lo", 5, 0, 1)) == name_of(("fe80::7", 5, 0, 1))


def test_what_came_is_read_with_its_senders(pair: tuple[socket.socket, socket.socket]) -> None:
    """Short and long ones; the names are those that peers have."""
    one, two = pair
    inbox = Inbox(one.family)
    assert inbox.receive(one.fileno()) == 0
    sent = [b"\0\4\0\1", b"", b"\0\4\0", b"\0\5\0\0closed\0", bytes(range(256)) * 9]
    for datagram in sent:
        two.sendto(datagram, one.getsockname())
    assert inbox.receive(one.fileno()) == len(sent)
    assert inbox.names(len(sent)) == (name_of(two.getsockname()),) * len(sent)
    assert inbox.heads(len(sent)) == (0x40001, 0, 0, 0x50000, 0x00010203)
    assert [inbox.datagram(slot) for slot in range(4)] == sent[:4]
    assert inbox.datagram(4) == sent[4][:LONGEST]


def test_a_short_datagram_does_not_borrow_the_last_ones_bytes(pair: tuple[socket.socket, socket.socket]) -> None:
    """Three bytes in the slot of an ACK are no ACK."""
    one, two = pair
    inbox = Inbox(one.family)
    for datagram in (b"\0\4\0\7", b"\0\4\0"):
        two.sendto(datagram, one.getsockname())
        assert inbox.receive(one.fileno()) == 1
    assert inbox.heads(1) == (0,)


def test_no_more_than_the_slots_come_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    one, two = pair
    inbox = Inbox(one.family)
    for number in range(SLOTS + 3):
        two.sendto(number.to_bytes(4, "big"), one.getsockname())
    assert inbox.receive(one.fileno()) == SLOTS
    assert inbox.heads(SLOTS) == tuple(range(SLOTS))
    assert inbox.receive(one.fileno()) == 3
    assert inbox.heads(3) == (SLOTS, SLOTS + 1, SLOTS + 2)


def test_ancillary_data_comes_with_each(pair: tuple[socket.socket, socket.socket]) -> None:
    """The address that was asked; room for it is given anew at each call."""
    one, two = pair
    is_6 = one.family == socket.AF_INET6
    level, option, kind = (
        (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, socket.IPV6_PKTINFO) if is_6 else (socket.IPPROTO_IP, 8, 8)
    )
    one.setsockopt(level, option, 1)
    inbox = Inbox(one.family, control=True)
    here = socket.inet_pton(one.family, one.getsockname()[0])
    for _ in range(2):
        two.sendto(b"x", one.getsockname())
        assert inbox.receive(one.fileno()) == 1
        [(found_level, found_kind, info)] = inbox.controls(0)
        assert (found_level, found_kind) == (level, kind)
        assert here in info


def test_a_batch_goes_out_to_many(pair: tuple[socket.socket, socket.socket]) -> None:
    """Replies to the senders of an inbox, from where the bytes lie."""
    one, two = pair
    inbox, outbox = Inbox(one.family), Outbox(one.family)
    for _ in range(3):
        two.sendto(b"ask", one.getsockname())
    inbox.receive(one.fileno())
    memory = bytearray(b"first second third")
    for slot, (start, length) in enumerate([(0, 5), (6, 6), (13, 5)]):
        outbox.headers[8 * slot] = inbox.name_at(slot)
        outbox.vectors[2 * slot], outbox.vectors[2 * slot + 1] = address_of(memoryview(memory)) + start, length
    assert outbox.send(one.fileno(), 0, 3) == 3
    assert [two.recv(100) for _ in range(3)] == [b"first", b"second", b"third"]
    assert outbox.send(one.fileno(), 2, 1) == 1
    assert two.recv(100) == b"third"


def test_the_sockets_errors_are_pythons(pair: tuple[socket.socket, socket.socket]) -> None:
    """With their numbers, so that what is caught is what it is."""
    with pytest.raises(OSError, match="Bad file descriptor"):
        Inbox(socket.AF_INET).receive(-1)
    with pytest.raises(OSError, match="Bad file descriptor"):
        Outbox(socket.AF_INET).send(-1, 0, 1)


def test_an_empty_view_has_no_address() -> None:
    assert address_of(memoryview(b"")) == 0


def test_a_postbox_sends_copies_together(pair: tuple[socket.socket, socket.socket]) -> None:
    """What was put may change meanwhile; one that the kernel refuses costs itself alone, and is counted."""
    one, two = pair
    postbox, name = Postbox(one.family), name_of(two.getsockname())
    said = bytearray(b"hello")
    postbox.put(name, memoryview(said), None)
    said[:] = b"*****"
    postbox.put(bytes(len(name)), b"nowhere", None)
    postbox.put(name, b"x" * SMALL, None)
    assert postbox.send(one.fileno()) == 1
    assert [two.recv(5000), two.recv(5000)] == [b"hello", b"x" * SMALL]
    assert postbox.send(one.fileno()) == 0
    for number in range(SLOTS):
        assert not postbox.is_full
        postbox.put(name, bytes([number]), None)
    assert postbox.is_full
    assert postbox.send(one.fileno()) == 0
    assert [two.recv(10)[0] for _ in range(SLOTS)] == list(range(SLOTS))


def test_what_does_not_fit_into_a_postbox_is_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    """It must not move the memory that the kernel is pointed to."""
    one, two = pair
    postbox, name = Postbox(one.family), name_of(two.getsockname())
    for odd, data in ((name + b"x", b"odd"), (name[:-1], b"odd"), (name, bytes(SMALL * SLOTS + 1))):
        with pytest.raises(ValueError, match="different structures"):
            postbox.put(odd, data, None)
    postbox.put(name, b"even", None)
    assert postbox.send(one.fileno()) == 0
    assert two.recv(10) == b"even"


def test_a_postbox_is_empty_after_a_fault(pair: tuple[socket.socket, socket.socket]) -> None:
    """Else the next one would wait until it is full."""
    postbox, name = Postbox(pair[0].family), name_of(pair[1].getsockname())
    postbox.put(name, b"hello", None)
    with pytest.raises(ctypes.ArgumentError):
        postbox.send("no descriptor")  # type: ignore[arg-type]  # that is the fault
    assert postbox.count == 0
