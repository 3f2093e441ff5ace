"""The sockets to serve on: those that systemd passed (sd_listen_fds(3)), else newly bound ones; shared out to workers.

A worker has a socket of its own in a SO_REUSEPORT group: the kernel chooses it by the client's address and port, so a
repeated request reaches the same worker. Where systemd passed fewer sockets than there are workers, workers share one:
whoever wakes first takes the request, so a repeat may start a second transfer, which the client refuses (RFC 1350:
ERROR 5). ``ReusePort=yes`` and as many ``ListenDatagram=`` lines as workers avoid it.

    shares = shared_out(listening("::", 69, workers=2), workers=2)
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from nearboot.errors import ConfigError
from nearboot.tftp.listener_runner import bound, prepare

FIRST_FD = 3
"""SD_LISTEN_FDS_START"""
VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
FAMILIES = (socket.AF_INET, socket.AF_INET6)


def listening(host: str, port: int, *, workers: int) -> list[socket.socket]:
    """The sockets that systemd passed, or one for each worker, bound to ``host`` and ``port``.

    OSError where the address cannot be had, ConfigError where a passed socket is of no use.
    """
    passed = passed_sockets()
    if passed:
        return passed
    # The first is bound without SO_REUSEPORT: so a port that another server of the same user has, with several workers
    # or not, is in use here too. The group is open only then.
    first = bound(host, port)
    sockets = [first]
    try:
        if workers > 1:
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        real = first.getsockname()[1]
        sockets += [bound(host, real, reuse_port=True) for _ in range(workers - 1)]
    except OSError:
        close_all(sockets)
        raise
    return sockets


def passed_sockets() -> list[socket.socket]:
    """Those that were passed to this process, ready for a listener; none: it was started otherwise.

    The variables are taken out of the environment, since a child has no such sockets.
    """
    pid, count = (os.environ.get(name, "") for name in VARIABLES[:2])
    if pid != str(os.getpid()) or not count.isdigit():
        return []
    for name in VARIABLES:
        os.environ.pop(name, None)
    sockets: list[socket.socket] = []
    try:
        for fd in range(FIRST_FD, FIRST_FD + int(count)):
            sockets.append(passed_socket(fd))  # noqa: PERF401  # those before a fault are closed
    except ConfigError:
        close_all(sockets)
        raise
    return sockets


def passed_socket(fd: int) -> socket.socket:
    """The UDP socket at ``fd``; ConfigError where it is something else."""
    expected = f"expected a bound UDP socket (ListenDatagram=) as file descriptor {fd}"
    try:
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise ConfigError(f"socket activation: {expected}: {error.strerror}") from error
    if sock.family not in FAMILIES or sock.type != socket.SOCK_DGRAM or not sock.getsockname()[1]:
        found = f"{sock.family.name} {sock.type.name} {sock.getsockname()!r}"
        sock.close()
        raise ConfigError(f"socket activation: {expected}, found {found}")
    os.set_inheritable(fd, False)
    prepare(sock)
    return sock


def shared_out(sockets: Sequence[socket.socket], *, workers: int) -> list[tuple[socket.socket, ...]]:
    """The sockets of each worker: every worker has one of each address, and each socket has a worker."""
    groups: dict[object, list[socket.socket]] = {}
    for sock in sockets:
        groups.setdefault(sock.getsockname(), []).append(sock)
    return [
        tuple(sock for group in groups.values() for sock in _share(group, worker, workers)) for worker in range(workers)
    ]


def _share(group: list[socket.socket], worker: int, workers: int) -> list[socket.socket]:
    return group[worker::workers] if len(group) >= workers else [group[worker % len(group)]]


def close_all(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        sock.close()
