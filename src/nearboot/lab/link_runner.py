"""A link between two sites as a process: carries Ethernet frames between TAPs in two namespaces, late on purpose.

For kernels without netem. It is blind to what it carries: DHCP, TFTP and HTTP all see the same line. ``select`` waits
with microseconds (``epoll`` counts milliseconds), which is enough for a delay of some milliseconds.

    python -m nearboot.lab.link_runner --a nb-x:site:ams/nb-w0 --b nb-x:site:fra/nb-w0 --delay-ms 4

prints ``link ready`` when frames pass, and its counts at the end (SIGTERM or SIGINT).
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random

from nearboot.lab.delay import DelayLine
from nearboot.lab.plan import Wire

READY = "link ready"
"""The line that the process prints once frames pass."""

_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_CLONE_NEWNET = 0x40000000
_FRAME = 65_600  # more than any frame that a TAP hands out
_BURST = 64  # frames read from one TAP before the other has its turn


def command(wire: Wire, *, python: str, seed: int = 1) -> tuple[str, ...]:
    """Give the argv of the process that carries a wire."""
    link = wire.link
    return (
        *(python, "-m", "nearboot.lab.link_runner"),
        *("--a", f"{wire.a.namespace}/{wire.a.interface}"),
        *("--b", f"{wire.b.namespace}/{wire.b.interface}"),
        *("--delay-ms", f"{link.delay_ms:g}"),
        *("--jitter-ms", f"{link.jitter_ms:g}"),
        *("--rate-mbit", f"{link.rate_mbit or 0:g}"),
        *("--loss", f"{link.loss:g}"),
        *("--seed", str(seed)),
    )


def main(argv: Sequence[str]) -> int:
    """Carry frames until a signal comes."""
    args = _parser().parse_args(argv)
    with ExitStack() as stack:
        wake, alarm = socket.socketpair()
        for end in (wake, alarm):
            stack.enter_context(end)
            end.setblocking(False)
        signal.set_wakeup_fd(alarm.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        try:
            taps = [_open(end, stack) for end in (args.a, args.b)]
        except OSError as error:
            print(f"link: cannot open the TAPs {args.a} and {args.b}: {error}", file=sys.stderr)
            return 1
        print(READY, flush=True)
        lines = [_line(args, Random(f"{args.seed} {way}")) for way in ("a-b", "b-a")]
        _carry(taps, lines, wake.fileno())
    for way, line in zip(("a-b", "b-a"), lines, strict=True):
        count = line.count
        print(f"link way={way} passed={count.passed} lost={count.lost} dropped={count.dropped}", flush=True)
    return 0


def _carry(taps: Sequence[int], lines: Sequence[DelayLine], wake: int) -> None:
    """Read from each TAP into its line; write what has arrived to the other TAP."""
    while True:
        due = min((at for line in lines if (at := line.next_due()) is not None), default=None)
        wait_s = None if due is None else max(0.0, due - time.monotonic())
        readable, _, _ = select.select([*taps, wake], [], [], wait_s)
        if wake in readable:
            return
        for tap, line in zip(taps, lines, strict=True):
            if tap in readable:
                _receive(tap, line)
        now = time.monotonic()
        for tap, line in zip(reversed(taps), lines, strict=True):
            for frame in line.ready(now):
                _send(tap, frame)


def _receive(tap: int, line: DelayLine) -> None:
    for _ in range(_BURST):
        try:
            frame = os.read(tap, _FRAME)
        except BlockingIOError:
            return
        except OSError:  # EIO: the interface is down; select reports it again when it is up
            return
        line.offer(frame, time.monotonic())


def _send(tap: int, frame: bytes) -> None:
    try:
        os.write(tap, frame)
    except OSError:
        return  # an interface that is down or full loses frames, as a real one does


def _line(args: argparse.Namespace, chance: Random) -> DelayLine:
    return DelayLine(
        delay_s=args.delay_ms / 1000,
        jitter_s=args.jitter_ms / 1000,
        rate_bps=args.rate_mbit * 1e6 or None,
        loss=args.loss,
        chance=chance,
    )


def _open(end: str, stack: ExitStack) -> int:
    """Open a TAP of another network namespace: a TAP belongs to the namespace in which it is attached."""
    namespace, _, interface = end.rpartition("/")
    with Path("/proc/self/ns/net").open("rb") as home, Path("/run/netns", namespace).open("rb") as there:
        _enter(there.fileno())
        try:
            tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            stack.callback(os.close, tap)
            fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", interface.encode(), _IFF_TAP | _IFF_NO_PI))
        finally:
            _enter(home.fileno())
    return tap


def _enter(namespace: int) -> None:
    """Move this thread to a network namespace; ``os.setns`` came with Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nearboot.lab.link_runner", description="A slow line between TAPs.")
    for name in ("--a", "--b"):
        parser.add_argument(name, required=True, metavar="NAMESPACE/TAP", help="one end of the line")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="one way")
    parser.add_argument("--jitter-ms", type=float, default=0.0, help="up to this much more, for each frame")
    parser.add_argument("--rate-mbit", type=float, default=0.0, help="0: as fast as the machine")
    parser.add_argument("--loss", type=float, default=0.0, help="share of frames lost, 0 to 1")
    parser.add_argument("--seed", type=int, default=1, help="seed of jitter and loss")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
