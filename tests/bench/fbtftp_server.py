"""A directory served by fbtftp as its documentation shows: ``fbtftp_server.py PACKAGE ROOT PORT``.

PACKAGE is fbtftp, or nearboot.fbtftp: the same server on nearboot's data plane.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

PACKAGE, ROOT, PORT = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
base_handler: Any = importlib.import_module(f"{PACKAGE}.base_handler")
base_server: Any = importlib.import_module(f"{PACKAGE}.base_server")


class FileResponseData(base_handler.ResponseData):  # type: ignore[misc]  # one class for both packages
    def __init__(self, path: Path) -> None:
        self._size = path.stat().st_size
        self._reader = path.open("rb")

    def read(self, n: int) -> bytes:
        return self._reader.read(n)

    def size(self) -> int:
        return self._size

    def close(self) -> None:
        self._reader.close()


class StaticHandler(base_handler.BaseHandler):  # type: ignore[misc]  # as above
    def get_response_data(self) -> FileResponseData:
        return FileResponseData(ROOT / self._path)


class StaticServer(base_server.BaseServer):  # type: ignore[misc]  # as above
    def get_handler(self, server_addr: Any, peer: Any, path: str, options: Any) -> StaticHandler:
        return StaticHandler(server_addr, peer, path, options, lambda stats: None)


if __name__ == "__main__":
    StaticServer("127.0.0.1", PORT, retries=3, timeout=5).run()
