"""What a responder answers: requests on its terms, once each; no reply, no forgery, and nothing that could loop."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.probe.ping_answer import WINDOW, Admitted, Desk, Refusal, Replays, Terms
from nearboot.probe.ping_packet import Key, PlainProbe, SignedProbe, encode_plain, encode_signed, parse

PORT = 31338
NOW_NS = 1_800_000_000 * 10**9
KEY, NEXT = Key.of(b"0123456789abcdef"), Key.of(b"fedcba9876543210")
PLAIN = encode_plain(PlainProbe(7, 8, tclass=8))


def signed(sequence: int = 1, *, key: Key = KEY, sent_ns: int = NOW_NS, hop: int = 0) -> bytes:
    return encode_signed(SignedProbe(99, sequence, sent_ns, hop=hop), key)


def ask(desk: Desk, datagram: bytes, host: str = "192.0.2.7", port: int = 25000, now: float = 0.0) -> bytes | Refusal:
    admitted = desk.admit(datagram, host, port, now=now, wall_ns=NOW_NS)
    return desk.reply(admitted, NOW_NS, NOW_NS + 5000) if isinstance(admitted, Admitted) else admitted


def test_a_plain_probe_is_answered_with_its_own_fields_and_the_targets_times() -> None:
    """upong: signature, sent time and class as they came."""
    reply = ask(Desk(Terms(), PORT), PLAIN)
    assert isinstance(reply, bytes)
    assert parse(reply) == PlainProbe(7, 8, NOW_NS // 1000 % (1 << 32), (NOW_NS + 5000) // 1000 % (1 << 32), 8)


@pytest.mark.parametrize("key", [KEY, NEXT])
def test_a_signed_probe_is_answered_by_the_key_that_signed_it(key: Key) -> None:
    """Several keys hold at once, so that they can be changed one machine after the other."""
    reply = ask(Desk(Terms(keys=(KEY, NEXT)), PORT), signed(key=key))
    assert isinstance(reply, bytes)
    assert parse(reply, (key,)) == SignedProbe(99, 1, NOW_NS, NOW_NS, NOW_NS + 5000, hop=1)


@pytest.mark.parametrize(
    ("terms", "datagram", "expected"),
    [
        pytest.param(Terms(), b"", Refusal.MALFORMED, id="nothing"),
        pytest.param(Terms(), PLAIN[:-1], Refusal.MALFORMED, id="too short"),
        pytest.param(Terms(), PLAIN + b"\0", Refusal.MALFORMED, id="too long"),
        pytest.param(Terms(keys=(KEY,)), PLAIN, Refusal.UNSIGNED, id="unsigned, where keys are asked for"),
        pytest.param(Terms(), signed(), Refusal.FORGED, id="signed, where there are no keys"),
        pytest.param(Terms(keys=(KEY,)), signed(key=NEXT), Refusal.FORGED, id="by another key"),
        pytest.param(Terms(keys=(KEY,)), signed()[:-1] + b"x", Refusal.FORGED, id="a wrong tag"),
        pytest.param(Terms(keys=(KEY,)), signed(hop=1), Refusal.REPLY, id="a signed reply"),
        pytest.param(Terms(), encode_plain(PlainProbe(7, 8, 0, 1)), Refusal.REPLY, id="a plain reply"),
        pytest.param(Terms(), encode_plain(PlainProbe(7, 8, 1, 0)), Refusal.REPLY, id="half a plain reply"),
        pytest.param(Terms(keys=(KEY,)), signed(sent_ns=NOW_NS - 61 * 10**9), Refusal.STALE, id="old"),
        pytest.param(Terms(keys=(KEY,)), signed(sent_ns=NOW_NS + 61 * 10**9), Refusal.STALE, id="of the future"),
        pytest.param(Terms(allowed=(ip_network("10.0.0.0/8"),)), PLAIN, Refusal.NOT_ALLOWED, id="a stranger"),
    ],
)
def test_what_is_left_without_an_answer(terms: Terms, datagram: bytes, expected: Refusal) -> None:
    """And counted by its name."""
    desk = Desk(terms, PORT)
    assert ask(desk, datagram) is expected
    assert {name for name, count in desk.counts.items() if count} == {expected.value}


@pytest.mark.parametrize("port", [0, 7, 53, 1023, PORT])
def test_other_servers_ports_get_nothing(port: int) -> None:
    """Among them our own: a packet that is said to come from another responder."""
    assert ask(Desk(Terms(), PORT), PLAIN, port=port) is Refusal.SERVER_PORT


def test_with_keys_plain_probes_are_answered_where_that_is_said() -> None:
    """For a time in which UdpPinger goes on."""
    assert isinstance(ask(Desk(Terms(keys=(KEY,), plain=True), PORT), PLAIN), bytes)


def test_a_signed_probe_is_answered_once() -> None:
    """Whoever records one cannot have it answered to somebody else."""
    desk = Desk(Terms(keys=(KEY,)), PORT)
    assert isinstance(ask(desk, signed()), bytes)
    assert ask(desk, signed(), host="203.0.113.9") is Refusal.REPLAYED
    assert isinstance(ask(desk, signed(2)), bytes)


def test_each_address_has_its_share() -> None:
    """Five seconds' worth at once, then what flows in; another address has its own."""
    desk = Desk(Terms(answers_per_second=2), PORT)
    assert [ask(desk, PLAIN) for _ in range(12)].count(Refusal.OVER_RATE) == 2
    assert isinstance(ask(desk, PLAIN, host="192.0.2.8"), bytes)
    assert isinstance(ask(desk, PLAIN, now=0.5), bytes)
    assert ask(desk, PLAIN, now=0.5) is Refusal.OVER_RATE


