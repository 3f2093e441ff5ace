"""The control channel, with the real Kea and with peers that misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from nearboot.errors import PeerError
from nearboot.kea import client
from nearboot.kea.document import body, rows
from nearboot.kea.settings import KeaInputs

from .conftest import Starter


@asynccontextmanager
async def peer(path: Path, answer: bytes | None) -> AsyncIterator[list[bytes]]:
    """A control channel that answers every command alike; None: not at all."""
    heard: list[bytes] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65536))
        if answer is None:
            await over.wait()
        else:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        yield heard
        over.set()


@pytest.mark.kea
async def test_status_version_and_configuration_can_be_read(kea: Starter, fleet: KeaInputs) -> None:
    """What runs is what was built, with the defaults filled in."""
    async with kea(4, fleet) as daemon:
        assert isinstance((await client.status_get(daemon.control))["pid"], int)
        assert (await client.version_get(daemon.control))[0].isdigit()
        running = body(await client.config_get(daemon.control))
    assert [subnet["next-server"] for subnet in rows(running["subnet4"])] == ["10.10.0.2", "10.20.0.2"]


@pytest.mark.kea
async def test_a_configuration_is_tested_and_set(kea: Starter, fleet: KeaInputs) -> None:
    """Setting what runs changes nothing; what Kea refuses is told in its words, and what runs stays."""
    async with kea(4, fleet) as daemon:
        wanted = await client.config_get(daemon.control)
        wanted.pop("hash", None)  # Kea 2.4 and later add it beside the configuration
        await client.config_test(daemon.control, wanted)
        await client.config_set(daemon.control, wanted)
        broken = json.loads(json.dumps(wanted).replace("10.10.0.0/24", "10.10.0.0/99"))
        with pytest.raises(PeerError, match=r"config-test: Kea refused: .*prefix length"):
            await client.config_test(daemon.control, broken)
        assert body(await client.config_get(daemon.control))["subnet4"] == body(wanted)["subnet4"]


@pytest.mark.kea
async def test_an_unknown_command_is_an_error(kea: Starter, fleet: KeaInputs) -> None:
    """Kea answers with result 2."""
    async with kea(4, fleet) as daemon:
        with pytest.raises(PeerError, match="no-such-command: Kea refused"):
            await client.command(daemon.control, "no-such-command")


async def test_nobody_there_is_a_peer_error(tmp_path: Path) -> None:
    """With the socket's path and the system's reason."""
    with pytest.raises(PeerError, match=r"status-get: .*none.sock: No such file"):
        await client.status_get(tmp_path / "none.sock")


async def test_arguments_are_sent_only_where_there_are_any(tmp_path: Path) -> None:
    """One JSON object a connection."""
    path = tmp_path / "k.sock"
    async with peer(path, b'{"result": 3, "text": "nothing found"}') as heard:
        assert (await client.command(path, "lease4-get-all"))["text"] == "nothing found"  # empty is no failure
        await client.command(path, "dhcp-disable", {"max-period": 2})
    assert [json.loads(request) for request in heard] == [
        {"command": "lease4-get-all"},
        {"command": "dhcp-disable", "arguments": {"max-period": 2}},
    ]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(b"", "not JSON", id="hangs-up"),
        pytest.param(b"[1]", "no object", id="a-list"),
        pytest.param(b'{"result": 1, "text": "bad"}', "refused: bad", id="an-error"),
        pytest.param(b"{}", "refused: without a reason", id="no-result"),
    ],
)
async def test_odd_answers_are_peer_errors(tmp_path: Path, answer: bytes, words: str) -> None:
    """Never a traceback about the peer's JSON."""
    path = tmp_path / "k.sock"
    async with peer(path, answer):
        with pytest.raises(PeerError, match=words):
            await client.command(path, "status-get")


async def test_silence_ends_after_the_time_limit(tmp_path: Path) -> None:
    """A daemon busy with another configuration does not hold us for ever."""
    path = tmp_path / "k.sock"
    async with peer(path, None):
        with pytest.raises(PeerError, match="no answer on"):
            await client.command(path, "status-get", timeout_s=0.05)
