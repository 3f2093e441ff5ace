"""The client's side of a read as a state machine: datagrams and time-outs come in, replies come out.

No socket, no clock. RFC 1350, 2347, 2348, 2349 (tsize), 7440. In a gap the last good block is ACKed, once for each
arrival run.

    download = Download("pxelinux.0", blksize=1428, windowsize=16)
    send(download.request())
    reply = download.receive(datagram)      # bytes to send, or None
    download.done, download.content()
"""

from __future__ import annotations

from collections.abc import Callable

from nearboot.errors import PeerError, ProtocolError
from nearboot.tftp.options import DEFAULT_BLKSIZE, number
from nearboot.tftp.packet import Ack, Data, Error, Mode, Opcode, OptionAck, Request, encode, parse


class Download:
    """One read; ``max_bytes`` bounds what a peer can make us hold. Each block goes to ``write``, or is kept."""

    def __init__(
        self,
        filename: str,
        *,
        blksize: int = 1428,
        windowsize: int = 1,
        max_bytes: int = 1 << 32,
        write: Callable[[bytes], object] | None = None,
    ) -> None:
        self.filename = filename
        self.done = False
        self.size: int | None = None
        """What the server announced by tsize."""
        self._asked = {"blksize": blksize, "tsize": 0, "windowsize": windowsize}
        if windowsize == 1:
            del self._asked["windowsize"]
        self.blksize = DEFAULT_BLKSIZE
        self.windowsize = 1
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._write = write or self._parts.append
        self.received_bytes = 0
        self._received = 0
        self._agreed = False
        self._since_ack = 0
        self._gap_told = False
        self._last_reply = b""

    @property
    def moving(self) -> bool:
        """Whether any block has come."""
        return self._received > 0

    @property
    def progress(self) -> int:
        """Grows with each packet that brings the read on: the OACK, then each new block."""
        return self._received + self._agreed

    @property
    def rolling(self) -> bool:
        """Whether block 65535 was the last; the next is 0, but some servers go on with 1 (no RFC says)."""
        return self._received > 0 and self._next() == 0

    def request(self) -> bytes:
        """The RRQ."""
        options = tuple((name, str(value)) for name, value in self._asked.items())
        self._last_reply = encode(Request(Opcode.RRQ, self.filename, Mode.OCTET, options))
        return self._last_reply

    def again(self) -> bytes:
        """What to send after a time-out: the request, or the ACK of the last good block."""
        self._gap_told = False
        return self._ack() if self._received else self._last_reply

    def receive(self, datagram: bytes) -> bytes | None:
        """One datagram of the server: the reply, if one is due. PeerError on ERROR, ProtocolError on nonsense."""
        packet = parse(datagram)
        match packet:
            case Data():
                return self._on_data(packet)
            case OptionAck():
                return self._on_oack(packet)
            case Error(code, message):
                raise PeerError(f"{self.filename!r}: server ERROR {code}: {message}")
            case _:
                raise ProtocolError(f"{self.filename!r}: a server sent {type(packet).__name__}; expected DATA or OACK")

    def content(self) -> bytes:
        """All of it, where no ``write`` was given."""
        return b"".join(self._parts)

    def _on_oack(self, packet: OptionAck) -> bytes | None:
        if self._received:
            return None
        granted = {name.lower(): text for name, text in packet.options}
        for name, text in granted.items():
            self._accept(name, text)
        self._agreed = True
        return self._ack()

    def _accept(self, name: str, text: str) -> None:
        """RFC 2347: only what was asked; RFC 2348, 7440: never larger."""
        value = number(text, 0, 1 << 63)
        if name not in self._asked or value is None:
            raise ProtocolError(f"{self.filename!r}: OACK {name}={text!r}; expected only options that were asked")
        if name == "tsize":
            self.size = value
            return
        low = 8 if name == "blksize" else 1
        if not low <= value <= self._asked[name]:
            raise ProtocolError(f"{self.filename!r}: OACK {name}={value}; expected {low} to {self._asked[name]}")
        if name == "blksize":
            self.blksize = value
        else:
            self.windowsize = value

    def _on_data(self, packet: Data) -> bytes | None:
        if packet.block != self._next():
            return self._on_gap(packet)
        if len(packet.payload) > self.blksize:
            raise ProtocolError(f"{self.filename!r}: DATA of {len(packet.payload)} bytes; expected {self.blksize}")
        self._received += 1
        self._since_ack += 1
        self._gap_told = False
        self._write(packet.payload)
        self.received_bytes += len(packet.payload)
        if self.received_bytes > self._max_bytes:
            raise ProtocolError(f"{self.filename!r}: more than {self._max_bytes} bytes; expected at most that")
        self.done = len(packet.payload) < self.blksize
        return self._ack() if self.done or self._since_ack >= self.windowsize else None

    def _on_gap(self, packet: Data) -> bytes | None:
        """A lock-step duplicate is ACKed again (RFC 1350); in a window a block from ahead tells of a gap, once."""
        ahead = (packet.block - self._next()) % 65536
        if self.windowsize > 1 and (self._gap_told or ahead > self.windowsize):
            return None
        self._gap_told = True
        return self._ack() if self._received else None

    def _next(self) -> int:
        return (self._received + 1) % 65536

    def _ack(self) -> bytes:
        self._since_ack = 0
        self._last_reply = encode(Ack(self._received % 65536))
        return self._last_reply
