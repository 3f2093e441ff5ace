"""Read a file over TFTP, as a coroutine: what a health check, a person, or a test fetches with.

content = await read("2001:db8::5", 69, "grub/grub.cfg", blksize=1228, windowsize=4, timeout_s=1.0, retries=3)
done = await read_to(file.write, "192.0.2.5", 69, "initrd", windowsize=16, on_progress=show)
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from nearboot.errors import PeerError, ProtocolError
from nearboot.tftp.download import Download
from nearboot.tftp.packet import Error, ErrorCode, encode

STRANGER = encode(Error(ErrorCode.UNKNOWN_TRANSFER_ID, "unknown transfer ID"))
ABORTED = encode(Error(ErrorCode.UNDEFINED, "aborted by the client"))
REFUSED = encode(Error(ErrorCode.OPTION_REFUSED, "option refused"))
RECEIVE_BUFFER = 4 << 20
"""A window may be larger than the kernel's default of 208 kB; what does not fit is lost. The kernel has its own
limit."""

OnProgress = Callable[[int, int | None], None]
"""Called with the bytes that have come and the size that the server announced."""
Address = tuple[str, int] | tuple[str, int, int, int]
"""As sockets have it; the last two are IPv6's flow and scope."""


async def read(
    host: str,
    port: int,
    filename: str,
    *,
    blksize: int = 1428,
    windowsize: int = 1,
    timeout_s: float = 1.0,
    retries: int = 5,
    max_bytes: int = 1 << 32,
) -> bytes:
    """The bytes of ``filename``. PeerError: ERROR, or silence after ``retries``; ProtocolError: the server broke a
    rule."""
    download = Download(filename, blksize=blksize, windowsize=windowsize, max_bytes=max_bytes)
    await _run(download, host, port, timeout_s=timeout_s, retries=retries)
    return download.content()


async def read_to(
    write: Callable[[bytes], object],
    host: str,
    port: int,
    filename: str,
    *,
    blksize: int = 1428,
    windowsize: int = 1,
    timeout_s: float = 1.0,
    retries: int = 5,
    max_bytes: int = 1 << 40,
    on_progress: OnProgress | None = None,
) -> Download:
    """As ``read``, each block handed to ``write`` (which may block shortly) when it has come: nothing is held.

    The Download says at the end what was agreed and how many bytes came.
    """
    download = Download(filename, blksize=blksize, windowsize=windowsize, max_bytes=max_bytes, write=write)
    await _run(download, host, port, timeout_s=timeout_s, retries=retries, on_progress=on_progress)
    return download


async def _run(
    download: Download,
    host: str,
    port: int,
    *,
    timeout_s: float,
    retries: int,
    on_progress: OnProgress | None = None,
) -> None:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        inbox = Inbox()
        wildcard = "::" if family == socket.AF_INET6 else "0.0.0.0"
        transport, _ = await loop.create_datagram_endpoint(lambda: inbox, local_addr=(wildcard, 0), family=family)
    except OSError as error:
        raise PeerError(f"{host!r} port {port}: {error.strerror or error}") from error
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    try:
        exchange = Exchange(download, transport, inbox, socket_address(address))
        try:
            await exchange.run(timeout_s, retries, on_progress)
        except (OSError, asyncio.CancelledError):
            exchange.abort()
            raise
    finally:
        transport.close()


class Inbox(asyncio.DatagramProtocol):
    """Datagrams with their senders, in a queue."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self.queue.put_nowait((data, socket_address(addr)))

    def error_received(self, exc: Exception) -> None:
        """ICMP: the time-out tells."""


class Exchange:
    """The shell of one Download: sends, waits, keeps strangers out."""

    def __init__(self, download: Download, transport: asyncio.DatagramTransport, inbox: Inbox, server: Address) -> None:
        self._download = download
        self._transport = transport
        self._inbox = inbox
        self._server = server
        self._peer: Address | None = None
        """The server's transfer ID, from its first reply on (RFC 1350 section 4)."""

    async def run(self, timeout_s: float, retries: int, on_progress: OnProgress | None = None) -> None:
        """Only progress puts the time-out off: a peer that repeats itself does not keep us for ever."""
        clock = asyncio.get_running_loop().time
        self._send(self._download.request())
        failures, deadline = 0, clock() + timeout_s
        while not self._download.done:
            try:
                async with asyncio.timeout_at(deadline):
                    datagram = await self._next()
            except TimeoutError:
                failures += 1
                if failures > retries:
                    raise self._silence(failures) from None
                self._send(self._download.again())
                deadline = clock() + timeout_s * 2 ** min(failures, 4)
                continue
            if self._take(datagram):
                failures, deadline = 0, clock() + timeout_s
                if on_progress:
                    on_progress(self._download.received_bytes, self._download.size)

    def abort(self) -> None:
        """Tell the server, so that it need not find out by waiting."""
        if self._peer is not None:
            self._send(ABORTED)

    def _take(self, datagram: bytes) -> bool:
        """Whether the datagram brought the transfer on; a broken rule is told to the server before it is raised."""
        before = self._download.progress
        try:
            reply = self._download.receive(datagram)
        except ProtocolError:
            self._send(REFUSED)
            raise
        if reply is not None:
            self._send(reply)
        return self._download.progress > before

    async def _next(self) -> bytes:
        """The server's next datagram. Strangers get ERROR 5 and the transfer goes on; an ERROR is never answered."""
        while True:
            datagram, sender = await self._inbox.queue.get()
            if self._peer is None and sender[0] == self._server[0]:
                self._peer = sender
            if sender == self._peer:
                return datagram
            if datagram[:2] != b"\0\5":
                with suppress(OSError):
                    self._transport.sendto(STRANGER, sender)

    def _send(self, datagram: bytes) -> None:
        self._transport.sendto(datagram, self._peer or self._server)

    def _silence(self, attempts: int) -> PeerError:
        what = "no reply" if self._peer is None else "no further DATA"
        hint = (
            "; it may go on with block 1, expected 0 (a larger blksize needs neither)" if self._download.rolling else ""
        )
        return PeerError(
            f"{self._server[0]} port {self._server[1]}: {self._download.filename!r}: {what} to {attempts} packets{hint}"
        )


def socket_address(parts: tuple[str | int | bytes, ...]) -> Address:
    """What the socket module types loosely, typed."""
    host, port = str(parts[0]), int(parts[1])
    return (host, port, int(parts[2]), int(parts[3])) if len(parts) == 4 else (host, port)
