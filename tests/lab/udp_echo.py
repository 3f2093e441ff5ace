"""Run in namespaces by the lab's tests: ``serve ADDRESS`` echoes datagrams, ``ask ADDRESS COUNT`` prints times."""

from __future__ import annotations

import socket
import sys
import time

PORT = 7007  # fixed, as each namespace has its own ports


def serve(address: str) -> None:
    """Echo for ever."""
    with _socket(address) as server:
        server.bind((address, PORT))
        print("echo ready", flush=True)
        while True:
            data, peer = server.recvfrom(2048)
            server.sendto(data, peer)


def ask(address: str, count: int) -> None:
    """Print the milliseconds of each round trip, or ``lost``."""
    with _socket(address) as client:
        client.settimeout(2.0 if count > 1 else 0.5)
        for number in range(count):
            began = time.monotonic()
            client.sendto(b"%d" % number, (address, PORT))
            try:
                client.recv(2048)
                print(1000 * (time.monotonic() - began))
            except TimeoutError:
                print("lost")


def _socket(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        ask(sys.argv[2], int(sys.argv[3]))
