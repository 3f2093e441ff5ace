"""TFTP benchmarks that anyone can run from a checkout, on Linux, with a C compiler. What counts are ratios.

    python tests/bench/bench_tftp.py compare --rounds 5       # against the peers installed and the physical limit
    python tests/bench/bench_tftp.py many --clients 10000     # so many reads at once of one server, and its memory
    python tests/bench/bench_tftp.py distance                 # a large file at 150 ms of round trip
    python tests/bench/bench_tftp.py plane                    # the data plane's own work against bare system calls

``--json`` before the word gives JSON. Exit code 1: something was not read whole and right.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tftp_compare
import tftp_distance
import tftp_many
import tftp_plane
from tftp_programs import OTHER_WAYS, SERVERS

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20, "B": 1}
Run = Callable[[argparse.Namespace, Path], dict[str, Any]]


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="bench_tftp") as folder:
        path = Path(folder)
        path.chmod(0o755)  # some peers give up root before they open a file
        result = arguments.run(arguments, path)
    print(json.dumps(result, indent=1) if arguments.json else arguments.text(result))
    return 0 if result.get("whole", True) else 1


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench_tftp.py", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON")
    commands = parser.add_subparsers(required=True, metavar="compare|many|distance|plane")

    all_servers = [*SERVERS, *OTHER_WAYS]
    compare = commands.add_parser("compare", help="nearboot, the peers installed and the limit, case by case")
    compare.add_argument("--rounds", type=int, default=3, help="measure each case so often; medians count (default 3)")
    compare.add_argument("--servers", type=names, default=None, metavar="A,B", help=f"of: {', '.join(all_servers)}")
    compare.add_argument("--cases", type=names, default=None, metavar="A,B", help="only these")
    compare.set_defaults(
        run=lambda a, folder: tftp_compare.compare(folder, rounds=a.rounds, servers=a.servers, cases=a.cases),
        text=tftp_compare.as_text,
    )

    many = commands.add_parser("many", help="reads at once by one server process, and its memory for each")
    many.add_argument("--clients", type=int, default=10_000)
    many.add_argument("--size", type=size, default=10**6, help="of the file, as 1MB (the default)")
    many.add_argument("--windowsize", type=int, default=1)
    many.add_argument("--single-port", action="store_true", help="all transfers on the server's own port")
    many.set_defaults(
        run=lambda a, folder: tftp_many.many(
            folder, clients=a.clients, size=a.size, windowsize=a.windowsize, is_single_port=a.single_port
        ),
        text=tftp_many.as_text,
    )

    far = commands.add_parser("distance", help="windowsize by blksize over a long round trip")
    far.add_argument("--size", type=size, default=80 * 10**6, help="of the file, as 80MB (the default)")
    far.add_argument("--rtt-ms", type=float, default=150.0)
    far.add_argument("--measure-s", type=float, default=600.0, help="what takes longer is computed from a part")
    far.set_defaults(
        run=lambda a, folder: tftp_distance.distance(folder, size=a.size, rtt_ms=a.rtt_ms, measure_s=a.measure_s),
        text=tftp_distance.as_text,
    )

    plane = commands.add_parser("plane", help="what the data plane costs above the bare system calls")
    plane.set_defaults(run=lambda a, folder: tftp_plane.plane(folder), text=tftp_plane.as_text)
    return parser


def names(text: str) -> list[str]:
    """An argparse type."""
    return text.split(",")


def size(text: str) -> int:
    """An argparse type: bytes, with a unit or without."""
    number = text.rstrip("BKMGibkmg")
    return int(float(number) * UNITS[text[len(number) :].upper() or "B"])


if __name__ == "__main__":
    sys.exit(main())
