"""Kea's control channel: one JSON command over a unix socket, one JSON answer (ARM section "Management API").

status = await status_get(Path("/run/kea/kea4-ctrl-socket"))
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from nearboot.errors import PeerError
from nearboot.kea.document import Json, table

_TIMEOUT_S = 10.0  # Kea's own limit for a command's arrival
_SET_TIMEOUT_S = 60.0  # 100,000 reservations take ten seconds to set
_DONE = (0, 3)  # success; and "empty": nothing found, which is no failure


async def command(
    socket_path: Path, name: str, arguments: Mapping[str, object] | None = None, *, timeout_s: float = _TIMEOUT_S
) -> Json:
    """Send a command and return the whole answer (``result``, ``text``, ``arguments``).

    ``PeerError`` if nobody answers there in time, or Kea answers with an error.
    """
    request: Json = {"command": name}
    if arguments is not None:
        request["arguments"] = dict(arguments)
    try:
        async with asyncio.timeout(timeout_s):
            answer = _parsed(await _exchange(socket_path, json.dumps(request).encode()), name)
    except TimeoutError as error:
        raise PeerError(f"{name}: no answer on {socket_path} in {timeout_s} s") from error
    except OSError as error:
        raise PeerError(f"{name}: {socket_path}: {error.strerror or error}") from error
    if answer.get("result") not in _DONE:
        raise PeerError(f"{name}: Kea refused: {answer.get('text', 'without a reason')}")
    return answer


async def config_get(socket_path: Path) -> Json:
    """Return the configuration that runs, as ``{"Dhcp4": {...}}`` with every default filled in.

    Kea 2.2 shows the old one here even after a failed `config_set` has silenced it.
    """
    return table((await command(socket_path, "config-get")).get("arguments"))


async def status_get(socket_path: Path) -> Json:
    """Return the daemon's pid, uptime and time since its last reload."""
    return table((await command(socket_path, "status-get")).get("arguments"))


async def version_get(socket_path: Path) -> str:
    """Return the version of the daemon that runs."""
    return str((await command(socket_path, "version-get")).get("text", ""))


async def config_test(socket_path: Path, config: Mapping[str, object]) -> None:
    """Have the running daemon judge a configuration; ``PeerError`` with its words if it refuses.

    Not enough alone: over the socket Kea does not check the grammar. Try the file as well (`runner.validate`).
    """
    await command(socket_path, "config-test", config, timeout_s=_SET_TIMEOUT_S)


async def config_set(socket_path: Path, config: Mapping[str, object]) -> None:
    """Replace the running configuration; ``PeerError`` if Kea refuses, which leaves Kea 2.2 answering nobody."""
    await command(socket_path, "config-set", config, timeout_s=_SET_TIMEOUT_S)


async def _exchange(socket_path: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(socket_path))
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def _parsed(answer: bytes, name: str) -> Json:
    try:
        document = json.loads(answer)
    except ValueError as error:
        raise PeerError(f"{name}: an answer that is not JSON: {answer[:80]!r}") from error
    if not isinstance(document, dict):
        raise PeerError(f"{name}: an answer that is no object: {answer[:80]!r}")
    return document
