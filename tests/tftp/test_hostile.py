"""What strangers can make the server do: fuzzed datagrams, forged senders, floods. On a fake clock; bytes are counted.

The fuzz takes 50,000 datagrams here; the million takes some minutes:

    NEARBOOT_FUZZ_DATAGRAMS=1000000 pytest tests/tftp/test_hostile.py -k fuzz
"""

from __future__ import annotations

import io
import os
import queue
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from random import Random
from typing import Any

import pytest

from nearboot.tftp import Limits, Pace, ReadRequest, StaticRoot
from nearboot.tftp.content import Stream
from nearboot.tftp.packet import Ack, Data, Error, Mode, Opcode, OptionAck, Request, encode, parse

Plane = Callable[..., Any]
DATAGRAMS = int(os.environ.get("NEARBOOT_FUZZ_DATAGRAMS", "50000"))
UDP_OVERHEAD = 28
"""IPv4 and UDP headers; with IPv6's, which are longer, an amplification is smaller."""
CLIENT = ("198.51.100.7", 2070)
LONGEST_ERROR = 64
MTU_BLKSIZE = 1468
"""What the data plane of these tests grants at most."""
REAL_DATAGRAMS = max(4000, DATAGRAMS // 10)
RRQ, WRQ, ACK = b"\0\1", b"\0\2", b"\0\4"


def rrq(name: str, *options: tuple[str, str], mode: Mode = Mode.OCTET) -> bytes:
    return encode(Request(Opcode.RRQ, name, mode, options))


# The requests of real boot programs: options and their order as each sends them.
SEEDS = [
    rrq("kernel", ("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")),  # EDK2's size probe
    rrq("kernel", ("blksize", "1468"), ("windowsize", "4")),  # and its read
    rrq("cfg", ("blksize", "512"), ("windowsize", "4")),  # shim
    rrq("cfg", ("blksize", "1432"), ("tsize", "0")),  # iPXE
    rrq("cfg", ("multicast", ""), ("blksize", "1432"), ("tsize", "0")),  # iPXE's tftm
    rrq("/cfg", ("blksize", "1024"), ("tsize", "0")),  # GRUB
    rrq("pxelinux.cfg/01-52-54-00-12-34-56", ("tsize", "0"), ("blksize", "1408")),  # PXELINUX
    rrq("kernel", ("timeout", "5"), ("tsize", "0"), ("blksize", "1468"), ("windowsize", "16")),  # U-Boot
    rrq("cfg", ("tsize", "0")),  # Raspberry Pi
    rrq("kernel"),  # an old ROM
    rrq("cfg", mode=Mode.NETASCII),
    # As bytes, with what they pad, misspell and append.
    b"\0\1boot/x64/shim.efi\0octet\0blksize\x00512\0windowsize\x004\0",  # shim by EDK2's v4
    b"\0\1kernel\0octet\0blksize\x001228\0windowsize\x004\0",  # EDK2's v6
    b"\0\1\\boot\\x64\\wdsnbp.com\0octet\0tsize\x000\0blksize\x001456\0",  # Intel UNDI, Windows names
    b"\0\1pxelinux.0\xff\0octet\0tsize\x000\0",  # a ROM that reads DHCP's file name past its end
    b"\0\1cfg\0octet\0tsize\x000\0blksize\x001408\0\0\0\0",  # PXELINUX, with garbage after the end
    b"\0\1cfg\0OCTET\0TSIZE\x000\0BlkSize\x001432\0",  # upper case, as RFC 2347 allows
    b"\0\1cfg\0octet\0multicast\0\0blksize\x001432\0tsize\x000\0",  # iPXE's tftm, an empty value
    b"\0\1dc5a3ec1/start4.elf\0octet\0tsize\x000\0blksize\x001024\0",  # Raspberry Pi 4, by its serial
    b"\0\1kernel\0octet\0timeout\x005\0tsize\x000\0blksize\x001468\0",  # U-Boot
    b"\0\1cfg\0octet\0retries\x001000000\0default_timeout\x001\0mode\0mail\0",  # what made fbtftp an amplifier
    b"\0\1cfg\0netascii\0blksize\x008\0windowsize\x0065535\0timeout\x00255\0tsize\x000\0",  # the extremes
    encode(Request(Opcode.WRQ, "upload", Mode.OCTET)),
    encode(Ack(1)),
    encode(Data(1, b"x" * 40)),
    encode(Error(8, "User aborted the transfer")),
    encode(OptionAck((("blksize", "512"),))),
]
REPLIES = [
    *(encode(Ack(block)) for block in (0, 0, 1, 1, 2, 4, 16, 64, 65535)),
    encode(Ack(1)) + bytes(26),  # padded to the shortest Ethernet frame
    *(encode(Error(code, "TFTP Aborted")) for code in (0, 3, 4, 5, 8)),
    b"\0\5\0\4",
    b"\0\5\0\4Malformatted OACK packet",
    b"\0\5\xff\xff" + b"\x1b" * 600,
    *(b"", b"\0", b"\0\4", b"\0\4\0", b"\0\5", b"\0\0\0\0", b"\xff" * 2000),
]
TREASURES = [b"\0", b"\0\0", b"\xff", b"../", b"%s%n", b"tsize\0", b"65536\0", b"-1\0", b"9" * 30, b"/" * 600, b"\x80"]


def mutated(datagram: bytes, random: Random) -> bytes:
    """None to four changes: a bit turned, a piece cut, doubled, or put in, a splice with another."""
    data = bytearray(datagram)
    for _ in range(random.choice((0, 0, 1, 1, 1, 2, 4))):
        at = random.randint(0, len(data))
        end = min(len(data), at + random.randint(1, 8))
        match random.randrange(6):
            case 0 if data:
                data[at % len(data)] ^= 1 << random.randrange(8)
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end]
            case 3:
                data[at:at] = random.choice(TREASURES)
            case 4:
                data[at:] = random.choice(SEEDS)[at:]
            case _:
                data[at:at] = random.randbytes(random.randint(1, 20))
    return bytes(data)


