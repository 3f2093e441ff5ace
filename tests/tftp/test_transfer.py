"""The read transfer: playbooks, the table, and a lossy network on a fake clock.

A playbook is a sequence diagram: ``>>`` arrives, ``<<`` is sent, ``+1.5`` lets seconds go by, ``==`` is the state. It
begins with the first reply. A line that lacks its answer, or an answer that lacks its line, fails with the diagram so
far.
"""

from __future__ import annotations

import heapq
import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import PeerError
from nearboot.tftp.download import Download
from nearboot.tftp.packet import Ack, Data, OptionAck, encode, parse
from nearboot.tftp.transfer import (
    TRANSITIONS,
    UNKNOWN,
    Action,
    Happening,
    Pace,
    Rollover,
    Send,
    State,
    Transfer,
    wire_number,
)


def play(transfer: Transfer, script: str) -> None:
    """Run ``script`` from time 0 on, beginning with the first reply."""
    Stage(transfer).run(script)


class Stage:
    """A transfer, a clock, and what was sent but not yet read off by a ``<<`` line."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.now = 0.0
        self.unread: list[Send] = [transfer.start()]
        self.so_far: list[str] = []

    def run(self, script: str) -> None:
        for line in script.strip().splitlines():
            step = line.split("#")[0].strip()
            if step:
                self.so_far.append(step)
                self.step(step)
        self.nothing_unread()

    def step(self, step: str) -> None:
        mark, _, rest = step.partition(" ")
        if mark == "<<":
            assert self.unread, self.story("nothing was sent")
            assert text(self.unread.pop(0)) == rest, self.story("something else was sent")
        elif mark == "==":
            assert self.transfer.state.name.lower() == rest, self.story(f"state {self.transfer.state.name}")
        else:
            self.nothing_unread()
            self.happen(mark, rest.split())

    def happen(self, mark: str, words: list[str]) -> None:
        send: Send | None = None
        if mark.startswith("+"):
            self.now += float(mark)
            send = self.transfer.expire(self.now)
        elif words[0] == "ack":
            send = self.transfer.ack(int(words[1]), self.now)
        elif words[0] == "error":
            self.transfer.peer_error(int(words[1]), "User aborted the transfer", self.now)
        elif words[0] == "gone":
            self.transfer.peer_gone(self.now)
        elif words[0] in ("hold", "resume"):
            getattr(self.transfer, words[0])(self.now)
        elif words[0] == "end":
            self.transfer.end_at(int(words[1]))
        else:
            raise ValueError(f"no such line: {mark} {words}")
        if send is not None:
            self.unread.append(send)

    def nothing_unread(self) -> None:
        assert not self.unread, self.story(f"unexpected << {text(self.unread[0])}")

    def story(self, problem: str) -> str:
        return "\n".join([*self.so_far, problem])


def text(send: Send) -> str:
    first, count = send
    return str(first) if count == 1 else f"{first}-{first + count - 1}"


def plain(blocks: int) -> Transfer:
    """No options: DATA 1 is the first reply."""
    return Transfer(blocks, now=0.0, pace=Pace())


def offered(blocks: int, windowsize: int = 1, *, pace: Pace | None = None, timeout_s: float | None = None) -> Transfer:
    """Options: the OACK is the first reply."""
    return Transfer(blocks, now=0.0, windowsize=windowsize, offered=True, pace=pace or Pace(), timeout_s=timeout_s)


LATE = Pace(give_up_s=10.0)
PLAYS = [
    pytest.param(
        offered(UNKNOWN, 4),
        "<< 0\n>> ack 0\n<< 1-4\n>> ack 4\n<< 5-8\n>> end 6\n>> ack 6\n== completed",
        id="a-window-opened-past-the-end-of-a-stream",
    ),
    pytest.param(
        offered(UNKNOWN),
        "<< 0\n>> ack 0\n<< 1\n>> end 1\n+1\n<< 1\n>> ack 1\n== completed",
        id="the-end-of-a-stream-comes-with-its-last-block",
    ),
    pytest.param(
        plain(UNKNOWN),
        "<< 1\n>> ack 1\n<< 2\n>> hold\n+1\n+5\n>> ack 1\n>> resume\n+0.9\n+0.1\n<< 2\n+2\n<< 2\n>> ack 2\n<< 3",
        id="time-spent-waiting-for-the-source-is-not-the-clients",
    ),
    pytest.param(
        offered(UNKNOWN, 4, pace=LATE),
        "<< 0\n>> ack 0\n<< 1-4\n>> hold\n+5\n+4.9\n== sending\n+0.1\n== failed",
        id="a-source-that-gives-nothing-is-given-up",
    ),
    pytest.param(
        offered(UNKNOWN, 4),
        "<< 0\n>> ack 0\n<< 1-4\n>> hold\n+1\n>> ack 2\n<< 3-6\n+1\n<< 3-6",
        id="an-ack-inside-a-late-window-opens-the-next",
    ),
    pytest.param(plain(3), "<< 1\n>> ack 1\n<< 2\n>> ack 2\n<< 3\n>> ack 3\n== completed", id="rfc1350"),
    pytest.param(plain(1), "<< 1\n>> ack 1\n== completed", id="one-block"),
    pytest.param(offered(2), "<< 0\n>> ack 0\n<< 1\n>> ack 1\n<< 2\n>> ack 2\n== completed", id="rfc2347"),
    pytest.param(offered(6, 4), "<< 0\n>> ack 0\n<< 1-4\n>> ack 4\n<< 5-6\n>> ack 6\n== completed", id="rfc7440"),
    pytest.param(
        offered(9, 4),
        "<< 0\n>> ack 0\n<< 1-4\n+0.02\n>> ack 2\n<< 3-6\n>> ack 2\n+0.005\n>> ack 2\n>> ack 6\n<< 7-9\n>> ack 9"
        "\n== completed",
        id="a-gap-starts-a-fresh-window-and-its-duplicates-nothing",
    ),
    pytest.param(
        plain(3),
        "<< 1\n>> ack 1\n<< 2\n>> ack 1\n>> ack 1\n>> ack 2\n<< 3\n>> ack 2\n>> ack 3\n== completed",
        id="no-sorcerers-apprentice",
    ),
    pytest.param(
        offered(9, 4),
        "<< 0\n+0.2\n>> ack 0\n<< 1-4\n+0.05\n>> ack 0\n+0.1\n>> ack 0\n<< 1-4\n+0.2\n>> ack 0\n>> ack 4\n<< 5-8",
        id="first-block-of-a-window-lost-once-a-base-after-half-a-round-trip",
    ),
    pytest.param(
        plain(2),
        "<< 1\n+0.9\n+0.1\n<< 1\n+1.9\n+0.1\n<< 1\n+3.9\n+0.1\n== timed_out",
        id="three-sends-to-a-client-that-may-not-exist",
    ),
    pytest.param(
        plain(3),
        "<< 1\n>> ack 1\n<< 2\n+1\n<< 2\n+2\n<< 2\n+4\n<< 2\n+8\n<< 2\n+8\n<< 2\n+8\n<< 2\n+8\n== timed_out",
        id="back-off-to-the-longest-wait",
    ),
    pytest.param(
        plain(2),
        "<< 1\n>> ack 1\n<< 2\n+1\n<< 2\n+2\n<< 2\n+4\n<< 2\n+8\n<< 2\n+8\n<< 2\n+8\n<< 2\n+8\n== completed",
        id="only-the-last-ack-is-missing",
    ),
    pytest.param(
        offered(20, 8),
        "<< 0\n>> ack 0\n<< 1-8\n+1\n<< 1-8\n+2\n<< 1-8\n+4\n<< 1-4\n+8\n<< 1-2\n>> ack 1\n<< 2-9\n>> ack 9\n<< 10-17",
        id="the-window-shrinks-while-nothing-comes-back",
    ),
    pytest.param(
        offered(3, timeout_s=5.0), "<< 0\n+4.9\n+0.1\n<< 0\n>> ack 0\n<< 1\n+5\n<< 1\n+10\n<< 1", id="clients-timeout"
    ),
    pytest.param(
        offered(3, timeout_s=255.0),
        "<< 0\n+7.9\n+0.1\n<< 0\n+8\n<< 0\n+8\n== timed_out",
        id="the-longest-timeout-is-not-agreed-before-an-ack",
    ),
    pytest.param(
        offered(3, timeout_s=255.0), "<< 0\n>> ack 0\n<< 1\n+255\n<< 1\n>> ack 1\n<< 2", id="the-longest-timeout"
    ),
    pytest.param(offered(3), "<< 0\n>> error 8\n== aborted\n+9\n>> ack 0", id="size-probe"),
    pytest.param(offered(3), "<< 0\n>> ack 0\n<< 1\n>> error 0\n== aborted", id="closed-before-the-end"),
    pytest.param(offered(3), "<< 0\n>> ack 7\n>> ack 65535\n>> ack 0\n<< 1", id="acks-from-nowhere"),
    pytest.param(offered(3), "<< 0\n>> gone\n== aborted", id="closed-port-at-the-start"),
    pytest.param(plain(2), "<< 1\n>> ack 1\n<< 2\n>> gone\n== completed", id="closed-port-at-the-end"),
    pytest.param(plain(3), "<< 1\n>> ack 1\n<< 2\n>> gone\n== aborted", id="closed-port-between"),
    pytest.param(
        offered(9, pace=Pace(give_up_s=2.5)), "<< 0\n>> ack 0\n<< 1\n+1\n<< 1\n+2\n<< 1\n+4\n== timed_out", id="cap"
    ),
    pytest.param(offered(9, pace=Pace(lifetime_s=10.0)), "<< 0\n>> ack 0\n<< 1\n+11\n== timed_out", id="lifetime"),
]


@pytest.mark.parametrize(("transfer", "script"), PLAYS)
def test_playbook(transfer: Transfer, script: str) -> None:
    """Each is a rule of the module's header."""
    play(transfer, script)


