"""What is granted of what is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.tftp.options import Policy, Terms, negotiate, number
from nearboot.tftp.packet import OptionAck, parse


def terms(*asked: tuple[str, str], size: int | None = 1000, mtu: int = 1468, windows: bool = True) -> Terms:
    return negotiate(asked, policy=Policy(), size=size, mtu_blksize=mtu, windows=windows)


def answered(granted: Terms) -> list[tuple[str, str]]:
    if not granted.oack:
        return []
    packet = parse(granted.oack)
    assert isinstance(packet, OptionAck)
    return list(packet.options)


CLIENTS = [
    pytest.param([("blksize", "1432"), ("tsize", "0")], [("blksize", "1432"), ("tsize", "1000")], id="ipxe"),
    pytest.param([("tsize", "0"), ("blksize", "1408")], [("tsize", "1000"), ("blksize", "1408")], id="pxelinux"),
    pytest.param(
        [("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")],
        [("tsize", "1000"), ("blksize", "1468"), ("windowsize", "4")],
        id="ovmf-probe",
    ),
    pytest.param([("blksize", "512"), ("windowsize", "4")], [("blksize", "512"), ("windowsize", "4")], id="shim"),
    pytest.param([("timeout", "5"), ("blksize", "1468")], [("timeout", "5"), ("blksize", "1468")], id="u-boot"),
    pytest.param([("tsize", "0")], [("tsize", "1000")], id="raspberry-pi"),
    pytest.param([("BlkSize", "1024")], [("blksize", "1024")], id="lower-case-names"),
    pytest.param([("multicast", ""), ("x", "y")], [], id="unknown-options-are-left-out"),
    pytest.param([("blksize", "9000")], [("blksize", "1468")], id="clamped-to-the-mtu"),
    pytest.param([("windowsize", "65535")], [("windowsize", "64")], id="clamped-to-the-policy"),
    pytest.param([("blksize", "600"), ("blksize", "700")], [("blksize", "600")], id="asked-twice"),
]


@pytest.mark.parametrize(("asked", "expected"), CLIENTS)
def test_clients_get_what_they_ask_in_their_order(
    asked: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    """RFC 2347; PXELINUX refuses any option that it did not ask."""
    assert answered(terms(*asked)) == expected


DROPPED = [
    pytest.param("blksize", "7", id="blksize-too-small"),
    pytest.param("blksize", "65465", id="blksize-too-large"),
    pytest.param("blksize", "abc", id="no-number"),
    pytest.param("blksize", "-8", id="negative"),
    pytest.param("blksize", "", id="empty"),
    pytest.param("blksize", "٥١٢", id="other-digits"),
    pytest.param("timeout", "0", id="timeout-0"),
    pytest.param("timeout", "256", id="timeout-256"),
    pytest.param("windowsize", "0", id="windowsize-0"),
    pytest.param("windowsize", "65536", id="windowsize-65536"),
    pytest.param("tsize", "x", id="tsize-no-number"),
]


@pytest.mark.parametrize(("name", "value"), DROPPED)
def test_out_of_range_is_left_out_without_an_error(name: str, value: str) -> None:
    """The client then has the default, and plain DATA as the first reply."""
    assert terms((name, value)) == Terms()


def test_tsize_of_unknown_content_is_left_out() -> None:
    """RFC 2349: the size or nothing."""
    assert terms(("tsize", "0"), size=None) == Terms()


def test_netascii_has_no_windows() -> None:
    """Option windowsize is refused there, the others stand."""
    assert answered(terms(("windowsize", "8"), ("blksize", "600"), windows=False)) == [("blksize", "600")]


def test_the_mtu_clamp_can_be_turned_off() -> None:
    """Jumbo blocks in fragments, for those who want them."""
    policy = Policy(clamp_to_mtu=False)
    assert negotiate((("blksize", "8192"),), policy=policy, size=1, mtu_blksize=1468).blksize == 8192


def test_timeout_is_echoed_as_it_came() -> None:
    """U-Boot compares the text with its own."""
    granted = terms(("timeout", "05"))
    assert answered(granted) == [("timeout", "05")]
    assert granted.timeout_s == 5.0


names = st.sampled_from(["blksize", "tsize", "timeout", "windowsize", "junk"])
values = st.one_of(st.integers(-5, 70000).map(str), st.text(max_size=5))


@given(st.lists(st.tuples(names, values), max_size=6).map(tuple), st.integers(8, 9000))
def test_an_answer_is_asked_for_in_order_and_never_larger(asked: tuple[tuple[str, str], ...], mtu: int) -> None:
    """Rules 1 and 2 for whatever is asked."""
    asked = tuple((name, value.replace("\0", "")) for name, value in asked)
    granted = answered(terms(*asked, mtu=mtu))
    first = list(dict.fromkeys(name for name, _ in asked))
    assert [name for name, _ in granted] == [name for name in first if name in dict(granted)]
    for name, value in granted:
        wanted = [number(text, 0, 10**20) for asked_name, text in asked if asked_name == name]
        assert name == "tsize" or any(each is not None and int(value) <= each for each in wanted)