class Ledger:
    """What was sent to whom; the channels that live; nothing too long, neither before a first ACK nor after."""

    def __init__(self) -> None:
        self.bytes: Counter[str] = Counter()
        self.count = 0
        self.sent: list[tuple[str, bytes]] = []
        self.channels: list[Any] = []
        self.acked: set[int] = set()
        self.longest_request = 0

    def __call__(self, channel: Any, datagram: bytes) -> None:
        self.bytes[channel.peer[0]] += len(datagram)
        self.count += 1
        self.sent.append((channel.peer[0], datagram))
        self.channels.append(channel)
        if id(channel) not in self.acked:
            self._check(datagram)
        elif isinstance(packet := parse(datagram), Error):
            assert len(datagram) <= LONGEST_ERROR
        else:
            assert isinstance(packet, Data | OptionAck)
            assert len(datagram) <= 4 + MTU_BLKSIZE

    def _check(self, datagram: bytes) -> None:
        packet = parse(datagram)
        match packet:
            case Error():
                assert len(datagram) <= LONGEST_ERROR
            case OptionAck():
                assert len(datagram) <= self.longest_request + 20
            case Data(block):
                assert block == 1
                assert len(datagram) <= 516
            case _:
                pytest.fail(f"a server sent {packet}")


@pytest.mark.parametrize("seed", [1, 2])
def test_fuzzed_datagrams_do_nothing(plane: Plane, root: Path, seed: int) -> None:
    """At the server port and at the transfers' own: no crash, no reply longer than allowed, no session left over.

    Nothing but a request is answered at the server port, and no ERROR anywhere.
    """
    random, ledger = Random(seed), Ledger()
    limits = Limits(uncounted=(), requests_per_second=500, sessions=2000)
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup, limits=limits)
    for number in range(DATAGRAMS // 2):
        before = ledger.count
        if ledger.channels and random.random() < 0.4:
            channel = ledger.channels[-1 - random.randrange(min(50, len(ledger.channels)))]
            datagram = random.choice(REPLIES if random.random() < 0.8 else SEEDS)
            datagram = datagram if random.random() < 0.5 else mutated(datagram, random)
            ledger.acked.add(id(channel))
            channel.receive(datagram)
            is_answered = datagram[:2] == ACK
        else:
            datagram = mutated(random.choice(SEEDS), random)
            ledger.longest_request = len(datagram)
            peer = random.choice(("198.51.100.", "2001:db8::")) + str(random.randrange(250))
            world.request(datagram, (peer, random.randrange(65536)))
            is_answered = datagram[:2] in (RRQ, WRQ)
        assert is_answered or ledger.count == before, f"{datagram!r} was answered"
        ledger.longest_request = 2000  # time may send old ones again
        if number % 20 == 0:
            world.advance(0.05)
            ledger.channels[:-50] = []
            ledger.sent.clear()
    world.advance(1400)  # a client that has ACKed may have wished for 255 s, five times
    assert len(world.reception.table) == 0
    assert not world.reception._opening
    assert world.loop.wheel.is_empty
    counted = world.loop.stats.snapshot()
    assert counted["faults"] == 0
    for name in ("requests", "malformed", "unexpected", "timed_out", "not_found", "refused", "aborted_by_client"):
        assert counted[name] > DATAGRAMS / 5000, name
    print(f"{DATAGRAMS // 2} datagrams: { ({name: count for name, count in counted.items() if count}) }")


async def some_handler(request: ReadRequest) -> bytes | Stream:
    """Content of each kind that a handler may give, and its faults, by the length of the name."""
    match 0 if request.filename == "empty" else 1 + len(request.filename) % 4:
        case 0:
            return b""
        case 4:
            return Stream(io.BytesIO(bytes(5000)).read, None, lambda: None)
        case 1:
            return bytes(3000)
        case 2:
            raise RuntimeError(request.filename)
        case _:
            return bytes(100)


@pytest.mark.parametrize(
    ("handler", "settings"),
    [
        pytest.param(None, {}, id="files"),
        pytest.param(some_handler, {}, id="handler"),
        pytest.param(None, {"single_port": True}, id="single-port"),
    ],
)
def test_fuzzed_datagrams_do_nothing_to_a_real_server(
    serve: Plane, connect: Plane, handler: object, settings: dict[str, Any]
) -> None:
    """Over sockets: to its port, and from the clients of transfers under way to theirs. Then it serves as before."""
    random = Random(3)
    quick = Pace(timeout_s=0.05, longest_wait_s=0.1, resends=2)
    off: dict[str, Any] = {"requests_per_second": 0, "errors_per_second": 0, "unacked_bytes": 0}
    limits = Limits(uncounted=(), pace=quick, **off, **settings)
    served = serve(handler, limits=limits, on_event=None)
    wires = [connect(served.port) for _ in range(20)]
    for wire in wires:
        wire.sock.setblocking(False)
    for number in range(REAL_DATAGRAMS):
        wire = wires[number % len(wires)]
        if number % 200 < 100:
            wire.other = wire.server
        with suppress(BlockingIOError):
            while True:
                datagram, sender = wire.sock.recvfrom(65536)
                wire.other = (sender[0], sender[1])
                assert not isinstance(parse(datagram), Request)
                assert len(datagram) <= 65468
        datagram = random.choice(SEEDS if wire.other == wire.server or random.random() < 0.1 else REPLIES)
        wire.send(datagram if random.random() < 0.3 else mutated(datagram, random))
    last = connect(served.port)
    last.sock.settimeout(0.5)
    for _ in range(20):  # what came before may fill the socket
        last.ask("empty")
        with suppress(TimeoutError):
            assert last.receive() == Data(1, b"")
            break
    last.ack(1)
    served.server.stop(grace_s=1.0)
    counted = served.server.counters()
    assert (counted["faults"], counted["active"]) == (0, 0)
    assert min(counted[name] for name in ("requests", "malformed", "unexpected")) > 10
    assert counted["failed" if handler else "not_found"] > 10
    assert counted["completed"] >= 1
    print(f"{REAL_DATAGRAMS} datagrams: { ({name: count for name, count in counted.items() if count}) }")


ASKING = [pytest.param(seed, id=repr(seed[2:40])) for seed in SEEDS[:9]] + [
    pytest.param(rrq("kernel", ("tsize", "0")), id="shortest-with-a-size"),
    pytest.param(rrq("kernel", ("timeout", "1"), ("tsize", "0"), ("windowsize", "64")), id="impatient"),
]


def over_a_minute(plane: Plane, root: Path, datagram: bytes) -> list[bytes]:
    """All that one forged request makes the server send within 60 seconds."""
    ledger = Ledger()
    ledger.longest_request = len(datagram)
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup, limits=Limits())
    world.request(datagram, CLIENT)
    world.advance(60)
    assert len(world.reception.table) == 0
    return [sent for _, sent in ledger.sent]


