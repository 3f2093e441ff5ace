"""Static files from origins, by real daemons: who gives them, what is on disk afterwards, and what clients get when
something breaks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from origin_server import OriginServer

from nearboot.app import inventory
from nearboot.app.database import database, reading
from nearboot.app.origins import Origins, Surveyor, checksums
from nearboot.boot.freshness import key_of
from nearboot.config import CacheConfig, Config
from nearboot.errors import PeerError
from nearboot.inventory import boot_store
from nearboot.model import EventKind, Image, Slug
from nearboot.tftp.client import read, read_to

Daemon = Callable[..., Any]
BIG = random.Random(1).randbytes(3_000_001)
OTHER = random.Random(2).randbytes(3_000_001)
PATH = "images/big.img"
KEY = key_of(PATH)


@pytest.fixture
def backend() -> str:
    """One database will do here: what is read of it is tested on both."""
    return "sqlite"


@pytest.fixture
def near() -> Iterator[OriginServer]:
    """Where the boot server is; its name comes last in the alphabet."""
    server = OriginServer("b-near")
    server.files[PATH] = BIG
    yield server
    server.gate.set()
    server.kill()


@pytest.fixture
def far() -> Iterator[OriginServer]:
    server = OriginServer("a-far")
    server.files[PATH] = BIG
    yield server
    server.gate.set()
    server.kill()


def _load(config: Config, text: str) -> None:
    """Add to the inventory while it is in use."""
    file = Path(config.state_dir, "more.yaml")
    file.write_text(text)
    inventory.load(config, [str(file)], prune=False, dry_run=False, actor="ada", now=datetime.now(UTC))


@pytest.fixture
def site(fleet: Config, near: OriginServer, far: OriginServer) -> Config:
    """The fleet with two origins: one in the place of there-boot, one 9 ms away."""
    text = f"""
origins:
  - {{name: a-far, url: "{far.url}", location: here}}
  - {{name: b-near, url: "{near.url}/", location: there}}
