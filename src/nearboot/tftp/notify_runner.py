"""What systemd is told of this process: that it is ready, that it ends, how it is, that it lives (sd_notify(3)).

Not what it says of sockets, which is ``activation_runner``. Without NOTIFY_SOCKET in the environment all of it is
nothing, so a program need not know who started it.

    notify("READY=1", "STATUS=2 workers on :: port 69")
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


def notify(*lines: str) -> bool:
    """Tell systemd; False where it does not listen."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if name[:1] not in ("/", "@"):
        return False
    address = "\0" + name[1:] if name[0] == "@" else name  # an abstract socket
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto("\n".join(lines).encode(), address)
        return True
    return False


def watchdog_s() -> float | None:
    """How often, in seconds, systemd wants to hear ``WATCHDOG=1`` of this process at least; None: never."""
    owner = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    text = os.environ.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isdigit() and int(text) and owner == str(os.getpid()) else None


def forget_notify() -> None:
    """In a child: only its parent speaks to systemd."""
    for name in VARIABLES:
        os.environ.pop(name, None)