@pytest.mark.parametrize("datagram", ASKING)
def test_with_options_a_forged_request_is_answered_with_four_times_its_bytes_at_most(
    plane: Plane, root: Path, datagram: bytes
) -> None:
    """OACKs alone, or one ERROR: no DATA goes to an address that has acknowledged nothing."""
    sent = over_a_minute(plane, root, datagram)
    assert {packet[1] for packet in sent} <= {Opcode.OACK, Opcode.ERROR}
    assert 1 <= len(sent) <= 3
    assert sum(map(len, sent)) <= 4 * len(datagram)
    assert sum(len(packet) + UDP_OVERHEAD for packet in sent) <= 4 * (len(datagram) + UDP_OVERHEAD)


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(rrq("kernel"), id="no-options"),
        pytest.param(rrq("kernel", ("nonsense", "1")), id="unknown"),
        pytest.param(rrq("kernel", ("blksize", "0")), id="out-of-range"),
        pytest.param(
            rrq("kernel", ("retries", "1000000"), ("default_timeout", "1"), ("mode", "netascii")), id="fbtftps-own"
        ),
        pytest.param(rrq("kernel", ("resends", "99"), ("opening_sends", "99"), ("timeout_s", "0.1")), id="our-own"),
    ],
)
def test_without_options_a_forged_request_brings_three_copies_of_one_block(
    plane: Plane, root: Path, datagram: bytes
) -> None:
    """With pauses that double; then silence. An option that is not granted is none, and no setting of ours."""
    sent = over_a_minute(plane, root, datagram)
    assert len(sent) == 3
    assert set(sent) == {encode(Data(1, (root / "kernel").read_bytes()[:512]))}


