"""Streams: content read in threads while it is sent, framed into a few windows of buffer, and never held whole.

Not the data plane: a ``read`` that blocks holds up its own transfer alone. Each stream reads ahead up to ``AHEAD``
parts of at least a window; the part before the one in use is kept, since what may be sent again reaches back a window.

    threads = StreamThreads(); content = threads.opened(stream, netascii=False); threads.close()
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from nearboot.tftp.content import HEADER, OpenStream, Segment, Stream, Tally, stamp, to_netascii
from nearboot.tftp.options import Terms
from nearboot.tftp.packet import OptionAck, parse
from nearboot.tftp.transfer import UNKNOWN, Rollover, Transfer

PART_BYTES = 64 << 10
"""Framed content of a part, unless a window is more."""
AHEAD = 2
"""The part in use and the next one."""
MAX_THREADS = 256
"""Reads that may block at once; more streams than that wait for each other."""
LAST_S = 1.0
"""How long a stop waits for reads that block."""
EMPTY = memoryview(b"")
NOTHING_YET = Segment(1, 1, EMPTY)

log = logging.getLogger(__name__)


class StreamThreads:
    """The threads that read: started when needed, asleep when not."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.RLock()
        """Held to change what follows; taken again where a content is dropped meanwhile, which the collector may do."""
        self._threads: list[threading.Thread] = []
        self._free = 0
        """Threads without a job, minus jobs without a thread."""
        self._is_closed = False
        self._unserved: set[Once] = set()

    def opened(self, stream: Stream, *, netascii: bool) -> OpenStream:
        """``stream`` as content for one transfer; closed too when nobody comes to serve it."""
        once = Once(stream.close)
        with self._lock:
            self._unserved.add(once)
        if netascii and not stream.is_netascii:
            stream = Stream(Netascii(stream.read).read, None, stream.close, stream.on_end)
        size = -1 if stream.size is None else stream.size

        def framed(content: OpenStream, blksize: int, rollover: Rollover) -> StreamFrames:
            return StreamFrames(stream, content, blksize, once=once, threads=self, rollover=rollover)

        content = OpenStream("a stream", size, 0, id(once), -1, framed)
        weakref.finalize(content, self._abandon, once).atexit = False
        return content

    def take(self, once: Once) -> None:
        """A transfer has begun, and will close it."""
        with self._lock:
            self._unserved.discard(once)

    def submit(self, job: Callable[[], None]) -> None:
        """From any thread: run ``job`` in one of these threads; after ``close``, here."""
        with self._lock:
            is_closed = self._is_closed
            if not is_closed:
                self._jobs.put(job)
                self._free -= 1
                if self._free < 0 and len(self._threads) < MAX_THREADS:
                    self._add_thread()
        if is_closed:
            guarded(job)

    def close(self) -> None:
        """Close streams that nobody served, and end the threads; one in a ``read`` that blocks ends when it returns."""
        with self._lock:
            unserved, self._unserved = self._unserved, set()
        for once in unserved:
            self.submit(once)
        with self._lock:
            self._is_closed = True
            for _ in self._threads:
                self._jobs.put(None)
        deadline = time.monotonic() + LAST_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _abandon(self, once: Once) -> None:
        """The content is gone; its transfer has closed the stream, or there was none."""
        with self._lock:
            is_unserved = once in self._unserved
            self._unserved.discard(once)
        if is_unserved:
            self.submit(once)

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="nearboot-tftp-stream", daemon=True)
        self._threads.append(thread)
        self._free += 1
        thread.start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            guarded(job)
            del job  # it may hold a content, which is closed when the last one lets go
            with self._lock:
                self._free += 1


