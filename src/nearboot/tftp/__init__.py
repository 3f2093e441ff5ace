"""A TFTP read server and client: RFC 1350 with options (2347, 2348, 2349), windows (7440), IPv4 and IPv6.

It stands by itself: of nearboot it needs the exception tree alone. Content comes from a handler, a coroutine off the
data plane, or from a function that does not block; ``StaticRoot`` is both, for a directory.

    async def handler(request: ReadRequest) -> Content:
        return f"hello {request.client[0]}".encode()

    with TftpServer(handler, host="::", port=69):
        ...

    python -m nearboot.tftp ROOT --host :: --port 69
"""

from nearboot.tftp.activation_runner import listening, shared_out
from nearboot.tftp.client import read, read_to
from nearboot.tftp.content import Content, FileContent, Stream, Tally
from nearboot.tftp.limits import Limits
from nearboot.tftp.live import LiveState, LiveTransfer
from nearboot.tftp.notify_runner import notify, watchdog_s
from nearboot.tftp.options import Policy
from nearboot.tftp.packet import Mode
from nearboot.tftp.privilege_runner import become, unreadable
from nearboot.tftp.request import Fast, Handler, Outcome, ReadRequest, TransferEvent
from nearboot.tftp.server import TftpServer, raise_file_limit
from nearboot.tftp.store import StaticRoot, file_content
from nearboot.tftp.supervisor_runner import run_workers
from nearboot.tftp.transfer import Pace, Rollover
from nearboot.tftp.worker_runner import Worker, block_stops, wait_for_stop

__all__ = [
    "Content",
    "Fast",
    "FileContent",
    "Handler",
    "Limits",
    "LiveState",
    "LiveTransfer",
    "Mode",
    "Outcome",
    "Pace",
    "Policy",
    "ReadRequest",
    "Rollover",
    "StaticRoot",
    "Stream",
    "Tally",
    "TftpServer",
    "TransferEvent",
    "Worker",
    "become",
    "block_stops",
    "file_content",
    "listening",
    "notify",
    "raise_file_limit",
    "read",
    "read_to",
    "run_workers",
    "shared_out",
    "unreadable",
    "wait_for_stop",
    "watchdog_s",
]
