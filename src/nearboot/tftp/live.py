"""The transfers under way, as values: for whoever watches a server (``TftpServer.transfers``).

Read from any thread while the data plane works on: each number is one that was true a moment ago, not all of the same
moment. Nothing is kept for it, so a server that nobody watches does no work here.

    for transfer in server.transfers(): print(transfer.client, transfer.filename, transfer.bytes_acked)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from nearboot.tftp.options import DEFAULT_BLKSIZE
from nearboot.tftp.request_runner import Waiting
from nearboot.tftp.session_runner import Session
from nearboot.tftp.stream_runner import StreamFrames
from nearboot.tftp.transfer import State


class LiveState(Enum):
    WAITING = "waiting"  # its content is being looked for
    OPENING = "opening"  # the first reply is out, nothing was ACKed
    SENDING = "sending"


@dataclass(frozen=True, slots=True)
class LiveTransfer:
    """One transfer under way. ``started_at`` is aware UTC; sizes are bytes; ``client`` is address and port.

    ``size`` is None where it is not known: while content is looked for, and of streams that announce none.
    """

    client: tuple[str, int]
    server: str
    filename: str
    state: LiveState
    size: int | None
    bytes_acked: int
    blksize: int
    windowsize: int
    retransmits: int
    started_at: datetime


STATES = {State.OPENING: LiveState.OPENING, State.SENDING: LiveState.SENDING}


def live_transfers(table: Iterable[Session | Waiting], offset_s: float) -> tuple[LiveTransfer, ...]:
    """What a session table holds; ``offset_s`` is wall clock minus the clock of the transfers.

    Those that end while this looks are left out.
    """
    seen = (_waiting(each, offset_s) if isinstance(each, Waiting) else _session(each, offset_s) for each in table)
    return tuple(transfer for transfer in seen if transfer is not None)


def _waiting(waiting: Waiting, offset_s: float) -> LiveTransfer:
    request = waiting.request
    return LiveTransfer(
        client=request.client,
        server=request.server,
        filename=request.filename,
        state=LiveState.WAITING,
        size=None,
        bytes_acked=0,
        blksize=DEFAULT_BLKSIZE,
        windowsize=1,
        retransmits=0,
        started_at=datetime.fromtimestamp(waiting.arrived.at + offset_s, UTC),
    )


def _session(session: Session, offset_s: float) -> LiveTransfer | None:
    request, transfer, terms, frames = session.request, session.transfer, session.terms, session.frames
    state = STATES.get(transfer.state)
    if state is None:
        return None
    acked = max(transfer.acked, 0) * terms.blksize
    size = frames.announced if isinstance(frames, StreamFrames) else frames.size
    return LiveTransfer(
        client=request.client,
        server=request.server,
        filename=request.filename,
        state=state,
        size=size,
        bytes_acked=acked if size is None else min(acked, size),
        blksize=terms.blksize,
        windowsize=terms.windowsize,
        retransmits=transfer.retransmits,
        started_at=datetime.fromtimestamp(transfer.started_at + offset_s, UTC),
    )