"""
    _load(fleet, text)
    return fleet


@pytest.fixture
def serve(site: Config, daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """Starts a daemon of there-boot, by default with little patience."""

    def _serve(what: str = "tftp", workers: int = 1, **settings: object) -> Any:
        values = {"read_timeout_s": 5, "rest_s": 0.2, "reload_s": 0.05, **settings}
        text = json.dumps({"cache": values, "tftp": {"metrics_listen": "", "workers": workers}})
        (tmp_path / "nearboot.yaml").write_text(text)
        monkeypatch.setenv("NEARBOOT_CONFIG", str(tmp_path / "nearboot.yaml"))
        words = ["--host", "127.0.0.1", "--port", 0, "--root", site.root, "--boot-server", "there-boot"]
        return daemon(what, *words)

    return _serve


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "state" / "cache"


def _read(server: Any, path: str = PATH) -> bytes:
    return asyncio.run(read("127.0.0.1", server.port, path, blksize=8000, windowsize=16, timeout_s=5))


def _names(cache: Path) -> list[str]:
    """What is on disk, short."""
    return sorted(name.name.replace(KEY, "KEY") for name in cache.iterdir() if name.name != "lock")


def _came(config: Config) -> list[tuple[object, object, object]]:
    with reading(config) as session:
        events = boot_store.events(session)
    kinds = (EventKind.TFTP_READ, EventKind.HTTP_READ)
    return [(e.outcome, e.detail.get("cache"), e.detail.get("origin")) for e in events if e.kind in kinds]


WHOLE = ["KEY." + hashlib.sha256(BIG).hexdigest()[:16] + ".data", "KEY.json"]


def test_a_file_comes_from_the_nearest_origin_once_and_from_the_cache_then(
    site: Config, serve: Daemon, near: OriginServer, far: OriginServer, cache: Path
) -> None:
    """The root goes first; events say how a file came; another daemon takes what the first one has fetched."""
    tftp = serve()
    assert _read(tftp, "/deb/initrd.gz") == b"initrd"
    assert not near.requests
    assert _read(tftp) == BIG
    assert _read(tftp, "\\images\\big.img") == BIG
    with pytest.raises(PeerError, match="ERROR 1"):
        _read(tftp, "images/none.img")
    for odd in (f"{PATH}?x=1", "images/", "images//../.."):
        with pytest.raises(PeerError, match=r"ERROR [12]"):
            _read(tftp, odd)
    assert tftp.end() == 0
    assert [path for path, _ in near.requests] == [PATH, "images/none.img"]
    assert [path for path, _ in far.requests] == ["images/none.img"]
    assert _names(cache) == WHOLE
    http = serve("http")
    answer = httpx.get(f"http://127.0.0.1:{http.port}/{PATH}", trust_env=False)
    assert answer.content == BIG and answer.headers["etag"]
    assert http.end() == 0
    assert near.gets(PATH) == 1
    assert [each for each in _came(site) if each[0] == "ok"] == [
        ("ok", None, None),
        ("ok", "miss", "b-near"),
        ("ok", "hit", "b-near"),
        ("ok", "hit", "b-near"),
    ]
    assert "Traceback" not in tftp.log.read_text() + http.log.read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hundred_clients_of_a_cold_file_are_one_get(
    site: Config, serve: Daemon, near: OriginServer, workers: int
) -> None:
    """All of them get all of it, while it comes; two processes that serve one port fetch once, too."""
    near.gate_at = 1_000_000
    near.gate.clear()
    tftp = serve(workers=workers)

    async def stampede() -> list[bytes]:
        reads = [
            asyncio.create_task(
                read("127.0.0.1", tftp.port, PATH, blksize=8000, windowsize=16, timeout_s=30, retries=3)
            )
            for _ in range(100)
        ]
        await asyncio.to_thread(near.reached.wait, 30)
        near.gate.set()
        return await asyncio.gather(*reads)

    assert set(asyncio.run(stampede())) == {BIG}
    assert near.gets(PATH) == 1
    assert tftp.end() == 0
    came = [came for _, came, _ in _came(site)]
    assert len(came) == 100 and came.count("miss") == 1 and "shared" in came


def test_an_origin_killed_in_the_middle_is_gone_on_with_another(
    site: Config, serve: Daemon, near: OriginServer, far: OriginServer, cache: Path
) -> None:
    """The client sees nothing of it; the rest alone is fetched, if both have the same version."""
    near.gate_at = 1_000_000
    near.gate.clear()
    tftp = serve()

    async def drill() -> bytes:
        reader = asyncio.create_task(
            read("127.0.0.1", tftp.port, PATH, blksize=8000, windowsize=16, timeout_s=30, retries=3)
        )
        await asyncio.to_thread(near.reached.wait, 30)
        await asyncio.to_thread(near.kill)
        return await reader

    assert asyncio.run(drill()) == BIG
    assert _names(cache) == WHOLE
    assert far.statuses == [206]


def test_without_any_origin_left_clients_get_an_error_and_nothing_is_kept(
    site: Config, serve: Daemon, near: OriginServer, far: OriginServer, cache: Path
) -> None:
    """The next try begins anew, and works when an origin is back."""
    far.kill()
    near.gate_at = 1_000_000
    near.gate.clear()
    tftp, http = serve(), serve("http")
    url = f"http://127.0.0.1:{http.port}/{PATH}"

    async def drill() -> tuple[object, object]:
        reader = asyncio.create_task(
            read("127.0.0.1", tftp.port, PATH, blksize=8000, windowsize=16, timeout_s=30, retries=3)
        )
        await asyncio.to_thread(near.reached.wait, 30)
        getter = asyncio.create_task(asyncio.to_thread(httpx.get, url, trust_env=False, timeout=30))
        await asyncio.to_thread(near.kill)
        results = await asyncio.gather(reader, getter, return_exceptions=True)
        return results[0], results[1]

    by_tftp, by_http = asyncio.run(drill())
    assert isinstance(by_tftp, PeerError) and "ERROR 0" in str(by_tftp)
    assert isinstance(by_http, httpx.RemoteProtocolError) or getattr(by_http, "status_code", 0) == 503
    assert _names(cache) == []
    assert near.gets(PATH) <= 2
    near.gate.set()
    near.revive()
    assert _read(tftp) == BIG
    assert httpx.get(url, trust_env=False).content == BIG
    assert _names(cache) == WHOLE


def test_a_dead_origin_leaves_what_is_cached(
    site: Config, serve: Daemon, near: OriginServer, far: OriginServer
) -> None:
    """Stale files go on being served, also after a restart, and the events say so."""
    tftp = serve(fresh_s=0)
    assert _read(tftp) == BIG
    near.kill()
    far.kill()
    assert _read(tftp) == BIG
    assert tftp.end() == 0
    tftp = serve(fresh_s=0)
    assert _read(tftp) == BIG
    assert tftp.end() == 0
    assert [came for _, came, _ in _came(site)] == ["miss", "stale", "stale"]


def test_a_cached_file_is_confirmed_and_a_changed_one_is_fetched(
    site: Config, serve: Daemon, near: OriginServer, cache: Path
) -> None:
    """By ETag; the old version leaves the disk."""
    tftp = serve(fresh_s=0)
    assert _read(tftp) == _read(tftp) == BIG
    assert near.statuses == [200, 304]
    near.files[PATH] = OTHER
    assert _read(tftp) == OTHER
    assert near.statuses == [200, 304, 200]
    assert _names(cache) == ["KEY." + hashlib.sha256(OTHER).hexdigest()[:16] + ".data", "KEY.json"]
    assert tftp.end() == 0
    assert [came for _, came, _ in _came(site)] == ["miss", "revalidated", "miss"]


@pytest.mark.parametrize("small", [True, False], ids=["small", "large"])
def test_a_file_of_another_checksum_is_refused_and_taken_from_another_origin(
    serve: Daemon, site: Config, near: OriginServer, far: OriginServer, small: bool
) -> None:
    """Of a small file nothing wrong is ever sent; of a large one never the end."""
    good, bad = (BIG[:5000], OTHER[:5000]) if small else (BIG, OTHER)
    far.files[PATH], near.files[PATH] = good, bad
    _load(site, f"images: [{{slug: deb, kernel: {PATH}, kernel_sha256: {hashlib.sha256(good).hexdigest()}}}]")
    tftp = serve()
    if not small:
        with pytest.raises(PeerError, match="ERROR 0"):
            _read(tftp)
    assert _read(tftp) == good
    assert near.gets(PATH) == 1
    assert "is not the inventory's" in tftp.log.read_text()
    assert tftp.end() == 0
    assert (site.root / PATH).exists() is False


def test_a_corrupt_file_is_found_out_and_fetched_anew(serve: Daemon, near: OriginServer, cache: Path) -> None:
    """While the server runs by its time of change, after a restart by its hash, whatever its time says."""
    tftp = serve()
    assert _read(tftp) == BIG
    (data,) = cache.glob("*.data")
    with data.open("r+b") as file:
        file.seek(2_000_000)
        file.write(b"corrupt")
    assert _read(tftp) == BIG
    assert near.gets(PATH) == 2
    assert tftp.end() == 0
    (data,) = cache.glob("*.data")
    before = data.stat()
    with data.open("r+b") as file:
        file.seek(100)
        file.write(b"corrupt")
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))
    tftp = serve()
    assert _read(tftp) == BIG
    assert near.gets(PATH) == 3
    assert "is corrupt" in tftp.log.read_text()
    assert _names(cache) == WHOLE


def test_a_server_killed_during_a_fill_leaves_nothing_that_counts(
    serve: Daemon, near: OriginServer, cache: Path
) -> None:
    """What was begun has no sidecar; the next start removes it, and serves the whole file."""
    near.gate_at = 1_000_000
    near.gate.clear()
    tftp = serve()

    async def drill() -> None:
        begun = asyncio.Event()
        reader = asyncio.create_task(
            read_to(lambda block: begun.set(), "127.0.0.1", tftp.port, PATH, blksize=8000, timeout_s=5, retries=0)
        )
        await begun.wait()
        tftp.process.kill()
        tftp.process.wait()
        with pytest.raises(PeerError):
            await reader

    asyncio.run(drill())
    assert _names(cache) == ["KEY.head", "KEY.part"]
    near.gate.set()
    tftp = serve()
    assert _names(cache) == []
    assert "leftovers: " in tftp.log.read_text()
    assert _read(tftp) == BIG
    assert _names(cache) == WHOLE


def test_two_processes_fetch_once(serve: Daemon, near: OriginServer, far: OriginServer, site: Config) -> None:
    """The second follows what the first one writes, and serves it meanwhile."""
    near.gate_at = 1_000_000
    near.gate.clear()
    tftp, http = serve(), serve("http")

    async def drill() -> tuple[bytes, bytes]:
        reader = asyncio.create_task(
            read("127.0.0.1", tftp.port, PATH, blksize=8000, windowsize=16, timeout_s=30, retries=3)
        )
        await asyncio.to_thread(near.reached.wait, 30)
        client = httpx.AsyncClient(trust_env=False, timeout=30)
        async with client, client.stream("GET", f"http://127.0.0.1:{http.port}/{PATH}") as answer:
            chunks = answer.aiter_bytes()
            first = await anext(chunks)  # before the origin goes on
            near.gate.set()
            rest = b"".join([chunk async for chunk in chunks])
        return await reader, first + rest

    assert asyncio.run(drill()) == (BIG, BIG)
    assert near.gets(PATH) == 1 and not far.requests
    assert tftp.end() == http.end() == 0
    assert sorted(_came(site), key=str) == [("ok", "miss", "b-near"), ("ok", "shared", "b-near")]


def test_who_follows_a_process_that_is_killed_goes_on_in_its_place(
    serve: Daemon, near: OriginServer, cache: Path
) -> None:
    """Its client gets all of the file, and the cache has it."""
    near.gate_at = 1_000_000
    near.gate.clear()
    tftp, http = serve(), serve("http")

    async def drill() -> bytes:
        reader = asyncio.create_task(read("127.0.0.1", tftp.port, PATH, blksize=8000, timeout_s=1, retries=0))
        await asyncio.to_thread(near.reached.wait, 30)
        client = httpx.AsyncClient(trust_env=False, timeout=30)
        async with client, client.stream("GET", f"http://127.0.0.1:{http.port}/{PATH}") as answer:
            chunks = answer.aiter_bytes()
            first = await anext(chunks)
            tftp.process.kill()
            tftp.process.wait()
            near.gate.set()
            rest = b"".join([chunk async for chunk in chunks])
        with pytest.raises(PeerError):
            await reader
        return first + rest

    assert asyncio.run(drill()) == BIG
    assert near.statuses == [200, 206]
    assert _names(cache) == WHOLE


@pytest.mark.root
def test_on_a_full_disk_files_pass_through(serve: Daemon, near: OriginServer, tmp_path: Path) -> None:
    """What does not fit from the start, and what stops fitting in the middle: clients get it all, nothing is kept."""
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(mount)], check=True)
    try:
        tftp = serve(dir=str(mount))
        near.files["little"] = b"little"
        assert _read(tftp, "little") == b"little"
        (mount / "others").write_bytes(bytes(3 << 20))
        assert _read(tftp) == BIG
        assert "there is no room for it" in tftp.log.read_text()
        (mount / "others").unlink()
        near.gate_at = 500_000
        near.gate.clear()

        async def drill() -> bytes:
            reader = asyncio.create_task(
                read("127.0.0.1", tftp.port, PATH, blksize=8000, windowsize=16, timeout_s=30, retries=3)
            )
            near.reached.clear()
            await asyncio.to_thread(near.reached.wait, 30)
            (mount / "others").write_bytes(bytes(3 << 20))
            near.gate.set()
            return await reader

        assert asyncio.run(drill()) == BIG
        assert "No space left on device" in tftp.log.read_text()
        assert [path.name for path in mount.glob("*.data")] == [
            f"{key_of('little')}.{hashlib.sha256(b'little').hexdigest()[:16]}.data"
        ]
        assert not list(mount.glob("*.part"))
        (mount / "others").unlink()
        assert _read(tftp) == BIG
        assert len(list(mount.glob("*.data"))) == 2
        assert tftp.end() == 0
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def test_the_cache_keeps_within_its_bound(serve: Daemon, near: OriginServer, cache: Path) -> None:
    """The least recently used files leave; one that is larger than all of it passes through."""
    parts = {f"f{number}": bytes([number]) * 400_000 for number in range(4)}
    near.files.update(parts)
    tftp = serve(max_mib=1)
    assert _read(tftp, "f0") == parts["f0"]
    assert _read(tftp, "f1") == parts["f1"]
    assert _read(tftp, "f0") == parts["f0"]
    assert _read(tftp, "f2") == parts["f2"]
    assert sorted(path.name[:32] for path in cache.glob("*.data")) == sorted([key_of("f0"), key_of("f2")])
    assert _read(tftp) == BIG
    assert sum(path.stat().st_size for path in cache.iterdir()) <= 1 << 20
    assert len(list(cache.glob("*.data"))) == 2
    assert "3000001 bytes are not kept" in tftp.log.read_text()


@pytest.fixture(params=["nearboot", "python"])
def mirror(request: pytest.FixtureRequest, daemon: Daemon, tmp_path: Path) -> Iterator[str]:
    """The address of an origin that is a real server: nearboot's, or Python's own."""
    root = tmp_path / "mirror"
    (root / "images").mkdir(parents=True)
    (root / PATH).write_bytes(BIG)
    if request.param == "nearboot":
        yield f"http://127.0.0.1:{daemon('http', '--host', '127.0.0.1', '--port', 0, '--root', root).port}"
        return
    words = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(root), "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().split(' port ')[1].split()[0]}"
        process.terminate()


def test_other_servers_are_origins_too(
    mirror: str, site: Config, serve: Daemon, near: OriginServer, far: OriginServer
) -> None:
    """Another boot server (ETag, Range), and Python's own (HTTP/1.0, dates alone, listings of folders)."""
    near.files.clear()
    far.files.clear()
    _load(site, f"origins: [{{name: mirror, url: '{mirror}'}}]")
    tftp = serve(fresh_s=0)
    assert _read(tftp) == _read(tftp) == BIG
    for absent in ("images", "images/none"):
        with pytest.raises(PeerError, match="ERROR 1"):
            _read(tftp, absent)
    assert tftp.end() == 0
    told = [came for _, came, origin in _came(site) if origin == "mirror"]
    assert told == ["miss", "revalidated"]


