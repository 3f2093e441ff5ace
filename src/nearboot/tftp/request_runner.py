"""From a datagram at the server port to a transfer, or to an ERROR: admission, look-up, negotiation.

Look-up is the fast one where it answers, else the handler's, which takes its time in another thread while the request
waits in the session table. Only requests are answered at this port: a WRQ with ERROR 2 (U-Boot stops at 1 and 2
alone), a broken RRQ with ERROR 4; anything else with silence, so that the server reflects nothing.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from nearboot.errors import ProtocolError
from nearboot.tftp.carrier_runner import Carriers
from nearboot.tftp.channel_runner import Tell
from nearboot.tftp.content import Content, FileContent, FrameCache, size_of
from nearboot.tftp.engine import Admission, Key, Peer, SessionTable
from nearboot.tftp.event_runner import Ended
from nearboot.tftp.guard import Guard, Known, Refusal
from nearboot.tftp.handler_runner import HandlerThread
from nearboot.tftp.limits import Limits
from nearboot.tftp.options import DEFAULT_BLKSIZE, Terms, by_name, negotiate
from nearboot.tftp.packet import Error, ErrorCode, Mode, Opcode, Request, encode, parse
from nearboot.tftp.request import Fast, Outcome, ReadRequest
from nearboot.tftp.runner import Loop
from nearboot.tftp.session_runner import Local, Session
from nearboot.tftp.store import netascii, open_source
from nearboot.tftp.stream_runner import StreamFrames, tally
from nearboot.tftp.transfer import State, Transfer

ANSWERED_STRAYS = frozenset({Opcode.DATA.to_bytes(2, "big"), Opcode.ACK.to_bytes(2, "big")})
RRQ, WRQ = Opcode.RRQ.to_bytes(2, "big"), Opcode.WRQ.to_bytes(2, "big")
NOT_FOUND = encode(Error(ErrorCode.FILE_NOT_FOUND, "file not found"))
DENIED = encode(Error(ErrorCode.ACCESS_VIOLATION, "access denied"))
READ_ONLY = encode(Error(ErrorCode.ACCESS_VIOLATION, "this server is read-only"))
FAILED = encode(Error(ErrorCode.UNDEFINED, "the server could not read the file"))
UNKNOWN = encode(Error(ErrorCode.UNKNOWN_TRANSFER_ID, "unknown transfer ID"))
MALFORMED = encode(Error(ErrorCode.ILLEGAL_OPERATION, "malformed request"))

OUTCOMES = {
    State.COMPLETED: Outcome.COMPLETED,
    State.ABORTED: Outcome.ABORTED_BY_CLIENT,
    State.TIMED_OUT: Outcome.TIMED_OUT,
    State.FAILED: Outcome.FAILED,
}
FIRST_DATA = 4 + DEFAULT_BLKSIZE
LATE_S = 5.0
"""So long after the start of a transfer its request may arrive again without a meaning. A client that has begun anew
asks once more."""
DENIALS = frozenset({errno.ELOOP, errno.EACCES, errno.EPERM})
ABSENCES = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EISDIR})


class Arrived(NamedTuple):
    """A datagram at the server port, the key of its session, the address asked, and when."""

    datagram: bytes
    key: Key
    local: Local
    at: float


class Waiting:
    """A request whose content is being looked for; it holds the place of its session in the table."""

    __slots__ = ("arrived", "datagram", "packet", "request")

    def __init__(self, arrived: Arrived, packet: Request, request: ReadRequest) -> None:
        self.arrived = arrived
        self.datagram = arrived.datagram
        self.packet = packet
        self.request = request

    @property
    def moving(self) -> bool:
        return False


class Reception:
    """Serves requests in one loop; ``ended`` gathers what the events are made of, where anyone wants them."""

    def __init__(
        self,
        loop: Loop,
        *,
        limits: Limits,
        fast: Fast | None,
        handlers: HandlerThread | None,
        wants_events: bool,
        known: Known | None = None,
    ) -> None:
        self.table: SessionTable[Session | Waiting] = SessionTable(limits)
        self.cache = FrameCache(limits.cache_bytes, open_source, limits.rollover)
        self.carriers = Carriers(loop, self._on_stray)
        self.ended: list[Ended] = []
        self._guard = Guard(limits, known)
        self._opening: dict[Session, int] = {}
        """Transfers whose client the guard counts and that had no ACK yet, and what they were charged."""
        self._wants_events = wants_events
        self._loop = loop
        self._stats = loop.stats
        self._limits = limits
        self._fast = fast
        self._handlers = handlers
        self._negotiated = lru_cache(maxsize=1024)(self._negotiate)  # a fleet asks in few ways: 6 µs became 0.3

    def on_datagram(self, datagram: bytes, peer: Peer, local: Local, now: float) -> None:
        """One datagram at the server port."""
        key = (peer, local[0])
        if datagram[:2] != RRQ:
            self._on_other(Arrived(datagram, key, local, now))
            return
        self._stats.requests += 1
        refusal = self._guard.refusal(peer[0], now)
        if refusal is not None:
            self._stats.count_refusal(refusal)
            return
        admission, live = self.table.admit(key, datagram)
        if isinstance(live, Session) and live.moving:  # its last ACK may have come before this, at another socket
            live.channel.catch_up(now)
            admission, live = self.table.admit(key, datagram)
        if admission is Admission.START or self._is_anew(admission, live, now):
            self._look_up(Arrived(datagram, key, local, now))

    def on_tick(self, now: float) -> None:
        self.carriers.on_tick(now)
        for session in [opening for opening in self._opening if opening.moving]:
            self._settle(session)

    def close(self, reason: str, now: float) -> None:
        """End what is under way."""
        for live in self.table.sessions():
            if isinstance(live, Session):
                live.fail(reason, now)
            else:
                self._drop(live, Outcome.FAILED, reason, now)
        self.carriers.close()

    def _is_anew(self, admission: Admission, live: Session | Waiting | None, now: float) -> bool:
        """Deal with all but a plain new request; whether the request still is to be served."""
        match admission:
            case Admission.REPEAT:
                self._stats.repeats += 1
                if isinstance(live, Session) and self._may_send(live, 1, now):
                    live.repeat(now)
            case Admission.LATE if isinstance(live, Session) and now - live.transfer.started_at < LATE_S:
                self._stats.repeats += 1
            case Admission.REPLACE | Admission.LATE:
                self._stats.replaced += 1
                if isinstance(live, Session):
                    live.give_way(now)
                elif live:
                    self._drop(live, Outcome.ABORTED_BY_CLIENT, "the client asked anew from the same port", now)
                return True
            case Admission.OVER_SESSIONS:
                self._stats.over_sessions += 1
                oldest = next((each for each in self._opening if not each.moving), None)
                if oldest is not None:  # a transfer without any ACK gives way: forged requests must keep nobody out
                    oldest.evict(now)
                    return True
            case Admission.OVER_CLIENT:
                self._stats.over_client += 1
            case Admission.REFUSED_PORT:
                self._stats.refused_port += 1
        return False

    def _look_up(self, arrived: Arrived) -> None:
        try:
            packet, options = parse_request(arrived.datagram)
        except ProtocolError:
            self._stats.malformed += 1
            self._answer(arrived, MALFORMED)
            return
        request = read_request(arrived.key, packet, options)
        try:
            content = self._fast(request) if self._fast else None
        except Exception as error:
            self._refuse(arrived, request, error)
            return
        if content is None:
            self._wait(arrived, packet, request)
        else:
            self._serve(arrived, packet, request, content, arrived.at)

    def _wait(self, arrived: Arrived, packet: Request, request: ReadRequest) -> None:
        if self._handlers is None:
            self._refuse(arrived, request, FileNotFoundError(request.filename))
            return
        waiting = Waiting(arrived, packet, request)
        self.table.add(arrived.key, waiting)
        self._handlers.submit(
            request, lambda found: self._loop.call_soon(lambda now: self._on_found(waiting, found, now))
        )

    def _on_found(self, waiting: Waiting, found: object, now: float) -> None:
        """The handler has answered; nobody may be waiting any more."""
        arrived = waiting.arrived
        if self.table.get(arrived.key) is not waiting:
            return
        self.table.remove(arrived.key)
        if isinstance(found, BaseException):
            self._refuse(arrived, waiting.request, found)
        elif isinstance(found, bytes | FileContent):
            self._serve(arrived, waiting.packet, waiting.request, found, now)
        else:
            self._refuse(arrived, waiting.request, TypeError(f"the handler returned {type(found).__name__}"))

    def _serve(self, arrived: Arrived, packet: Request, request: ReadRequest, content: Content, now: float) -> None:
        try:
            if packet.mode is not Mode.OCTET:
                content = as_mode(packet.mode, content)
            session = self._session(arrived, packet, request, content, now)
        except (OSError, ProtocolError) as error:
            self._refuse(arrived, request, error)
            return
        sends = self._limits.pace.opening_sends
        if not self._may_send(session, sends, now):
            self.carriers.release(session.channel, now)
            if isinstance(session.frames, StreamFrames):
                session.frames.close(tally(session.transfer, session.terms, session.frames.size))
            return
        if self._guard.is_counted(arrived.key[0][0]):
            self._opening[session] = sends * first_size(session)
        self.table.add(session.key, session)
        session.begin(now)

    def _may_send(self, session: Session, sends: int, now: float) -> bool:
        """Whether the first reply may go out so often to an address that may be forged."""
        if self._guard.charge(session.key[0][0], sends * first_size(session), now):
            return True
        self._stats.count_refusal(Refusal.OVER_UNACKED)
        return False

    def _settle(self, session: Session) -> None:
        """The client has ACKed, or the transfer is over without that: then its charge stays."""
        cost = self._opening.pop(session, 0)
        if cost and session.transfer.acked >= (0 if session.terms.oack else 1):
            self._guard.acknowledged(session.key[0][0], cost)

    def _session(
        self, arrived: Arrived, packet: Request, request: ReadRequest, content: Content, now: float
    ) -> Session:
        peer, local = arrived.key[0], arrived.local
        mtu_blksize = self.carriers.mtu_blksize(local, peer)
        channel = self.carriers.take(local, peer, now, alone=not len(self.table))
        try:
            terms = self._negotiated(packet.options, size_of(content), mtu_blksize, packet.mode is Mode.OCTET)
            frames = self.cache.frames(content, terms.blksize)
            transfer = Transfer(
                frames.blocks,
                now=now,
                windowsize=terms.windowsize,
                offered=bool(terms.oack),
                pace=self._limits.pace,
                timeout_s=terms.timeout_s,
                rollover=self._limits.rollover,
            )
            return Session(
                channel,
                transfer,
                frames,
                terms,
                loop=self._loop,
                key=arrived.key,
                datagram=arrived.datagram,
                request=request,
                on_end=self._on_end,
            )
        except OSError:
            self.carriers.release(channel, now)
            raise

    def _negotiate(self, options: tuple[tuple[str, str], ...], size: int, mtu_blksize: int, windows: bool) -> Terms:
        return negotiate(options, policy=self._limits.policy, size=size, mtu_blksize=mtu_blksize, windows=windows)

    def _on_end(self, session: Session, now: float) -> None:
        """A transfer is over, however it went."""
        transfer, frames = session.transfer, session.frames
        self.table.remove(session.key)
        self._settle(session)
        self.carriers.release(session.channel, now, is_clean=transfer.is_clean)
        outcome = OUTCOMES[transfer.state]
        sent = min(max(transfer.sent, 0) * frames.blksize, frames.size)
        stats = self._stats
        stats.bytes_sent += sent
        stats.retransmits += transfer.retransmits
        stats.count(outcome)
        if self._wants_events:
            terms = session.terms
            self.ended.append(
                Ended(
                    outcome,
                    transfer.started_at,
                    now,
                    session.request,
                    frames.size,
                    sent,
                    terms.blksize,
                    terms.windowsize,
                    transfer.retransmits,
                    transfer.note,
                )
            )

    def _refuse(self, arrived: Arrived, request: ReadRequest, error: BaseException) -> None:
        """No content: the client hears which kind of no, the event why."""
        outcome, datagram = refusal(error)
        self._answer(arrived, datagram)
        self._note(outcome, request, arrived.at, str(error) or type(error).__name__)

    def _drop(self, waiting: Waiting, outcome: Outcome, reason: str, now: float) -> None:
        self.table.remove(waiting.arrived.key)
        self._note(outcome, waiting.request, waiting.arrived.at, reason, now)

    def _note(self, outcome: Outcome, request: ReadRequest, since: float, error: str, now: float | None = None) -> None:
        self._stats.count(outcome)
        if self._wants_events:
            self._loop.keep_ticking()
            finished = since if now is None else now
            self.ended.append(Ended(outcome, since, finished, request, None, 0, DEFAULT_BLKSIZE, 1, 0, error))

    def _on_other(self, arrived: Arrived) -> None:
        if arrived.datagram[:2] != WRQ or arrived.key[0][1] in self._limits.refused_ports:
            self._stats.unexpected += 1
            return
        refusal = self._guard.refusal(arrived.key[0][0], arrived.at)
        if refusal is not None:
            self._stats.count_refusal(refusal)
            return
        self._answer(arrived, READ_ONLY)
        try:
            packet, options = parse_request(arrived.datagram)
        except ProtocolError:
            self._stats.malformed += 1
            return
        request = read_request(arrived.key, packet, options)
        self._note(Outcome.REFUSED, request, arrived.at, "write request to a read-only server")

    def _answer(self, arrived: Arrived, datagram: bytes) -> None:
        if not self._guard.may_answer(arrived.key[0][0], arrived.at):
            self._stats.over_errors += 1
            return
        try:
            self.carriers.answer(arrived.local, arrived.key[0], datagram, arrived.at)
        except OSError:
            self._stats.send_errors += 1

    def _on_stray(self, tell: Tell, datagram: bytes, peer: Peer, now: float) -> None:
        """A packet of a transfer came to a port where its sender has none (RFC 1350 section 4)."""
        self._stats.strays += 1
        if datagram[:2] in ANSWERED_STRAYS and self._guard.may_answer(peer[0], now):
            tell(UNKNOWN, peer)


@lru_cache(maxsize=1024)  # a fleet sends the same bytes again and again: 9 µs became 0.2 µs
def parse_request(datagram: bytes) -> tuple[Request, Mapping[str, str]]:
    """The request, and its options by name."""
    packet = parse(datagram)
    if not isinstance(packet, Request):
        raise ProtocolError("not a request")
    return packet, MappingProxyType(by_name(packet.options))


def read_request(key: Key, packet: Request, options: Mapping[str, str]) -> ReadRequest:
    """The request as handlers see it."""
    peer, address = key
    return ReadRequest(packet.filename, packet.mode, options, (peer[0], peer[1]), address)


def first_size(session: Session) -> int:
    """The most bytes of a first reply: the OACK, else a block of the default size."""
    return len(session.terms.oack) or FIRST_DATA


def as_mode(mode: Mode, content: Content) -> Content:
    if mode is Mode.MAIL:
        raise ProtocolError("mode mail is obsolete (RFC 1350)")
    return netascii(content)


def refusal(error: BaseException) -> tuple[Outcome, bytes]:
    """What the event and the client are told of a look-up that failed; no text of the error reaches the client."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, ProtocolError):
        return Outcome.REFUSED, MALFORMED
    if isinstance(error, PermissionError) or number in DENIALS:
        return Outcome.REFUSED, DENIED
    if isinstance(error, FileNotFoundError) or number in ABSENCES:
        return Outcome.NOT_FOUND, NOT_FOUND
    return Outcome.FAILED, FAILED