def test_the_copies_are_backed_off(plane: Plane, root: Path) -> None:
    """At 0, 1 and 3 seconds (a tick more)."""
    times: list[float] = []
    world = plane(on_sent=lambda channel, datagram: times.append(world.now), fast=StaticRoot(root).lookup)
    world.request(rrq("kernel"), CLIENT)
    world.advance(60)
    assert times == pytest.approx([0.0, 1.0, 3.0], abs=0.2)


@pytest.mark.parametrize("ports", ["all", "one"])
@pytest.mark.parametrize("datagram", [rrq("kernel"), SEEDS[3]], ids=["plain", "with-options"])
def test_thousands_forged_from_one_address_bring_it_no_more_than_its_budget(
    plane: Plane, root: Path, datagram: bytes, ports: str
) -> None:
    """20,000 requests a minute from ports of its own, or the same one again and again; others are served meanwhile."""
    limits, ledger, random = Limits(unacked_bytes=64 << 10), Ledger(), Random(1)
    ledger.longest_request = len(datagram)
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup, limits=limits)
    for number in range(20_000):
        port = random.randrange(1024, 65536) if ports == "all" else 2070 + number // 1000
        world.request(datagram, (CLIENT[0], port))
        if number % 17 == 0:
            world.advance(0.05)
    assert world.now == pytest.approx(60, abs=2)
    assert ledger.bytes[CLIENT[0]] <= limits.unacked_bytes
    assert world.loop.stats.over_unacked > 10_000
    world.request(datagram, ("198.51.100.8", 2070))
    assert ledger.bytes["198.51.100.8"] > 0
    world.advance(120)
    world.request(datagram, CLIENT)
    assert ledger.sent[-1][0] == CLIENT[0], "and it is forgiven"


