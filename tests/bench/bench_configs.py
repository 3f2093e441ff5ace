"""Rendered configurations a second, the database in use: run by hand, never by the tests.

    python tests/bench/bench_configs.py [--postgres | --database-url URL] [--servers 10000] [--clients 32]

A real ``nearboot serve tftp`` on a database made for the purpose; ``configload`` (C, built from the source beside this
file) reads the configuration of another server with each request, from that server's own address, so that nothing is
asked twice, and looks for the server's name in what it gets. Each read is an event, and each server's first one begins
a run: the end is when the database has them all. The limit that the figure stands against is the same daemon's
with a static file of the size of a configuration. ``--postgres`` starts a PostgreSQL of its own, as it comes: with
fsync. CPU seconds are those of nearboot, and of that PostgreSQL.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import psycopg
from sqlalchemy import Engine, func, select

sys.path.insert(0, str(Path(__file__).parent.parent))

from conftest import USER, _account, _await_ready, _binary, _create, _end, _postgres_url, _unprivileged
from nearboot.inventory import schema_store
from nearboot.inventory.boot_orm import EventRow, RunRow
from nearboot.inventory.store import apply
from nearboot.model import (
    BootProfile,
    BootServer,
    Firmware,
    HardwareModel,
    Image,
    Interface,
    Inventory,
    Location,
    LocationKind,
    Mac,
    Server,
    Slug,
    Tier,
)

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FIRST_ADDRESS = int(IPv4Address("127.64.0.0"))
ME = Slug("boot-00")
PATTERNS = {"pxelinux": "pxelinux.cfg/01-%M", "grub": "grub/grub.cfg-01-%M"}
PATIENCE_S = 120
CFG_SIZE = 700
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    asked = arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nb-bench-")))
        load = build(folder)
        postmaster = stack.enter_context(postgres()) if asked.postgres else None
        url = postmaster[0] if postmaster else asked.database_url or f"sqlite:///{folder / 'nearboot.db'}"
        root = folder / "boot"
        root.mkdir()
        (root / "static").write_bytes(b"#" * CFG_SIZE)
        engine = schema_store.open_engine(url)
        stack.callback(engine.dispose)
        fill(engine, asked.servers)
        what = f"{asked.servers} servers, {asked.clients} clients, {asked.workers} workers, {os.cpu_count()} cores"
        print(f"{engine.dialect.name}: {what}", end=", ")
        pid, port = stack.enter_context(daemon(url, root, folder / "serve.log", asked.workers))
        print(f"nearboot is process {pid}", flush=True)
        others = [postmaster[1]] if postmaster else []
        measured(load, pid, others, port, (asked.clients, 0, asked.servers, "static"))
        for name in asked.path:
            events = stored(engine)
            run = measured(load, pid, others, port, (asked.clients, 0, asked.servers, PATTERNS[name]))
            book(engine, pid, events, run)
        print((folder / "serve.log").read_text()[-2000:] if asked.log else "", end="")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL for it")
    parser.add_argument("--database-url", help="an empty database of your own")
    parser.add_argument("--servers", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1, help="processes that serve")
    parser.add_argument("--path", choices=PATTERNS, nargs="+", default=["pxelinux", "grub"])
    parser.add_argument("--log", action="store_true", help="show the end of the daemon's log")
    return parser.parse_args()


def build(folder: Path) -> Path:
    """The load driver: C, because a Python one would be what is measured."""
    made = folder / "configload"
    subprocess.run(["cc", "-O2", "-o", made, HERE / "configload.c"], check=True)
    return made


def measured(load: Path, pid: int, others: list[int], port: int, what: tuple[int, int, int, str]) -> dict[str, float]:
    clients, first, count, pattern = what
    before, before_db = cpu_s(family([pid])), cpu_s(family(others))
    words = [load, "127.0.0.1", port, clients, first, count, PATIENCE_S, pattern]
    ran = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    said: dict[str, float] = json.loads(ran.stdout)
    spent, spent_db = cpu_s(family([pid])) - before, cpu_s(family(others)) - before_db
    print(
        f"{pattern:24} {said['done'] / said['seconds']:7.0f}/s  p50 {said['p50']:7.2f} ms  p99 {said['p99']:7.2f} ms  "
        f"max {said['max']:7.1f} ms  done {said['done']} failed {said['failed']} wrong {said['wrong']} "
        f"asked again {said['again']}  CPU nearboot {spent:.2f} s" + (f" PostgreSQL {spent_db:.2f} s" if others else "")
    )
    return said | {"pid_cpu": spent}


def book(engine: Engine, pid: int, before: int, run: dict[str, float]) -> None:
    """Wait until the database has an event of each read, and tell how long that took."""
    begun, cpu = time.monotonic(), cpu_s(family([pid]))
    while (events := stored(engine) - before) < run["done"] and time.monotonic() - begun < PATIENCE_S:
        time.sleep(0.02)
    waited = time.monotonic() - begun
    with schema_store.reading(engine) as session:
        runs = session.scalar(select(func.count()).select_from(RunRow))
        of_servers = session.scalar(
            select(func.count(EventRow.server_id.distinct())).where(EventRow.kind == "tftp-read")
        )
    whole = run["done"] / (run["seconds"] + waited)
    print(
        f"{'':24} {whole:7.0f}/s until the last of {events} events was stored, {waited:.2f} s later "
        f"(CPU {cpu_s(family([pid])) - cpu:.2f} s); lost {run['done'] - events:.0f}; servers {of_servers}, runs {runs}"
    )


def stored(engine: Engine) -> int:
    """Reads of configurations that the database knows of."""
    with schema_store.reading(engine) as session:
        query = (
            select(func.count()).select_from(EventRow).where(EventRow.kind == "tftp-read", EventRow.subject != "static")
        )
        return session.scalar(query) or 0


def cpu_s(pids: list[int]) -> float:
    """CPU seconds of processes, those of ended children included."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(text) for text in fields[11:15])
    return total / TICKS


