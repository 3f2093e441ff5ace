"""A TFTP server of one's own on several processor cores: python workers.py [PORT]"""

import sys

from nearboot import tftp

WORKERS = 2


async def handler(request: tftp.ReadRequest) -> tftp.Content:
    if request.filename == "hello":
        return f"hello {request.client[0]}\n".encode()
    raise FileNotFoundError(request.filename)


def work(worker: tftp.Worker) -> None:
    """In a process of its own: whatever it needs (a database, threads) it opens here, and its parent does not."""
    tftp.block_stops()
    server = tftp.TftpServer(handler, sockets=worker.sockets)
    server.start()
    worker.ready("")
    tftp.wait_for_stop(worker)
    server.stop(grace_s=5.0)


if __name__ == "__main__":
    sockets = tftp.listening("::", int(sys.argv[1]) if sys.argv[1:] else 6969, workers=WORKERS)
    port = sockets[0].getsockname()[1]
    shares = tftp.shared_out(sockets, workers=WORKERS)
    sys.exit(tftp.run_workers(work, shares, grace_s=10.0, on_ready=lambda note: print(f"port {port}", flush=True)))
