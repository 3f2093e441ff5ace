"""A StaticServer as users of fbtftp write it, run as a program: ``static_server.py PACKAGE ROOT``.

It runs on fbtftp and on nearboot.fbtftp: the names are imported from the package given. It prints its port, then each
session's statistics as a line of JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PACKAGE, ROOT = sys.argv[1], Path(sys.argv[2])
base_handler: Any = importlib.import_module(f"{PACKAGE}.base_handler")
base_server: Any = importlib.import_module(f"{PACKAGE}.base_server")


class FileResponse(base_handler.ResponseData):  # type: ignore[misc]  # one class for both packages
    def __init__(self, path: Path) -> None:
        self._size = path.stat().st_size
        self._file = path.open("rb")

    def read(self, n: int) -> bytes:
        return self._file.read(n)

    def size(self) -> int:
        return self._size

    def close(self) -> None:
        self._file.close()


class BrokenResponse(base_handler.ResponseData):  # type: ignore[misc]  # as above
    """Fails after 1,024 bytes, and has no size."""

    def __init__(self) -> None:
        self._left = 1024

    def read(self, n: int) -> bytes:
        if not self._left:
            raise RuntimeError("the backend is gone")
        count = min(n, self._left)
        self._left -= count
        return b"b" * count

    def size(self) -> None:
        return None

    def close(self) -> None:
        pass


class StaticHandler(base_handler.BaseHandler):  # type: ignore[misc]  # as above
    def __init__(self, request: tuple[Any, ...], root: Path, callback: Any) -> None:
        self._root = root
        super().__init__(*request, callback)

    def get_response_data(self) -> Any:
        if self._path == "text":
            return base_handler.StringResponseData("one\ntwo\rthree\n")
        if self._path == "broken":
            return BrokenResponse()
        return FileResponse(self._root / self._path)


class StaticServer(base_server.BaseServer):  # type: ignore[misc]  # as above
    def __init__(self, root: Path, callback: Any) -> None:
        self._root = root
        self._callback = callback
        super().__init__("127.0.0.1", 0, retries=3, timeout=5)

    def get_handler(self, server_addr: Any, peer: Any, path: str, options: Any) -> Any:
        return StaticHandler((server_addr, peer, path, options), self._root, self._callback)


def write(stats: Any) -> None:
    assert stats.duration() >= 0
    told = {name: str(value) if name == "server_addr" else value for name, value in vars(stats).items()}
    os.write(1, (json.dumps(told, default=list) + "\n").encode())  # fbtftp calls it in a child: no buffer is shared


def main() -> None:
    server = StaticServer(ROOT, write)
    print(server._listener.getsockname()[1], flush=True)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    server.run()


if __name__ == "__main__":
    main()