def family(pids: list[int]) -> list[int]:
    found = list(pids)
    for pid in found:  # grows while it is walked
        found += [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found


@contextmanager
def daemon(url: str, root: Path, log: Path, workers: int) -> Iterator[tuple[int, int]]:
    """``nearboot serve tftp``: its process id and port."""
    command = [sys.executable, "-m", "nearboot", "serve", "tftp", "--boot-server", ME, "--root", str(root)]
    environment = os.environ | {"NEARBOOT_DATABASE_URL": url, "NEARBOOT_STATE_DIR": str(root.parent)}
    environment.pop("NEARBOOT_CONFIG", None)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0", "--workers", str(workers), "--metrics-listen", ""],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        )
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        if " port " not in ready:
            raise SystemExit(log.read_text())
        yield process.pid, int(ready.split(" port ")[1].split()[0])
    finally:
        process.terminate()
        _end(process)
        process.stdout.close()


@contextmanager
def postgres() -> Iterator[tuple[str, int]]:
    """A PostgreSQL with its own settings, durable: the URL of an empty database, and its process id."""
    with tempfile.TemporaryDirectory(prefix="nb-pg-", dir="/tmp") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, _account().pw_uid, _account().pw_gid)
        initdb = [_binary("initdb"), "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run([*_unprivileged(), *initdb], check=True, capture_output=True, cwd=folder)
        command = [_binary("postgres"), "-D", folder / "data", "-k", folder, "-c", "listen_addresses="]
        with (folder / "log").open("wb") as log:
            words = [*_unprivileged("--pdeathsig", "QUIT"), *command]
            process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
        try:
            _await_ready(process, folder)
            _create(name, "bench")
            yield _postgres_url(name, "bench"), process.pid
        finally:
            process.send_signal(signal.SIGINT)
            _end(process)


def fill(engine: Engine, count: int) -> None:
    schema_store.upgrade(engine, ROOT / "migrations")
    with schema_store.writing(engine) as session:
        apply(session, fleet(count))
    if engine.dialect.name == "postgresql":
        with psycopg.connect(engine.url.set(drivername="postgresql").render_as_string(), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")  # as autovacuum does within a minute


def fleet(count: int) -> Inventory:
    """Servers of three tiers and two models at twenty sites, each boot server at one of them."""
    sites = [Slug(f"site-{number:02}") for number in range(20)]
    tiers = [Slug(name) for name in ("web", "cache", "db")]
    models = (
        HardwareModel(Slug("pizza"), "Acme", "Pizza", Firmware.UEFI, "ttyS1,115200"),
        HardwareModel(Slug("blade"), "Acme", "Blade", Firmware.BIOS),
    )
    images = tuple(
        Image(Slug(name), f"{name}/vmlinuz", (f"{name}/initrd.img",), ("ip=dhcp", "quiet"))
        for name in ("debian-12", "debian-13", "rescue")
    )
    profiles = (
        BootProfile(Slug("all"), images[0].slug),
        BootProfile(Slug("cache"), images[1].slug, tier=tiers[1], args=("mitigations=off",)),
        BootProfile(Slug("blades"), images[2].slug, model=models[1].slug),
        BootProfile(Slug("web-blades"), images[1].slug, tier=tiers[0], model=models[1].slug),
    )
    servers = tuple(
        Server(
            name=f"host-{number:06}",
            location=sites[number % len(sites)],
            tier=tiers[number % 3],
            model=models[number % 2].slug,
            serial=f"S{number}",
            domain="example.net",
            interfaces=(
                Interface("eth0", Mac(mac(number)), ipv4=IPv4Address(FIRST_ADDRESS + number)),
                Interface("eth1", Mac(mac(number + (1 << 23))), boot=False),
            ),
            params={"rack": str(number // 40)},
        )
        for number in range(count)
    )
    boot_servers = tuple(
        BootServer(
            Slug(f"boot-{number:02}"),
            site,
            ipv4=IPv4Address(f"192.0.2.{number + 1}"),
            http_url=f"http://192.0.2.{number + 1}",
        )
        for number, site in enumerate(sites)
    )
    return Inventory(
        locations=tuple(Location(site, LocationKind.SITE) for site in sites),
        tiers=tuple(Tier(tier) for tier in tiers),
        models=models,
        servers=servers,
        boot_servers=boot_servers,
        images=images,
        profiles=profiles,
    )


def mac(number: int) -> str:
    return "52:54:01:" + ":".join(f"{byte:02x}" for byte in number.to_bytes(3, "big"))


if __name__ == "__main__":
    sys.exit(main())
