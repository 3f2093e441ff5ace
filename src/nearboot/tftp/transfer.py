"""One read transfer as a state machine: ACKs, time and errors come in, "send these blocks" comes out.

No socket, no clock, no bytes: blocks are counted from 1 without end (block 0 stands for the OACK), times are ``now``.
RFC 1350 with the fix for the sorcerer's apprentice (RFC 1123 section 4.2.3.1), RFC 7440; lock-step is windowsize 1.

- An ACK of the last block sent slides the window. An ACK inside the window means a gap after it: a fresh full window
  starts right behind (EDK2 and U-Boot both restart their count there).
- A duplicate ACK is never answered in lock-step. With a window it asks for the window again, at most once for each
  base, and not within half a round trip of the last send: EDK2 repeats its ACK for every unexpected block
  (Mtftp4Rrq.c).
- Time-outs back off exponentially. Before the first ACK only ``Pace.opening_sends`` packets go out in all, since the
  sender's address may be forged; after it, ``Pace.resends`` in a row, never longer than ``Pace.give_up_s`` without
  progress. From the third in a row on, the window sent again halves: the path may not carry it.
- When all blocks are out and only the last ACKs are missing, giving up is success with a note (RFC 1350 section 6).
- An ERROR from the client ends the transfer, without an answer.
- Content that is still being made may be late (``hold``, ``resume``) and end where nobody knew before (``end_at``): the
  client's time-outs do not count meanwhile, and a source that gives nothing for ``Pace.give_up_s`` fails the transfer.

    first, count = transfer.start()
    send = transfer.ack(block, now)     # the hot path: (first block, count), or None
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class State(Enum):
    __hash__ = object.__hash__  # Enum's own is Python: 0.15 µs for each look-up in a table

    OPENING = auto()  # the first reply is out, nothing was ACKed: the client may not exist
    SENDING = auto()
    COMPLETED = auto()
    ABORTED = auto()  # the client said ERROR, or closed its port
    TIMED_OUT = auto()
    FAILED = auto()  # our side: content vanished, server stopped


class Happening(Enum):
    PROGRESS = auto()  # an ACK inside the window
    LAST = auto()  # the ACK of the last block
    DUPLICATE = auto()  # the ACK that was already had
    STALE = auto()  # any other ACK
    TIMEOUT = auto()
    EXHAUSTED = auto()  # a time-out too many
    UNCONFIRMED = auto()  # a time-out too many, or the port closed, with all blocks out
    PEER_ERROR = auto()
    PEER_GONE = auto()  # ICMP says that nobody listens there, or the client has begun anew
    BROKEN = auto()


class Action(Enum):
    IGNORE = auto()
    SLIDE = auto()
    MAYBE_RESEND = auto()
    RESEND = auto()
    END = auto()


S, H, A = State, Happening, Action
TRANSITIONS: dict[tuple[State, Happening], tuple[State, Action]] = {
    (S.OPENING, H.PROGRESS): (S.SENDING, A.SLIDE),
    (S.OPENING, H.LAST): (S.COMPLETED, A.END),
    (S.OPENING, H.DUPLICATE): (S.OPENING, A.IGNORE),
    (S.OPENING, H.STALE): (S.OPENING, A.IGNORE),
    (S.OPENING, H.TIMEOUT): (S.OPENING, A.RESEND),
    (S.OPENING, H.EXHAUSTED): (S.TIMED_OUT, A.END),
    (S.OPENING, H.UNCONFIRMED): (S.TIMED_OUT, A.END),
    (S.OPENING, H.PEER_ERROR): (S.ABORTED, A.END),
    (S.OPENING, H.PEER_GONE): (S.ABORTED, A.END),
    (S.OPENING, H.BROKEN): (S.FAILED, A.END),
    (S.SENDING, H.PROGRESS): (S.SENDING, A.SLIDE),
    (S.SENDING, H.LAST): (S.COMPLETED, A.END),
    (S.SENDING, H.DUPLICATE): (S.SENDING, A.MAYBE_RESEND),
    (S.SENDING, H.STALE): (S.SENDING, A.IGNORE),
    (S.SENDING, H.TIMEOUT): (S.SENDING, A.RESEND),
    (S.SENDING, H.EXHAUSTED): (S.TIMED_OUT, A.END),
    (S.SENDING, H.UNCONFIRMED): (S.COMPLETED, A.END),
    (S.SENDING, H.PEER_ERROR): (S.ABORTED, A.END),
    (S.SENDING, H.PEER_GONE): (S.ABORTED, A.END),
    (S.SENDING, H.BROKEN): (S.FAILED, A.END),
}

NO_BLOCK = -1
UNKNOWN = 1 << 62
"""The number of blocks while the end of a stream is not known."""
Send = tuple[int, int]
"""The first block to send and how many; block 0 is the OACK."""


class Rollover(Enum):
    """What follows block 65,535 on the wire; no RFC says. The value is the period of block numbers."""

    ZERO = 65536  # what nearly all clients expect
    ONE = 65535


@dataclass(frozen=True, slots=True)
class Pace:
    """When to send again, and when to stop."""

    timeout_s: float = 1.0
    """The first wait; a client's ``timeout`` option takes its place."""
    longest_wait_s: float = 8.0
    opening_sends: int = 3
    resends: int = 6
    give_up_s: float = 60.0
    """Without progress. GRUB stops its ACKs while 50 packets wait to be read, so be patient."""
    lifetime_s: float = 24 * 3600.0
    """For a whole transfer, however it moves."""