def test_requests_by_turns_from_one_port_are_within_the_budget_too(plane: Plane, root: Path) -> None:
    """Each takes the place of the one before, and so gets a first reply."""
    limits, ledger = Limits(unacked_bytes=64 << 10), Ledger()
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup, limits=limits)
    for number in range(4000):
        world.request(rrq("kernel" if number % 2 else "cfg"), CLIENT)
    world.advance(59)
    assert ledger.bytes[CLIENT[0]] <= limits.unacked_bytes


def test_a_flood_of_misses_and_of_nonsense_gets_few_errors(plane: Plane, root: Path) -> None:
    """Five times the rate at once, then the rate; other clients have their own."""
    ledger = Ledger()
    limits = Limits(requests_per_second=0, errors_per_second=10)
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup, limits=limits)
    for datagram in (rrq("nope"), b"\0\1broken", encode(Request(Opcode.WRQ, "x", Mode.OCTET))) * 1000:
        world.request(datagram, CLIENT)
    assert len(ledger.sent) == 50
    world.advance(1)
    for _ in range(100):
        world.request(rrq("nope"), CLIENT)
    assert len(ledger.sent) == 60
    assert world.loop.stats.over_errors == 3040
    world.request(rrq("nope"), ("198.51.100.8", 2070))
    assert len(ledger.sent) == 61


def test_a_flood_that_fills_the_table_keeps_no_client_out(plane: Plane, root: Path) -> None:
    """Forged requests have no ACK, so the oldest of them gives its place; a transfer that moves never does."""
    ledger, limits = Ledger(), Limits(sessions=100)
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup, limits=limits)
    moving = []
    for number in range(20):
        world.request(rrq("kernel"), ("198.51.100.9", 3000 + number))
        moving.append(ledger.channels[-1])
        ledger.acked.add(id(moving[-1]))
        moving[-1].receive(encode(Ack(1)))
    patient = rrq("kernel", ("timeout", "255"), ("tsize", "0"))
    ledger.longest_request = len(patient)
    for number in range(5000):
        world.request(patient, (f"10.0.{number // 250}.{number % 250}", 2070))
        if number % 50 == 0:
            world.request(rrq("kernel"), (CLIENT[0], 10_000 + number))
            client = ledger.channels[-1]
            assert client.peer[0] == CLIENT[0]
            ledger.acked.add(id(client))
            client.receive(encode(Ack(1)))
            assert ledger.sent[-1] == (CLIENT[0], encode(Data(2, (root / "kernel").read_bytes()[512:1024])))
            client.receive(encode(Error(0, "enough")))
    assert all(channel.is_live for channel in moving)
    assert len(world.reception.table) == 100
    world.advance(25)
    assert len(world.reception.table) == 20, "whatever timeout they name, they are gone in half a minute"


