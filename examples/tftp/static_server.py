"""The static server of fbtftp's documentation, on either package: ``static_server.py PACKAGE ROOT [PORT [SECONDS]]``.

PACKAGE is ``nearboot.fbtftp`` or ``fbtftp``. It prints its port; each session's statistics and, after each interval of
SECONDS in which something was asked, the server's counters, as lines of JSON.
"""

import importlib
import json
import os
import sys
from pathlib import Path

PACKAGE, ROOT = sys.argv[1], Path(sys.argv[2]).resolve()
PORT = int(sys.argv[3]) if sys.argv[3:] else 6969
INTERVAL_S = float(sys.argv[4]) if sys.argv[4:] else 60
fbtftp = importlib.import_module(
    PACKAGE
)  # where there is one package only: from nearboot.fbtftp import BaseServer, ...


class FileResponseData(fbtftp.ResponseData):
    def __init__(self, path):
        self._size = path.stat().st_size
        self._reader = path.open("rb")

    def read(self, n):
        return self._reader.read(n)

    def size(self):
        return self._size

    def close(self):
        self._reader.close()


class StaticHandler(fbtftp.BaseHandler):
    def get_response_data(self):
        path = (ROOT / self._path.lstrip("/")).resolve()
        if not path.is_relative_to(ROOT):
            raise FileNotFoundError(self._path)
        return FileResponseData(path)


class StaticServer(fbtftp.BaseServer):
    def get_handler(self, server_addr, peer, path, options):
        self._server_stats.increment_counter("asked")
        self._server_stats.increment_counter(f"asked.{options['mode']}")
        return StaticHandler(server_addr, peer, path, options, print_session_stats)


def print_session_stats(stats):
    print_line({"session": vars(stats), "duration": stats.duration()})


def print_server_stats(stats):
    counters = stats.get_and_reset_all_counters()
    if counters:
        print_line({"counters": counters, "interval": stats.interval})


def print_line(value):
    os.write(1, json.dumps(value, default=str).encode() + b"\n")  # whole lines, from threads and from forked children


if __name__ == "__main__":
    server = StaticServer("127.0.0.1", PORT, 3, 5, print_server_stats, INTERVAL_S)
    print_line({"port": server._listener.getsockname()[1]})
    server.run()