class Once:
    """Calls ``close`` when it is called for the first time."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close: list[Callable[[], None]] = [close]

    def __call__(self) -> None:
        with suppress(IndexError):  # list.pop is atomic: one caller gets it
            close = self._close.pop()
            guarded(close)


class StreamFrames:
    """A stream in packets, for one transfer: what is to be sent, what may be sent again, and no more."""

    def __init__(
        self,
        stream: Stream,
        content: OpenStream,
        blksize: int,
        *,
        once: Once,
        threads: StreamThreads,
        rollover: Rollover,
    ) -> None:
        self.blksize = blksize
        self.frame = blksize + HEADER
        self.blocks = UNKNOWN
        self.ready = 0
        """Blocks that were read, all of them from the first on."""
        self._stream = stream
        self._once = once
        self._threads = threads
        self._content = content
        self._rollover = rollover
        self._lock = threading.Lock()
        """Held to change anything but the bytes of a part, which the reading thread alone writes."""
        self._parts: dict[int, bytearray] = {}
        self._windowsize = self._per_part = 1
        self._position = 0
        """The part in use."""
        self._total = 0
        self._error: OSError | None = None
        self._is_reading = self._is_closed = False
        self._on_ready: Callable[[], None] | None = None
        self._tally: Tally | None = None

    @property
    def size(self) -> int:
        """As announced, else what has been read so far."""
        return self._total if self._stream.size is None else self._stream.size

    @property
    def announced(self) -> int | None:
        """What its source says it is; None: nothing."""
        return self._stream.size

    def begin(self, windowsize: int) -> None:
        """Read ahead for windows of ``windowsize`` blocks."""
        self._windowsize = windowsize
        self._per_part = max(windowsize, PART_BYTES // self.frame, 1)
        self._threads.take(self._once)
        with self._lock:
            self._keep_reading()

    def segment(self, block: int) -> Segment:
        """What has been read of the part that holds ``block``; empty when that block is not there yet."""
        with self._lock:
            if block > self.ready:
                if self._error:
                    raise OSError(str(self._error))
                return Segment(block, block, EMPTY)
            index = (block - 1) // self._per_part
            if index not in self._parts:
                raise OSError(f"block {block} is no longer held")
            self._turn_to(index)
            first = index * self._per_part + 1
            end = min(self.ready + 1, first + self._per_part)
            view = memoryview(self._parts[index]).toreadonly()
            return Segment(first, end, view[: self._length(first, end)])

    def when_ready(self, block: int, call: Callable[[], None]) -> None:
        """Call once when ``block`` is there, or is known never to come; from any thread, at once if it is so now."""
        with self._lock:
            is_settled = self.ready >= block or self.blocks != UNKNOWN or self._error is not None
            self._on_ready = None if is_settled else call
        if is_settled:
            call()

    def close(self, tally: Tally) -> None:
        """The transfer is over."""
        with self._lock:
            self._is_closed = True
            self._on_ready = None
            self._tally = tally
            self._parts.clear()
            is_reading = self._is_reading
        if not is_reading:
            self._threads.submit(self._finish)

    def _turn_to(self, index: int) -> None:
        if index > self._position:
            self._position = index
            for old in [part for part in self._parts if part < index - 1]:
                del self._parts[old]
        self._keep_reading()

    def _length(self, first: int, end: int) -> int:
        """Bytes of blocks ``first`` to ``end`` - 1: the last one of all is short."""
        full = (end - first) * self.frame
        return full if end <= self.blocks else full - (self.blocks * self.blksize - self._total)

    def _keep_reading(self) -> None:
        if not self._is_reading and not self._is_closed and self._wanted():
            self._is_reading = True
            self._threads.submit(self._read_ahead)

    def _wanted(self) -> int:
        """How many bytes to read next: a window, but no more than the part takes; 0: none, for now."""
        part_bytes = self._per_part * self.blksize
        index, done = divmod(self._total, part_bytes)
        if self._error or self.blocks != UNKNOWN or index >= self._position + AHEAD:
            return 0
        return min(self._windowsize * self.blksize, part_bytes - done)

    def _read_ahead(self) -> None:
        """In a thread: read until there is enough."""
        while wanted := self._next():
            try:
                data = self._stream.read(wanted)
                if len(data) > wanted:
                    raise ValueError(f"read({wanted}) returned {len(data)} bytes")
                self._store(data)
            except Exception as error:
                log.warning("a stream failed: %r", error)
                self._settle(b"", OSError(f"{type(error).__name__}: {error}"))
            else:
                self._settle(data, self._mismatch(data))

    def _next(self) -> int:
        with self._lock:
            wanted = 0 if self._is_closed else self._wanted()
            self._is_reading = wanted > 0
            is_over = self._is_closed
        if is_over:
            self._finish()
        return wanted

    def _store(self, data: bytes) -> None:
        """Lay ``data`` between the headers of the part; a part is made also for an empty last block."""
        index, at = divmod(self._total, self._per_part * self.blksize)
        part = self._part(index)
        taken = 0
        while taken < len(data):
            block, offset = divmod(at, self.blksize)
            count = min(self.blksize - offset, len(data) - taken)
            start = block * self.frame + HEADER + offset
            part[start : start + count] = data[taken : taken + count]
            taken, at = taken + count, at + count

    def _part(self, index: int) -> bytearray:
        part = self._parts.get(index)
        if part is None:
            part = bytearray(self._per_part * self.frame)
            first = index * self._per_part + 1
            stamp(part, self.frame, range(first, first + self._per_part), self._rollover)
            with self._lock:
                if not self._is_closed:
                    self._parts[index] = part
        return part

    def _mismatch(self, data: bytes) -> OSError | None:
        """A stream that ends early was cut, one that goes on is another content: neither may pass for the whole."""
        announced, got = self._stream.size, self._total + len(data)
        if announced is None or (got <= announced if data else got == announced):
            return None
        return OSError(f"the stream has {'only' if got < announced else 'at least'} {got} bytes of {announced}")

    def _settle(self, data: bytes, error: OSError | None) -> None:
        """Make known what was read: blocks, the end, or an error."""
        with self._lock:
            self._error = error
            self._total += len(data) if error is None else 0
            before, self.ready = self.ready, self._total // self.blksize
            if not data and error is None:
                self.blocks = self.ready = self.ready + 1
            on_ready = self._on_ready if error or self.ready > before else None
            if on_ready:
                self._on_ready = None
        if on_ready:
            on_ready()

    def _finish(self) -> None:
        """In a thread, when no read runs any more."""
        on_end = self._stream.on_end
        if on_end and self._tally:
            guarded(partial(on_end, self._tally))
        self._once()


class Netascii:
    """A ``read`` with RFC 1350's line ends; what does not fit waits for the next call."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._rest = b""

    def read(self, count: int) -> bytes:
        if len(self._rest) < count:
            self._rest += to_netascii(bytes(self._read(count - len(self._rest))))
        data, self._rest = self._rest[:count], self._rest[count:]
        return data


def tally(transfer: Transfer, terms: Terms, size: int) -> Tally:
    """How a transfer of ``size`` bytes went."""
    oack = parse(terms.oack) if terms.oack else None
    options = oack.options if isinstance(oack, OptionAck) else ()
    offered = 1 if options else 0
    sent = max(transfer.sent, 0)
    return Tally(
        state=transfer.state,
        options=options,
        blksize=terms.blksize,
        packets_sent=sent + offered + transfer.retransmits,
        packets_acked=transfer.acked + offered,
        bytes_sent=min(sent * terms.blksize, size),
        retransmits=transfer.retransmits,
        error_code=transfer.peer_code,
        error=transfer.note,
    )


def guarded(call: Callable[[], None]) -> None:
    """Another's function: its fault is logged, and ends nothing of ours."""
    try:
        call()
    except Exception:
        log.exception("a stream's function failed")
