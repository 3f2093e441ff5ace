"""A TFTP server of one's own, nearboot's way: python native.py [PORT]"""

import sys
import threading
from pathlib import Path

from nearboot.tftp import Content, ReadRequest, Stream, TftpServer


async def handler(request: ReadRequest) -> Content:
    if request.filename == "hello":
        return f"hello {request.client[0]}\n".encode()  # bytes, file_content(path), or a Stream
    if request.filename == "self":
        source = Path(__file__).open("rb")  # noqa: SIM115  # anything with read(n); closed when it is sent
        return Stream(source.read, size=None, close=source.close)
    raise FileNotFoundError(request.filename)  # ERROR 1; PermissionError is ERROR 2


with TftpServer(handler, host="::", port=int(sys.argv[1]) if sys.argv[1:] else 6969, on_event=print) as server:
    print(f"port {server.port}", flush=True)
    threading.Event().wait()
