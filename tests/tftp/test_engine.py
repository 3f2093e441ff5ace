"""Who may start a session, and what a request means that meets a live one."""

from __future__ import annotations

from dataclasses import dataclass

from nearboot.tftp.engine import Admission, Key, SessionTable
from nearboot.tftp.limits import Limits


@dataclass
class Read:
    """A session as the table sees it."""

    datagram: bytes
    moving: bool = False


def key(port: int = 2070, address: str = "192.0.2.7", server: str = "192.0.2.1") -> Key:
    return (address, port), server


def test_a_new_peer_starts() -> None:
    """Nothing is changed by asking."""
    table: SessionTable[Read] = SessionTable(Limits())
    assert table.admit(key(), b"a") == (Admission.START, None)
    assert len(table) == 0


def test_the_same_request_before_any_ack_gets_the_first_reply_again() -> None:
    """The Raspberry Pi's ROM sends two within 9 ms; PXELINUX asks again after 110 ms."""
    table: SessionTable[Read] = SessionTable(Limits())
    read = Read(b"a")
    table.add(key(), read)
    assert table.admit(key(), b"a") == (Admission.REPEAT, read)


def test_another_request_from_the_same_port_starts_anew() -> None:
    """U-Boot and UNDI use the same ports again. The same request may be a late copy, where the transfer moves."""
    table: SessionTable[Read] = SessionTable(Limits())
    read = Read(b"a")
    table.add(key(), read)
    assert table.admit(key(), b"b") == (Admission.REPLACE, read)
    read.moving = True
    assert table.admit(key(), b"b") == (Admission.REPLACE, read)
    assert table.admit(key(), b"a") == (Admission.LATE, read)


def test_the_address_asked_is_part_of_the_key() -> None:
    """Two server addresses are two servers to a client."""
    table: SessionTable[Read] = SessionTable(Limits())
    table.add(key(), Read(b"a"))
    assert table.admit(key(server="192.0.2.2"), b"a")[0] is Admission.START


def test_the_caps_hold_and_are_given_back() -> None:
    """For each client address, and for all."""
    table: SessionTable[Read] = SessionTable(Limits(sessions=3, sessions_per_client=2))
    for port in (1001, 1002):
        table.add(key(port), Read(b"a"))
    assert table.admit(key(1003), b"a")[0] is Admission.OVER_CLIENT
    table.add(key(1001, "192.0.2.8"), Read(b"a"))
    assert table.admit(key(1001, "192.0.2.9"), b"a")[0] is Admission.OVER_SESSIONS
    assert table.admit(key(1001), b"a")[0] is Admission.REPEAT
    table.remove(key(1001))
    assert table.admit(key(1003), b"a")[0] is Admission.START
    table.remove(key(1002))
    assert [read.datagram for read in table.sessions()] == [b"a"]


def test_reflecting_source_ports_are_refused() -> None:
    """A forged request "from" a TFTP, DNS or NTP server would have it answer us."""
    table: SessionTable[Read] = SessionTable(Limits())
    for port in (0, 53, 69, 123):
        assert table.admit(key(port), b"a")[0] is Admission.REFUSED_PORT
    assert table.admit(key(2070), b"a")[0] is Admission.START