def test_a_missing_last_ack_leaves_a_note() -> None:
    """Success, but not without a word."""
    transfer = plain(1)
    play(transfer, "<< 1\n+1\n<< 1\n+2\n<< 1\n+4\n== timed_out")
    transfer = plain(2)
    play(transfer, "<< 1\n>> ack 1\n<< 2\n>> gone")
    assert transfer.note == "the client closed its port before its last ACK"


def test_the_table_has_a_row_for_everything_that_can_happen_to_a_live_transfer() -> None:
    """And none for an ended one, to which nothing happens any more."""
    live = {State.OPENING, State.SENDING}
    assert set(TRANSITIONS) == set(itertools.product(live, Happening))
    assert all((action is Action.END) == (state not in live) for state, action in TRANSITIONS.values())


def test_the_hot_path_is_the_table_unrolled() -> None:
    """The first lines of ``ack`` do what the table says of PROGRESS and LAST."""
    for windowsize in (1, 4):
        transfer = offered(9, windowsize)
        assert transfer.ack(0, 0.0) == (1, windowsize)
        assert transfer.state is TRANSITIONS[State.OPENING, Happening.PROGRESS][0]
        assert transfer.ack(windowsize, 0.0) == (windowsize + 1, windowsize)
        assert transfer.state is TRANSITIONS[State.SENDING, Happening.PROGRESS][0]
    for state, transfer in ((State.OPENING, plain(1)), (State.SENDING, offered(1))):
        if state is State.SENDING:
            transfer.ack(0, 0.0)
        assert transfer.state is state
        assert transfer.ack(1, 0.0) is None
        assert (transfer.state, transfer.ended) == (TRANSITIONS[state, Happening.LAST][0], True)