def test_forgeries_use_up_nobodys_share() -> None:
    """They are out before the account of the address that they pretend to be is charged."""
    desk = Desk(Terms(keys=(KEY,), answers_per_second=1), PORT)
    for _ in range(100):
        ask(desk, signed(key=NEXT))
    assert isinstance(ask(desk, signed()), bytes)


@pytest.mark.parametrize("terms", [Terms(), Terms(keys=(KEY,)), Terms(keys=(KEY,), plain=True)])
def test_two_responders_never_talk_to_each_other(terms: Terms) -> None:
    """An answer put before another responder, from whatever port, is the end of it."""
    first, second = Desk(terms, PORT), Desk(terms, PORT)
    reply = ask(first, PLAIN if terms.takes_plain else signed())
    assert isinstance(reply, bytes)
    assert ask(second, reply, port=PORT) is Refusal.SERVER_PORT
    assert ask(second, reply, port=40000) is Refusal.REPLY


@settings(deadline=None)
@given(st.data())
def test_no_reply_is_longer_than_its_request(data: st.DataObject) -> None:
    """Whatever comes in: probes, cut or lengthened ones, noise."""
    probe = data.draw(st.sampled_from([PLAIN, signed(1), signed(2), signed(3, key=NEXT), signed(hop=1)]))
    noise = data.draw(st.binary(max_size=80))
    cut = data.draw(st.integers(0, 90))
    desk = Desk(Terms(keys=(KEY,), plain=True), PORT)
    for datagram in (probe, noise, (probe + noise)[:cut], noise + probe):
        reply = ask(desk, datagram, port=data.draw(st.integers(0, 65535)))
        assert isinstance(reply, Refusal) or len(reply) == len(datagram)


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), max_size=200))
def test_numbers_are_new_once(numbers: list[int]) -> None:
    """In any order, as a set would say it, as long as they are within the window."""
    replays, seen = Replays(), set[int]()
    for number in numbers:
        assert replays.is_new(1, number) is (number not in seen)
        seen.add(number)


def test_numbers_behind_the_window_are_not_new() -> None:
    """Nobody knows of them any more."""
    replays = Replays()
    assert replays.is_new(1, 5 + WINDOW)
    assert not replays.is_new(1, 5)
    assert replays.is_new(1, 6)


def test_nonces_are_bounded() -> None:
    """The one not heard of for longest goes."""
    replays = Replays(max_nonces=3)
    for nonce in range(9):
        assert replays.is_new(nonce, 1)
    assert len(replays) == 3
    assert not replays.is_new(8, 1)


def test_a_second_pinger_with_the_same_numbers_is_another() -> None:
    """Each round of each pinger draws its nonce."""
    desk = Desk(Terms(keys=(KEY,)), PORT)
    for nonce in (0, 1, 1 << 32, (1 << 64) - 1):
        probe = replace(SignedProbe(0, 1, NOW_NS), nonce=nonce)
        assert isinstance(ask(desk, encode_signed(probe, KEY)), bytes)