def test_a_table_full_of_transfers_that_move_takes_no_more(plane: Plane, root: Path) -> None:
    """Then the request is dropped, and the client asks again."""
    ledger = Ledger()
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup, limits=Limits(sessions=10))
    for number in range(12):
        world.request(rrq("kernel"), (CLIENT[0], 3000 + number))
        ledger.acked.add(id(ledger.channels[-1]))
        ledger.channels[-1].receive(encode(Ack(1)))
    assert (len(world.reception.table), world.loop.stats.over_sessions) == (10, 2)


def test_requests_past_the_rate_are_dropped_before_any_work(plane: Plane) -> None:
    """No look-up, no answer; the counter says which."""
    looked_up: list[str] = []

    def fast(request: Any) -> bytes:
        looked_up.append(request.filename)
        return b""

    world = plane(on_sent=Ledger(), fast=fast, limits=Limits(requests_per_second=2))
    for port in range(2000, 2050):
        world.request(rrq("f"), (CLIENT[0], port))
    assert (len(looked_up), world.loop.stats.over_requests) == (10, 40)


def test_a_client_that_acknowledges_is_never_out_of_budget(plane: Plane, root: Path) -> None:
    """3,000 reads without options from one address, within seconds: each ACK gives back what was charged."""
    ledger = Ledger()
    limits = Limits(unacked_bytes=8 << 10, requests_per_second=0)
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup, limits=limits)
    for number in range(3000):
        world.request(rrq("empty"), (CLIENT[0], 2000 + number))
        channel = ledger.channels[-1]
        channel.receive(encode(Ack(1)))
        assert not channel.is_live
    assert (world.loop.stats.completed, world.loop.stats.over_unacked) == (3000, 0)


def test_long_transfers_give_their_charge_back_when_they_move(plane: Plane, root: Path) -> None:
    """Not only at their end: a rack that reads a kernel does not keep the next rack waiting."""
    ledger = Ledger()
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup, limits=Limits(unacked_bytes=8 << 10))
    for number in range(100):
        world.request(rrq("kernel"), (CLIENT[0], 2000 + number))
        ledger.acked.add(id(ledger.channels[-1]))
        ledger.channels[-1].receive(encode(Ack(1)))
        world.advance(0.1)
    assert (len(world.reception.table), world.loop.stats.over_unacked) == (100, 0)


def test_who_is_not_ours_gets_silence(plane: Plane, root: Path) -> None:
    """The hook says who is; a write request of a stranger is dropped as well."""
    ledger = Ledger()
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup, known=lambda address: address == CLIENT[0])
    for datagram in (rrq("cfg"), rrq("nope"), b"\0\1broken", encode(Request(Opcode.WRQ, "x", Mode.OCTET))):
        world.request(datagram, ("203.0.113.5", 2070))
    assert (ledger.sent, world.loop.stats.unknown_client) == ([], 4)
    world.request(rrq("cfg"), CLIENT)
    assert len(ledger.sent) == 1


def test_an_error_is_never_answered(plane: Plane, root: Path) -> None:
    """Neither at the server port nor at a transfer's."""
    ledger = Ledger()
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup)
    world.request(encode(Error(4, "x")), CLIENT)
    world.request(rrq("kernel"), CLIENT)
    ledger.channels[-1].receive(encode(Error(0, "closed")))
    world.advance(60)
    assert len(ledger.sent) == 1


def sharers(serve: Plane, connect: Plane, limits: Limits) -> tuple[Any, list[Any]]:
    """Clients with transfers under way, of which some share a port of the server."""
    served = serve(limits=limits)
    wires = [connect(served.port) for _ in range(4)]
    for wire in wires:
        wire.ask("kernel")
        assert wire.receive() == Data(1, bytes(range(256)) * 2)
    return served, wires


