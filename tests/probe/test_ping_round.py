"""A round of probes on a fake clock: what counts as a round trip, and what is not taken for one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.probe.ping_packet import Key, PlainProbe, SignedProbe, encode_plain, encode_signed, parse
from nearboot.probe.ping_round import MAX_TURNAROUND_NS, Came, Round, Target

MS = 1_000_000
WALL_NS = 1_800_000_000 * 10**9
KEY = Key.of(b"0123456789abcdef")
FRA = Target("fra", "fra-boot", "192.0.2.7", 31338)
PEER = (FRA.host, FRA.port)


def begun(key: Key | None = None) -> Round:
    return Round([FRA], key=key, chance=Random(1))


def sent(round_: Round, *, line: int = 3, counts: bool = True) -> bytes:
    made = round_.ask(FRA, line, wall_ns=WALL_NS, counts=counts)
    round_.leave(made, now_ns=0)
    return made.datagram


def replied(request: bytes, *, received_ns: int = WALL_NS, turnaround_ns: int = 0, key: Key | None = None) -> bytes:
    probe = parse(request, (key,) if key else ()).answered(received_ns, received_ns + turnaround_ns)
    if isinstance(probe, PlainProbe):
        return encode_plain(probe)
    assert key
    return encode_signed(probe, key)


def test_a_target_knows_its_family() -> None:
    """Of its address, a scope included."""
    assert FRA.family == 4
    assert Target("fra", "x", "fe80::1%eth0", 1).family == 6


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "signed"])
def test_a_round_trip_is_without_the_waits_at_both_ends(key: Key | None) -> None:
    """30 ms on our clock, of which 4 in our socket and 5 at the target, whose clock is an hour ahead."""
    round_ = begun(key)
    reply = replied(sent(round_), received_ns=WALL_NS + 3600 * 10**9, turnaround_ns=5 * MS, key=key)
    assert round_.take(reply, PEER, 3, now_ns=30 * MS, waited_ns=4 * MS) is Came.TAKEN
    assert round_.tallies[FRA].rtts_ns == [21 * MS]
    assert round_.under_way == 0


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "signed"])
@settings(deadline=None)
@given(st.integers(1, 10**9), st.integers(0, MAX_TURNAROUND_NS), st.integers(0, (1 << 62)))
def test_no_clock_of_the_target_makes_a_round_trip_wrong(
    key: Key | None, path_ns: int, turnaround_ns: int, received_ns: int
) -> None:
    """Wherever its clock stands; a plain probe's times are whole microseconds."""
    round_ = begun(key)
    reply = replied(sent(round_), received_ns=received_ns, turnaround_ns=turnaround_ns, key=key)
    came = round_.take(reply, PEER, 3, now_ns=path_ns + turnaround_ns, waited_ns=0)
    if key or came is Came.TAKEN:  # a microsecond more or less is implausible on a path of nanoseconds
        assert abs(round_.tallies[FRA].rtts_ns[0] - path_ns) <= (0 if key else 2000)


@pytest.mark.parametrize(
    ("peer", "line"),
    [
        pytest.param(("192.0.2.8", 31338), 3, id="another address"),
        pytest.param(("192.0.2.7", 31339), 3, id="another port"),
        pytest.param(PEER, 4, id="another line"),
    ],
)
def test_a_reply_must_come_from_where_it_was_asked_to_where_it_was_asked_from(peer: tuple[str, int], line: int) -> None:
    """And the probe stays on its way: the true reply is taken still."""
    round_ = begun()
    reply = replied(sent(round_))
    assert round_.take(reply, peer, line, now_ns=MS, waited_ns=0) is Came.STRAY
    assert round_.take(reply, PEER, 3, now_ns=MS, waited_ns=0) is Came.TAKEN


def test_a_reply_counts_once() -> None:
    """What comes twice is no second sample."""
    round_ = begun()
    reply = replied(sent(round_))
    came = [round_.take(reply, PEER, 3, now_ns=MS, waited_ns=0) for _ in range(2)]
    assert came == [Came.TAKEN, Came.STRAY]


def test_what_was_not_asked_is_a_stray() -> None:
    """A guessed signature, our own request come back, a probe of another kind or round."""
    plain, signed = begun(), begun(KEY)
    request, signed_request = sent(plain), sent(signed)
    guess = encode_plain(PlainProbe(1, 2, 3, 4))
    other = encode_signed(SignedProbe(1, 1, WALL_NS, WALL_NS, WALL_NS, hop=1), KEY)
    assert [plain.take(each, PEER, 3, now_ns=MS, waited_ns=0) for each in (guess, request)] == [Came.STRAY] * 2
    for each in (guess, signed_request, other):
        assert signed.take(each, PEER, 3, now_ns=MS, waited_ns=0) is Came.STRAY
    assert signed.take(b"noise", PEER, 3, now_ns=MS, waited_ns=0) is Came.MALFORMED
    forged = replied(signed_request, key=KEY)[:-1] + b"?"
    assert signed.take(forged, PEER, 3, now_ns=MS, waited_ns=0) is Came.MALFORMED
    assert signed.counts == {"stray": 3, "malformed": 2}


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "signed"])
@pytest.mark.parametrize(
    "turnaround_ns",
    [
        pytest.param(MAX_TURNAROUND_NS + MS, id="longer than is believed"),
        pytest.param(30 * MS, id="longer than it was away"),
        pytest.param(-5 * MS, id="its clock was set back"),
    ],
)
def test_a_target_cannot_make_itself_near(key: Key | None, turnaround_ns: int) -> None:
    """Such a reply is neither a round trip nor a loss."""
    round_ = begun(key)
    reply = replied(sent(round_), turnaround_ns=turnaround_ns, key=key)
    now_ns = 100 * MS if turnaround_ns > MAX_TURNAROUND_NS else 20 * MS
    assert round_.take(reply, PEER, 3, now_ns=now_ns, waited_ns=0) is Came.IMPLAUSIBLE
    tally = round_.tallies[FRA]
    assert (tally.sent, tally.rtts_ns, tally.unusable) == (0, [], 1)


def test_a_first_probe_says_nothing() -> None:
    """It has waited for ARP, whether it comes back or not."""
    round_ = begun()
    reply = replied(sent(round_, counts=False))
    assert round_.take(reply, PEER, 3, now_ns=MS, waited_ns=0) is Came.UNUSED
    assert (round_.tallies[FRA].sent, round_.tallies[FRA].rtts_ns) == (0, [])


def test_a_probe_that_could_not_leave_is_no_loss() -> None:
    """It says nothing of the path, but why it could not."""
    round_ = begun()
    made = round_.ask(FRA, 0, wall_ns=WALL_NS)
    round_.leave(made, now_ns=0)
    round_.failed(made, "Network is unreachable")
    tally = round_.tallies[FRA]
    assert (tally.sent, tally.unsent, tally.problem, round_.under_way) == (0, 1, "Network is unreachable", 0)


def test_each_plain_probe_has_a_signature_of_its_own() -> None:
    """UdpPinger has one a run, which whoever sees one probe could forge replies with."""
    round_ = begun()
    signatures = {sent(round_)[:4] for _ in range(1000)}
    assert len(signatures) == 1000