def test_a_clean_end_leaves_nothing_on_the_way() -> None:
    """Every block ACKed, none sent twice: what the channel needs to know before it serves the next client."""
    clean, resent, unconfirmed = plain(1), plain(1), plain(2)
    play(clean, "<< 1\n>> ack 1")
    play(resent, "<< 1\n+1\n<< 1\n>> ack 1")
    play(unconfirmed, "<< 1\n>> ack 1\n<< 2\n>> gone")
    assert [transfer.is_clean for transfer in (clean, resent, unconfirmed)] == [True, False, False]


@pytest.mark.parametrize("rollover", Rollover)
@pytest.mark.parametrize("windowsize", [1, 7])
def test_block_numbers_roll_over(rollover: Rollover, windowsize: int) -> None:
    """65,535 is followed by 0, or by 1 where a client wants that; nothing else changes."""
    blocks = 140_000
    transfer = Transfer(blocks, now=0.0, windowsize=windowsize, pace=Pace(), offered=True, rollover=rollover)
    send = transfer.ack(0, 0.0)
    while send is not None:
        first, count = send
        send = transfer.ack(wire_number(first + count - 1, rollover.value), 0.0)
    assert (transfer.state, transfer.acked) == (State.COMPLETED, blocks)


ROLLED = [
    pytest.param(65535, Rollover.ZERO, 65535, id="last-of-the-first-round"),
    pytest.param(65536, Rollover.ZERO, 0, id="then-zero"),
    pytest.param(65536, Rollover.ONE, 1, id="or-one"),
    pytest.param(131070, Rollover.ONE, 65535, id="one-again-at-65535"),
    pytest.param(0, Rollover.ONE, 0, id="the-oack-is-zero"),
]