def test_a_flood_of_strays_gets_few_errors(serve: Plane, connect: Plane) -> None:
    """Somebody found the port of a transfer: he gets no more ERRORs than for requests, and the transfer goes on."""
    limits = Limits(uncounted=(), errors_per_second=1, pace=Pace(timeout_s=30.0))
    served, wires = sharers(serve, connect, limits)
    stray = connect(wires[-1].other[1])
    for _ in range(200):
        for datagram in (encode(Ack(1)), encode(Data(1, b"x")), encode(Error(5, "x")), b"\0\6", b"", b"\0\1x"):
            stray.sock.sendto(datagram, wires[-1].other)
    wires[-1].ack(1)
    assert isinstance(wires[-1].receive(), Data)
    stray.sock.settimeout(0.5)
    answers = []
    with suppress(TimeoutError):
        while True:
            answers.append(stray.receive())
    assert set(answers) == {Error(5, "unknown transfer ID")}
    assert len(answers) <= 10
    assert served.server.counters()["strays"] > 100


def test_strays_of_strangers_get_silence(serve: Plane, connect: Plane) -> None:
    """Only clients of ours hear of a wrong port."""
    limits = Limits(allowed=(ip_network("127.0.0.1/32"),), pace=Pace(timeout_s=30.0))
    served, wires = sharers(serve, connect, limits)
    strangers = [connect(wire.other[1], source="127.0.0.2") for wire in wires]
    for stranger, wire in zip(strangers, wires, strict=True):
        for _ in range(3):
            stranger.sock.sendto(encode(Ack(0)), wire.other)
    for wire in wires:
        wire.ack(1)
        assert isinstance(wire.receive(), Data)
    assert all(stranger.is_silent() for stranger in strangers)
    assert served.server.counters()["strays"] > 0


def test_an_oack_longer_than_the_blocks_agreed_comes_whole(serve: Plane, connect: Plane) -> None:
    """The fuzz found it cut to pieces: the kernel was told to cut sends into blocks of 8 bytes. Over real sockets."""
    wire = connect(serve().port)
    wire.ask("kernel", ("blksize", "8"), ("windowsize", "4"), ("timeout", "5"), ("tsize", "0"))
    granted = (("blksize", "8"), ("windowsize", "4"), ("timeout", "5"), ("tsize", "1024000"))
    assert wire.receive() == OptionAck(granted)
    wire.ack(0)
    assert [wire.receive() for _ in range(4)] == [Data(n + 1, bytes(range(8 * n, 8 * n + 8))) for n in range(4)]


def test_a_late_copy_of_a_request_does_not_end_its_transfer(plane: Plane, root: Path) -> None:
    """The network may double a request and hold the copy back past the first ACK; later it means a new beginning."""
    ledger = Ledger()
    world = plane(on_sent=ledger, fast=StaticRoot(root).lookup)
    world.request(rrq("kernel"), CLIENT)
    channel = ledger.channels[-1]
    ledger.acked.add(id(channel))
    channel.receive(encode(Ack(1)))
    world.request(rrq("kernel"), CLIENT)
    assert channel.is_live
    assert (world.loop.stats.repeats, world.loop.stats.replaced, len(ledger.sent)) == (1, 0, 2)
    for block in range(2, 12):
        world.advance(0.5)
        channel.receive(encode(Ack(block)))
    world.request(rrq("kernel"), CLIENT)
    assert not channel.is_live
    assert (world.loop.stats.replaced, ledger.sent[-1][1][:4]) == (1, encode(Data(1, b"")))


def test_a_stream_that_may_not_be_sent_is_closed(serve: Plane, connect: Plane) -> None:
    """Its address is out of budget: no datagram, and nothing of the content stays open."""
    closed: queue.SimpleQueue[str] = queue.SimpleQueue()

    async def handler(request: Any) -> Stream:
        return Stream(lambda count: b"", None, lambda: closed.put("closed"))

    served = serve(handler, limits=Limits(uncounted=(), unacked_bytes=100))
    connect(served.port).ask("x")
    assert closed.get(timeout=10) == "closed"
    assert served.server.counters()["over_unacked"] == 1