def test_an_origin_is_added_without_a_restart(
    fleet: Config, daemon: Daemon, near: OriginServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without one there is no cache at all."""
    (tmp_path / "nearboot.yaml").write_text("cache: {reload_s: 0.05}\n")
    monkeypatch.setenv("NEARBOOT_CONFIG", str(tmp_path / "nearboot.yaml"))
    http = daemon("http", "--host", "127.0.0.1", "--port", 0, "--root", fleet.root)
    with httpx.Client(base_url=f"http://127.0.0.1:{http.port}", trust_env=False, timeout=30) as client:
        assert client.get(f"/{PATH}").status_code == 404
        assert not (tmp_path / "state" / "cache").exists()
        _load(fleet, f"origins: [{{name: o, url: '{near.url}'}}]")
        while (answer := client.get(f"/{PATH}")).status_code == 404:
            pass
        assert answer.content == BIG
        assert client.head(f"/{PATH}").headers["content-length"] == str(len(BIG))


def test_a_database_that_is_away_changes_nothing(site: Config, near: OriginServer, tmp_path: Path) -> None:
    """The last known origins go on; it is said once."""
    config = replace(site, state_dir=str(tmp_path / "own"), cache=CacheConfig(reload_s=3600))
    with database(config) as engine, Origins(config, engine, me="there-boot") as origins:
        (tmp_path / "nearboot.db").rename(tmp_path / "away.db")
        engine.dispose()
        (tmp_path / "nearboot.db").mkdir()
        origins.reload()
        assert origins.is_on
        opened = asyncio.run(origins.find(PATH, "127.0.0.1"))
        assert opened is not None and opened.origin == "b-near" and opened.size == len(BIG)
        opened.close()
        assert origins.came("127.0.0.1", f"/{PATH}") == {"cache": "miss", "origin": "b-near"}
        assert origins.came("127.0.0.1", "../x") == origins.came("127.0.0.2", PATH) == {}


def test_origins_are_in_the_order_of_their_distance(site: Config, now: datetime) -> None:
    """From the boot server that this is; without a name from the place of all, if there is one; unknown ones last."""
    _load(site, "origins: [{name: a-nowhere, url: 'http://127.0.0.1:1'}]")
    with reading(site) as session:
        for me, names in (
            ("there-boot", ["b-near", "a-far", "a-nowhere"]),
            ("here-boot", ["a-far", "b-near", "a-nowhere"]),
            (None, ["a-far", "a-nowhere", "b-near"]),
        ):
            directory = Surveyor(me).directory(session, now)
            assert [origin.name for origin in directory.origins] == names


def test_checksums_are_those_of_the_images() -> None:
    """Of the files that have one."""
    image = Image(Slug("a"), "/k", ("i1", "i2"), kernel_sha256="AB", initrd_sha256=("cd",))
    assert checksums([image, Image(Slug("b"), "k2")]) == {"k": "ab", "i1": "cd"}
