"""``python -m nearboot.tftp ROOT --host H --port P``: a directory served read-only until SIGTERM or SIGINT.

Exit codes: 0 stopped by a signal; 1 it could not start (no such root, port in use); 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import sys
from collections.abc import Sequence
from ipaddress import ip_network

from nearboot.errors import NearbootError
from nearboot.tftp.activation_runner import listening, shared_out
from nearboot.tftp.limits import Limits, Prefix
from nearboot.tftp.notify_runner import notify
from nearboot.tftp.options import Policy
from nearboot.tftp.privilege_runner import become
from nearboot.tftp.request import Outcome, TransferEvent
from nearboot.tftp.server import TftpServer, raise_file_limit
from nearboot.tftp.store import StaticRoot
from nearboot.tftp.supervisor_runner import run_workers
from nearboot.tftp.transfer import Rollover
from nearboot.tftp.worker_runner import Worker, block_stops, wait_for_stop

PROGRAM = "nearboot.tftp"
ENDING_S = 10.0
"""What a worker may take past its transfers' grace: its last events."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal; the exit code."""
    arguments = parser().parse_args(argv)
    raise_file_limit()
    try:
        return run(arguments)
    except OSError as error:
        where = f"{arguments.host} port {arguments.port}: " if error.errno else ""
        print(f"{PROGRAM}: {where}{error.strerror or error}", file=sys.stderr)
    except NearbootError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
    return 1


def run(arguments: argparse.Namespace) -> int:
    """Take the port, give up root, start the workers."""
    sockets = listening(arguments.host, arguments.port, workers=arguments.workers)
    host, port = sockets[0].getsockname()[:2]
    if arguments.user:
        become(arguments.user)
    root = StaticRoot(arguments.root, on_note=warn)

    def say_ready(note: str) -> None:
        print(f"serving root={arguments.root} host={host} port={port} workers={arguments.workers}", flush=True)
        notify("READY=1", f"STATUS=serving {root.root} on {host} port {port} with {arguments.workers} workers")

    return run_workers(
        lambda worker: serve(worker, root, arguments),
        shared_out(sockets, workers=arguments.workers),
        grace_s=arguments.grace_s + ENDING_S,
        on_ready=say_ready,
        holds=arguments.single_port,
    )


def serve(worker: Worker, root: StaticRoot, arguments: argparse.Namespace) -> None:
    """One worker's work."""
    block_stops()
    server = TftpServer(
        root.read,
        fast=root.lookup,
        on_event=report if arguments.verbose else None,
        limits=limits(arguments).share(arguments.workers),
        sockets=worker.sockets,
    )
    server.start()
    worker.ready("")
    gc.collect()
    gc.freeze()
    wait_for_stop(worker)
    server.stop(grace_s=arguments.grace_s)
    which = "" if worker.is_alone else f"worker={worker.index} "
    print(f"stopped {which}counters={json.dumps(server.counters())}", flush=True)


