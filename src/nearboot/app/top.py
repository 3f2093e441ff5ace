"""What the TFTP servers on this machine are doing, look by look: progress and rates for ``nearboot boot-server top``.

A rate is smoothed over a few seconds; where there was no look before, it is the mean since the transfer began.

    top = Top(); picture = top.see(look(config), now=time.monotonic(), at=datetime.now(UTC))
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from nearboot.app.database import reading
from nearboot.app.measure import OUTCOMES
from nearboot.app.status import Moving, Process, Status, Wanted, read_status, run_folder, sockets
from nearboot.config import Config
from nearboot.errors import NearbootError, PeerError
from nearboot.inventory import store
from nearboot.tftp import LiveState, LiveTransfer

SMOOTH_S = 3.0
"""After so long a new rate has two thirds of its weight."""

Key = tuple[str, tuple[str, int], str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One transfer. ``share`` is from 0 to 1, ``left_s`` what is left at this rate; None where they are not known."""

    client: str
    port: int
    machine: str | None
    file: str
    state: LiveState
    size: int | None
    acked: int
    share: float | None
    rate: float
    left_s: float | None
    blksize: int
    windowsize: int
    retransmits: int
    age_s: float
    asked: str
    process: Process


@dataclass(frozen=True, slots=True)
class Picture:
    """All at one look. ``rate``: bytes a second; ``per_second``: requests by outcome, empty at the first look."""

    at: datetime
    processes: tuple[Process, ...]
    rate: float
    totals: Mapping[str, int]
    per_second: Mapping[str, float]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    now: float
    bytes: int
    rate: float


class Top:
    """Remembers the look before."""

    def __init__(self) -> None:
        self._transfers: dict[Key, _Seen] = {}
        self._totals: dict[str, tuple[int, Mapping[str, int]]] = {}
        self._now = -math.inf
        self._rate = 0.0

    def see(
        self, statuses: Sequence[Status], *, now: float, at: datetime, names: Mapping[str, str] | None = None
    ) -> Picture:
        """``now``: monotonic seconds; ``names``: servers by address, where the daemon does not know them."""
        seen: dict[Key, _Seen] = {}
        rows = []
        for status in statuses:
            for moving in status.transfers:
                key = _key(status.process, moving.transfer)
                seen[key] = self._moved(self._transfers.get(key), moving.transfer, now, at)
                rows.append(_row(status.process, moving, seen[key].rate, at, names or {}))
        rate, per_second = self._totals_moved(statuses, now, rows)
        self._transfers, self._now, self._rate = seen, now, rate
        totals = {name: sum(status.measures.counts.get(name, 0) for status in statuses) for name in OUTCOMES}
        return Picture(at, tuple(each.process for each in statuses), rate, totals, per_second, tuple(rows))

    @staticmethod
    def _moved(before: _Seen | None, transfer: LiveTransfer, now: float, at: datetime) -> _Seen:
        acked = transfer.bytes_acked
        if before is None or acked < before.bytes or now <= before.now:
            age_s = max((at - transfer.started_at).total_seconds(), 0.001)
            return _Seen(now, acked, acked / age_s)
        return _Seen(now, acked, _smoothed(before.rate, (acked - before.bytes) / (now - before.now), now - before.now))

    def _totals_moved(
        self, statuses: Sequence[Status], now: float, rows: Iterable[Row]
    ) -> tuple[float, Mapping[str, float]]:
        """Bytes a second of all, those of transfers that have ended since too; and requests a second."""
        before, passed_s = self._totals, now - self._now
        self._totals = {each.process.incarnation: (_bytes(each), each.measures.counts) for each in statuses}
        known = [name for name in self._totals if name in before]
        if not known or not 0 < passed_s < math.inf:
            return sum(row.rate for row in rows), {}
        moved = sum(self._totals[name][0] - before[name][0] for name in known)
        ended = {
            outcome: sum(self._totals[name][1].get(outcome, 0) - before[name][1].get(outcome, 0) for name in known)
            for outcome in OUTCOMES
        }
        rate = _smoothed(self._rate, max(moved, 0) / passed_s, passed_s)
        return rate, {outcome: count / passed_s for outcome, count in ended.items()}


def look(config: Config) -> list[Status]:
    """What each process that serves TFTP on this machine tells; PeerError where there is none."""
    folder = run_folder(config)
    told, silent = [], []
    for path in sockets(folder):
        try:
            told.append(read_status(path, Wanted.TRANSFERS))
        except PeerError as error:
            silent.append(str(error))
    if not told:
        why = "".join(f"; {each}" for each in silent)
        raise PeerError(f"no TFTP server of nearboot can be seen on this machine: looked in {folder} (run_dir){why}")
    return told


def machines(config: Config, addresses: Collection[str], at: datetime) -> dict[str, str]:
    """The servers of the inventory that have these addresses; none where the database does not answer."""
    try:
        with reading(config) as session:
            found = {address: store.server_by_address(session, ip_address(address), at) for address in addresses}
    except NearbootError:
        return {}
    return {address: server.name for address, server in found.items() if server is not None}


def unnamed(statuses: Iterable[Status]) -> set[str]:
    """The clients whose servers their daemon does not know."""
    return {moving.transfer.client[0] for status in statuses for moving in status.transfers if moving.machine is None}


def _key(process: Process, transfer: LiveTransfer) -> Key:
    return process.incarnation, transfer.client, transfer.server, transfer.filename


def _bytes(status: Status) -> int:
    """Sent by those that have ended, and had by those under way."""
    return status.measures.counts.get("bytes_sent", 0) + sum(m.transfer.bytes_acked for m in status.transfers)


def _smoothed(before: float, new: float, passed_s: float) -> float:
    return before + (new - before) * (1 - math.exp(-passed_s / SMOOTH_S))


def _row(process: Process, moving: Moving, rate: float, at: datetime, names: Mapping[str, str]) -> Row:
    transfer = moving.transfer
    size, acked = transfer.size, transfer.bytes_acked
    return Row(
        client=transfer.client[0],
        port=transfer.client[1],
        machine=moving.machine or names.get(transfer.client[0]),
        file=transfer.filename,
        state=transfer.state,
        size=size,
        acked=acked,
        share=None if size is None else acked / size if size else 0.0,
        rate=rate,
        left_s=(size - acked) / rate if size is not None and rate else None,
        blksize=transfer.blksize,
        windowsize=transfer.windowsize,
        retransmits=transfer.retransmits,
        age_s=max((at - transfer.started_at).total_seconds(), 0.0),
        asked=transfer.server,
        process=process,
    )