@pytest.mark.parametrize(("block", "rollover", "wire"), ROLLED)
def test_wire_numbers(block: int, rollover: Rollover, wire: int) -> None:
    """What stands in a DATA packet."""
    assert wire_number(block, rollover.value) == wire


class Network:
    """A client, a server and a path that loses, doubles, reorders and delays; time is a number."""

    def __init__(self, blocks: int, windowsize: int, *, loss: float, seed: int) -> None:
        self.random = Random(seed)
        self.loss = loss
        self.content = self.random.randbytes((blocks - 1) * 8 + 3)
        self.transfer = Transfer(
            blocks, now=0.0, windowsize=windowsize, offered=True, pace=Pace(resends=40, give_up_s=1e9, opening_sends=40)
        )
        self.download = Download("f", blksize=8, windowsize=windowsize)
        granted = (("blksize", "8"), ("windowsize", str(windowsize)))
        self.oack = encode(OptionAck(granted if windowsize > 1 else granted[:1]))
        self.queue: list[tuple[float, int, str, bytes]] = []
        self.order = itertools.count()
        self.heard_at = 0.0
        self.now = 0.0
        self.to_client_count = 0

    def run(self) -> bytes:
        self.download.request()
        self.deliver(self.transfer.start())
        while not self.transfer.ended:
            at, _, to, datagram = heapq.heappop(self.queue) if self.queue else (self.now + 0.25, 0, "time", b"")
            deadline = self.transfer.deadline or at
            self.now = max(self.now, min(at, deadline))
            if at > deadline:
                heapq.heappush(self.queue, (at, 0, to, datagram))
            if to == "server" and at <= deadline:
                packet = parse(datagram)
                assert isinstance(packet, Ack)
                self.deliver(self.transfer.ack(packet.block, self.now))
            elif to == "client" and at <= deadline:
                self.heard_at = self.now
                self.put("server", self.download.receive(datagram) if not self.download.done else None)
            self.tick()
        return self.download.content()

    def tick(self) -> None:
        self.deliver(self.transfer.expire(self.now))
        if not self.download.done and self.now - self.heard_at > 2.0:
            self.heard_at = self.now
            self.put("server", self.download.again() if self.download.moving else None)

    def deliver(self, send: tuple[int, int] | None) -> None:
        first, count = send or (0, 0)
        for block in range(first, first + count):
            data = self.content[(block - 1) * 8 : block * 8]
            self.put("client", encode(Data(block % 65536, data)) if block else self.oack)
            self.to_client_count += 1

    def put(self, to: str, datagram: bytes | None) -> None:
        copies = self.random.choices([0, 1, 2], [self.loss, 1 - 1.5 * self.loss, self.loss / 2])[0]
        for _ in range(copies if datagram is not None else 0):
            delay = 0.01 + self.random.random() * (0.02 if self.random.random() < self.loss else 0.0)
            heapq.heappush(self.queue, (self.now + delay, next(self.order), to, datagram or b""))


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("windowsize", [1, 4, 16])
def test_content_survives_a_bad_network(windowsize: int, seed: int) -> None:
    """Every tenth packet lost, every twentieth doubled, some late: the bytes are the same and the end is reached."""
    network = Network(60, windowsize, loss=0.1, seed=seed)
    try:
        assert network.run() == network.content
    except PeerError as error:
        pytest.fail(str(error))
    assert network.transfer.state is State.COMPLETED


@pytest.mark.parametrize("windowsize", [1, 4, 64])
def test_a_good_network_sees_every_block_once(windowsize: int) -> None:
    """No retransmission without a reason."""
    network = Network(500, windowsize, loss=0.0, seed=1)
    assert network.run() == network.content
    assert (network.transfer.retransmits, network.to_client_count) == (0, 501)


@given(st.integers(1, 30), st.integers(1, 8), st.lists(st.one_of(st.integers(0, 40), st.floats(0.0, 9.0)), max_size=60))
def test_whatever_arrives_only_blocks_there_are_are_sent(blocks: int, windowsize: int, arrivals: list[float]) -> None:
    """ACKs in any order and any passing of time: first ≥ 1 after the OACK, never past the end, window kept."""
    transfer = offered(blocks, windowsize)
    now = 0.0
    for arrival in arrivals:
        if isinstance(arrival, float):
            now += arrival
            send = transfer.expire(now)
        else:
            send = transfer.ack(arrival, now)
        if send is not None:
            first, count = send
            assert 0 <= first <= first + count - 1 <= blocks
            assert 1 <= count <= windowsize
            assert first == transfer.acked + 1