def limits(arguments: argparse.Namespace) -> Limits:
    return Limits(
        sessions=arguments.sessions,
        sessions_per_client=arguments.sessions_per_client,
        allowed=tuple(arguments.allow),
        requests_per_second=arguments.requests_per_second,
        errors_per_second=arguments.errors_per_second,
        unacked_bytes=arguments.unacked_kib << 10,
        cache_bytes=arguments.cache_mb << 20,
        policy=Policy(
            blksize=arguments.max_blksize,
            windowsize=arguments.max_windowsize,
            clamp_to_mtu=not arguments.allow_fragments,
        ),
        rollover=Rollover.ONE if arguments.rollover == 1 else Rollover.ZERO,
        single_port=arguments.single_port,
    )


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nearboot.tftp", description="Serve a directory over TFTP, read-only."
    )
    add = parser.add_argument
    add("root", metavar="ROOT", help="the directory; nothing outside of it is served")
    add("--host", default="::", help="address to listen on (default ::, IPv6 and IPv4)")
    add("--port", type=port, default=69, help="UDP port (default 69; 0: any free one)")
    add("--max-blksize", type=bounded(8, 65464), default=65464, metavar="BYTES", help="grant blocks up to this size")
    add(
        "--max-windowsize",
        type=bounded(1, 65535),
        default=64,
        metavar="BLOCKS",
        help="grant windows up to this (default 64)",
    )
    add("--allow-fragments", action="store_true", help="grant blocks that are larger than the MTU")
    add("--single-port", action="store_true", help="send all from the server's port, for containers and NAT")
    add(
        "--rollover",
        type=int,
        choices=(0, 1),
        default=0,
        help="the block number after 65535 (default 0, as most expect)",
    )
    add("--cache-mb", type=bounded(1, 1 << 20), default=256, metavar="MB", help="memory for content (default 256)")
    add(
        "--workers",
        type=bounded(1, 256),
        default=1,
        metavar="N",
        help="processes on the port, each with its own memory for content (default 1)",
    )
    add("--user", metavar="NAME[:GROUP]", help="give up root for this user once the port is bound")
    add("--grace-s", type=seconds, default=5.0, metavar="S", help="seconds for transfers to end on a stop (default 5)")
    add("-v", "--verbose", action="store_true", help="print a line for each request")
    add_limits(parser)
    return parser


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Who is served, and how much one client may cause."""
    group = parser.add_argument_group(
        "limits", "Several workers share what is allowed to an address; each has as many transfers as these say."
    )
    add, own = group.add_argument, Limits()
    add(
        "--allow",
        type=prefix,
        action="append",
        default=[],
        metavar="PREFIX",
        help="answer only clients of this prefix, as 10.0.0.0/8 or 2001:db8::/32; may be given again (default: all)",
    )
    add(
        "--requests-per-second",
        type=rate,
        default=own.requests_per_second,
        metavar="N",
        help="for each client address, and five times that at once; 0: no limit (default %(default)g)",
    )
    add(
        "--errors-per-second",
        type=rate,
        default=own.errors_per_second,
        metavar="N",
        help="to each client address, and five times that at once; 0: no limit (default %(default)g)",
    )
    add(
        "--unacked-kib",
        type=bounded(0, 1 << 20),
        default=own.unacked_bytes >> 10,
        metavar="N",
        help="a minute to a client address that acknowledges nothing; 0: no limit (default %(default)s)",
    )
    add(
        "--sessions",
        type=bounded(1, 1 << 20),
        default=own.sessions,
        metavar="N",
        help="transfers at once (default %(default)s)",
    )
    add(
        "--sessions-per-client",
        type=bounded(1, 1 << 20),
        default=own.sessions_per_client,
        metavar="N",
        help="transfers at once of each client address (default %(default)s)",
    )


def bounded(low: int, high: int) -> type[int]:
    """An argparse type: a whole number from ``low`` to ``high``."""

    def number(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not within {low} to {high}")
        return value

    return number  # type: ignore[return-value]  # argparse takes any callable; its message names this function


def prefix(text: str) -> Prefix:
    """An argparse type."""
    try:
        return ip_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; expected such as 10.0.0.0/8 or 2001:db8::/32") from error


def rate(text: str) -> float:
    """An argparse type: a number that is not negative."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 on")
    return value


def seconds(text: str) -> float:
    """An argparse type: a time that is not negative."""
    return rate(text)


def port(text: str) -> int:
    return bounded(0, 65535)(text)


def report(event: TransferEvent) -> None:
    """One line for each finished request, key=value; file names escaped, since clients choose them."""
    error = f" error={event.error!r}" if event.error else ""
    stream = sys.stderr if event.outcome is Outcome.FAILED else sys.stdout
    print(
        f"{event.finished_at.isoformat(timespec='milliseconds')} outcome={event.outcome.value} file={event.filename!r}"
        f" client={event.client[0]} port={event.client[1]} server={event.server} bytes={event.bytes_sent}"
        f" blksize={event.blksize} windowsize={event.windowsize} retransmits={event.retransmits}"
        f" seconds={event.duration_s:.3f}{error}",
        file=stream,
        flush=True,
    )


def warn(note: str) -> None:
    print(
        f"nearboot.tftp: {note!r}" if not note.isprintable() else f"nearboot.tftp: {note}", file=sys.stderr, flush=True
    )


if __name__ == "__main__":
    sys.exit(main())
