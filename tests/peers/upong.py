"""UdpPinger's responder as its source has it, loops and all: ``upong.py HOST PORT``; tells its count at SIGTERM."""

from __future__ import annotations

import signal
import socket
import sys
import time

SIZE = 32


def main(host: str, port: int) -> None:
    """Echo the first 32 bytes of whatever comes, with the times of its coming and going in their places."""
    count = 0

    def stop(*_: object) -> None:
        print(f"upong answered={count}", flush=True)
        sys.exit()

    signal.signal(signal.SIGTERM, stop)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        print(f"upong ready on port {sock.getsockname()[1]}", flush=True)
        while True:
            datagram, peer = sock.recvfrom(SIZE)
            if len(datagram) == SIZE:
                now = (time.time_ns() // 1000 % (1 << 32)).to_bytes(4, "big")
                sock.sendto(datagram[:8] + now + now + datagram[16:], peer)
                count += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
