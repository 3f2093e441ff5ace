"""The six TFTP packets: bytes from the wire become a value or a ProtocolError, and values become bytes.

RFC 1350 section 5 (RRQ, WRQ, DATA, ACK, ERROR) and RFC 2347 (options, OACK). It knows no sockets, no sessions and no
meaning of an option; see ``options`` for that.

    packet = parse(datagram)            # Request | Data | Ack | Error | OptionAck
    datagram = encode(Ack(block=7))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum

from nearboot.errors import ProtocolError

MAX_REQUEST = 1024
"""Longest request taken, in bytes: RFC 2347 says 512; some slack for long paths, none for abuse."""


class Opcode(IntEnum):
    RRQ = 1
    WRQ = 2
    DATA = 3
    ACK = 4
    ERROR = 5
    OACK = 6


class ErrorCode(IntEnum):
    """RFC 1350 section 5 and RFC 2347."""

    UNDEFINED = 0
    FILE_NOT_FOUND = 1
    ACCESS_VIOLATION = 2
    DISK_FULL = 3
    ILLEGAL_OPERATION = 4
    UNKNOWN_TRANSFER_ID = 5
    FILE_EXISTS = 6
    NO_SUCH_USER = 7
    OPTION_REFUSED = 8


class Mode(Enum):
    """How bytes travel; RFC 1350 section 2 has names compared without regard to case."""

    OCTET = "octet"
    NETASCII = "netascii"
    MAIL = "mail"  # obsolete, RFC 1350; parsed so that it can be refused by name


@dataclass(frozen=True, slots=True)
class Request:
    """RRQ or WRQ; ``options`` as sent, in the order sent, names in the case sent."""

    opcode: Opcode
    filename: str
    mode: Mode
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    block: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    block: int


@dataclass(frozen=True, slots=True)
class Error:
    """``code`` is an int, not an ErrorCode: peers send codes that no RFC knows."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class OptionAck:
    options: tuple[tuple[str, str], ...]


Packet = Request | Data | Ack | Error | OptionAck


def parse(datagram: bytes) -> Packet:
    """The packet in ``datagram``; ProtocolError if there is none."""
    if len(datagram) < 4:
        raise ProtocolError(f"TFTP packet of {len(datagram)} bytes; expected at least 4")
    parser = PARSERS.get(int.from_bytes(datagram[:2], "big"))
    if parser is None:
        raise ProtocolError(f"TFTP opcode {int.from_bytes(datagram[:2], 'big')}; expected 1 to 6")
    return parser(datagram)


def encode(packet: Packet) -> bytes:
    """The bytes of ``packet`` on the wire; ProtocolError where a text holds a NUL."""
    match packet:
        case Request(opcode, filename, mode, options):
            return opcode.to_bytes(2, "big") + _strings(filename, mode.value) + _pairs(options)
        case Data(block, payload):
            return b"\0\3" + block.to_bytes(2, "big") + payload
        case Ack(block):
            return b"\0\4" + block.to_bytes(2, "big")
        case Error(code, message):
            return b"\0\5" + code.to_bytes(2, "big") + _strings(message)
        case OptionAck(options):
            return b"\0\6" + _pairs(options)


#  2 bytes   string   1    string  1   string   1   string   1
# +--------+---------+---+--------+---+--------+---+--------+---+ ...
# | 01/02  | file    | 0 | mode   | 0 | option | 0 | value  | 0 |        RFC 1350 figure 5-1, RFC 2347
# +--------+---------+---+--------+---+--------+---+--------+---+ ...
def _parse_request(datagram: bytes) -> Request:
    if len(datagram) > MAX_REQUEST:
        raise ProtocolError(f"TFTP request of {len(datagram)} bytes; expected at most {MAX_REQUEST}")
    texts = datagram[2:].split(b"\0")
    if len(texts) < 3:
        raise ProtocolError("TFTP request without a file name and a mode, each ended by NUL")
    name = _text(texts[1]).lower()
    if name not in MODES:
        raise ProtocolError(f"TFTP mode {name[:20]!r}; expected octet or netascii")
    return Request(Opcode(datagram[1]), _text(texts[0]), MODES[name], _parse_options(texts[2:]))


#  2 bytes   2 bytes   n bytes
# +--------+---------+---------+
# |   03   | block # |  data   |                                           RFC 1350 figure 5-2
# +--------+---------+---------+
def _parse_data(datagram: bytes) -> Data:
    return Data(int.from_bytes(datagram[2:4], "big"), datagram[4:])


#  2 bytes   2 bytes
# +--------+---------+
# |   04   | block # |                                                     RFC 1350 figure 5-3
# +--------+---------+
def _parse_ack(datagram: bytes) -> Ack:
    """Bytes after the block number are ignored: some boot ROMs pad their packets."""
    return Ack(int.from_bytes(datagram[2:4], "big"))


#  2 bytes   2 bytes   string    1
# +--------+---------+---------+---+
# |   05   |  code   | message | 0 |                                       RFC 1350 figure 5-4
# +--------+---------+---------+---+
def _parse_error(datagram: bytes) -> Error:
    """The final NUL may be missing: it changes nothing, and boot ROMs forget it."""
    return Error(int.from_bytes(datagram[2:4], "big"), _text(datagram[4:].split(b"\0")[0]))


#  2 bytes   string   1   string   1
# +--------+--------+---+--------+---+ ...
# |   06   | option | 0 | value  | 0 |                                     RFC 2347
# +--------+--------+---+--------+---+ ...
def _parse_oack(datagram: bytes) -> OptionAck:
    return OptionAck(_parse_options(datagram[2:].split(b"\0")))


PARSERS: dict[int, Callable[[bytes], Packet]] = {
    Opcode.RRQ: _parse_request,
    Opcode.WRQ: _parse_request,
    Opcode.DATA: _parse_data,
    Opcode.ACK: _parse_ack,
    Opcode.ERROR: _parse_error,
    Opcode.OACK: _parse_oack,
}
MODES = {mode.value: mode for mode in Mode}


def _parse_options(texts: list[bytes]) -> tuple[tuple[str, str], ...]:
    """Name and value pairs. An empty value stays (iPXE's ``multicast``), NULs used as padding go."""
    if texts[-1]:
        raise ProtocolError("TFTP option not ended by NUL")
    names, values = texts[:-1:2], texts[1:-1:2]
    if len(names) > len(values) and names[-1]:
        raise ProtocolError(f"TFTP option {_text(names[-1])[:20]!r} without a value")
    return tuple((_text(name), _text(value)) for name, value in zip(names, values, strict=False) if name)


def _text(raw: bytes) -> str:
    """UTF-8 where it is that, else Latin-1: every byte has a meaning, and no text can fail to be stored."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _strings(*texts: str) -> bytes:
    if any("\0" in text for text in texts):
        raise ProtocolError("a text in a TFTP packet cannot hold a NUL")
    return b"".join(text.encode() + b"\0" for text in texts)


def _pairs(options: tuple[tuple[str, str], ...]) -> bytes:
    return b"".join(_strings(name, value) for name, value in options)