class Transfer:
    """One client's read of ``blocks`` blocks; ``offered`` says that an OACK is the first reply."""

    __slots__ = (
        "_awaited",
        "_held_at",
        "_is_ruffled",
        "_last",
        "_modulus",
        "_pace",
        "_progress_at",
        "_resent_base",
        "_rtt_s",
        "_sent_at",
        "_timeout_s",
        "_tries",
        "_wait_s",
        "_windowsize",
        "acked",
        "ended",
        "note",
        "peer_code",
        "retransmits",
        "sent",
        "started_at",
        "state",
    )

    def __init__(
        self,
        blocks: int,
        *,
        now: float,
        windowsize: int = 1,
        offered: bool = False,
        pace: Pace,
        timeout_s: float | None = None,
        rollover: Rollover = Rollover.ZERO,
    ) -> None:
        self.state = State.OPENING
        self.ended = False
        self.note = ""
        self.peer_code: int | None = None
        self.retransmits = 0
        self.started_at = now
        self.acked = -1 if offered else 0
        self.sent = self.acked + 1
        self._last = blocks
        self._windowsize = windowsize
        self._modulus = rollover.value
        self._awaited = self.sent
        self._pace = pace
        self._timeout_s = timeout_s or pace.timeout_s
        self._wait_s = min(self._timeout_s, self._longest_s)  # nothing is agreed yet, and the sender may be forged
        self._rtt_s = 0.0
        self._sent_at = now
        self._progress_at = now
        self._resent_base = -1
        self._tries = 0
        self._is_ruffled = True
        """Nothing was ACKed yet, or there was a time-out since: the next ACK in order has more to set right."""
        self._held_at: float | None = None

    def start(self) -> Send:
        """The first reply: the OACK, or block 1. Also what a repeated request gets."""
        return self.acked + 1, 1

    def ack(self, block: int, now: float) -> Send | None:
        """An ACK of ``block`` as on the wire arrived; other numbers are none. The first lines are the table's PROGRESS
        and LAST rows, unrolled."""
        if block != self._awaited:
            return self._other_ack(block, now)
        acked = self.acked = self.sent
        last = self._last
        if acked == last:
            self.state, self.ended, self._awaited = State.COMPLETED, True, NO_BLOCK
            return None
        sent = acked + self._windowsize
        if sent > last:  # noqa: PLR1730  # min() costs 60 ns here, a call on the hot path
            sent = last
        self.sent = sent
        self._awaited = sent if sent < 65535 else self._wire(sent)
        self._rtt_s = now - self._sent_at
        self._sent_at = now
        if self._is_ruffled:
            self._tries, self._wait_s, self.state, self._is_ruffled = 0, self._timeout_s, State.SENDING, False
        return acked + 1, sent - acked

    @property
    def deadline(self) -> float | None:
        """When ``expire`` has something to do, if nothing comes before; None once the transfer has ended."""
        return None if self.ended else self._sent_at + self._wait_s

    @property
    def is_clean(self) -> bool:
        """Whether all was ACKed at once: nothing of it can be on the way any more, in either direction."""
        return self.state is State.COMPLETED and not self.note and not self.retransmits

    @property
    def moving(self) -> bool:
        """Whether the client has ACKed anything, and so is there."""
        return self.state is not State.OPENING

    @property
    def outstanding(self) -> Send:
        """What is sent and not ACKed."""
        return self.acked + 1, self.sent - self.acked

    def expire(self, now: float) -> Send | None:
        """Time has passed; answers nothing when called early."""
        if now - self.started_at > self._pace.lifetime_s:
            return self._happen(Happening.EXHAUSTED, now, f"still not done after {self._pace.lifetime_s:.0f} s")
        if self._held_at is not None:
            self._wait_for_source(now, self._held_at)
            return None
        if now < self._sent_at + self._wait_s:
            return None
        if self._tries == 0:
            self._progress_at = self._sent_at
        if not self._is_exhausted(now):
            return self._happen(Happening.TIMEOUT, now)
        if self.sent == self._last:
            return self._happen(Happening.UNCONFIRMED, now, "the last ACK never came")
        return self._happen(Happening.EXHAUSTED, now, f"no ACK after block {max(self.acked, 0)}")

    def peer_error(self, code: int, message: str, now: float) -> None:
        """The client sent ERROR: 8 or 0 end a size probe (EDK2, iPXE, GRUB), 3 means its buffer is full (shim)."""
        if not self.ended:
            self.peer_code = code
        self._happen(Happening.PEER_ERROR, now, f"client ERROR {code}: {message}")

    def peer_gone(self, now: float) -> None:
        """The client's host says that its port is closed."""
        if self.state is State.SENDING and self.sent == self._last:
            self._happen(Happening.UNCONFIRMED, now, "the client closed its port before its last ACK")
        else:
            self._happen(Happening.PEER_GONE, now, "the client closed its port")

    def give_way(self, now: float) -> None:
        """The client has begun another read from the same port."""
        self._happen(Happening.PEER_GONE, now, "the client asked anew from the same port")

    def evict(self, now: float) -> None:
        """Another client needs the place, and this one has not shown that it is there."""
        self._happen(Happening.EXHAUSTED, now, "no ACK came, and another client took its place")

    def fail(self, reason: str, now: float) -> None:
        """Our side cannot go on."""
        self._happen(Happening.BROKEN, now, reason)

    @property
    def is_held(self) -> bool:
        """Whether the next block to send is not there yet."""
        return self._held_at is not None

    def hold(self, now: float) -> None:
        """The next block is not there yet."""
        if self._held_at is None:
            self._held_at = now

    def resume(self, now: float) -> None:
        """It is there: the client's time begins now."""
        self._held_at = None
        self._sent_at = now

    def end_at(self, blocks: int) -> None:
        """The content ends with block ``blocks``; a window may have been opened past it."""
        self._last = blocks
        if self.sent > blocks:
            self.sent = blocks
            self._awaited = self._wire(blocks)

    def _wait_for_source(self, now: float, since: float) -> None:
        self._sent_at = now
        if now - since >= self._pace.give_up_s:
            self._happen(Happening.BROKEN, now, f"the source gave nothing for {self._pace.give_up_s:.0f} s")

    def _other_ack(self, block: int, now: float) -> Send | None:
        """An ACK that is not the window's last; both wires count modulo, so a difference tells where it stands."""
        if self.ended or not 0 <= block <= 65535:
            return None
        ahead = (block - self.acked) % self._modulus
        if ahead == 0:
            return self._happen(Happening.DUPLICATE, now)
        if ahead > self.sent - self.acked:
            return self._happen(Happening.STALE, now)
        self.acked += ahead
        self.retransmits += self.sent - self.acked
        return self._happen(Happening.PROGRESS, now)

    def _happen(self, happening: Happening, now: float, note: str = "") -> Send | None:
        if self.ended:
            return None
        self.state, action = TRANSITIONS[self.state, happening]
        match action:
            case Action.IGNORE:
                return None
            case Action.SLIDE:
                self._rtt_s, self._tries, self._wait_s = now - self._sent_at, 0, self._timeout_s
                return self._send(self._windowsize, now)
            case Action.MAYBE_RESEND:
                return self._resend_once(now)
            case Action.RESEND:
                return self._back_off(now)
            case Action.END:
                self.ended, self._awaited = True, NO_BLOCK
                self.note = note
                return None

    def _resend_once(self, now: float) -> Send | None:
        early = now - self._sent_at < self._rtt_s / 2
        if self._windowsize == 1 or self._resent_base == self.acked or early:
            return None
        self._resent_base = self.acked
        self.retransmits += self.sent - self.acked
        return self._send(self._windowsize, now)

    def _back_off(self, now: float) -> Send:
        self._tries += 1
        self._is_ruffled = True
        self._wait_s = min(self._timeout_s * 2**self._tries, self._longest_s)
        if self.state is State.OPENING:
            self.retransmits += 1
            self._sent_at = now
            return self.start()
        count = self._windowsize >> max(0, self._tries - 2) or 1
        self.retransmits += min(count, self._last - self.acked)
        return self._send(count, now)

    def _send(self, count: int, now: float) -> Send:
        """Blocks right behind the last ACK; what was sent before stays ACKable."""
        self._sent_at, self._held_at = now, None
        count = min(count, self._last - self.acked)
        self.sent = max(self.sent, self.acked + count)
        self._awaited = self._wire(self.sent)
        return self.acked + 1, count

    @property
    def _longest_s(self) -> float:
        """The longest wait; as long as the client wished once it has ACKed."""
        wished = self._pace.timeout_s if self.state is State.OPENING else self._timeout_s
        return max(self._pace.longest_wait_s, wished)

    def _is_exhausted(self, now: float) -> bool:
        if self.state is State.OPENING:
            return self._tries + 1 >= self._pace.opening_sends
        give_up_s = max(self._pace.give_up_s, 4 * self._timeout_s)
        return self._tries >= self._pace.resends or now - self._progress_at >= give_up_s

    def _wire(self, block: int) -> int:
        """The number of ``block`` on the wire."""
        return wire_number(block, self._modulus)


def wire_number(block: int, period: int) -> int:
    """Block 65,536 is 0 on the wire with a period of 65,536, and 1 with a period of 65,535."""
    return block % period if period == Rollover.ZERO.value or block == 0 else (block - 1) % period + 1
