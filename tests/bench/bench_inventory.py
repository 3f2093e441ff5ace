"""How long 10,000 servers take to load into SQLite, and how much memory. Run by hand, not a test:

python tests/bench/bench_inventory.py [SERVERS]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from nearboot.inventory import schema_store
from nearboot.inventory.diff import counts
from nearboot.inventory.dump import dump
from nearboot.inventory.load import load
from nearboot.inventory.store import apply, read_inventory

ROOT = Path(__file__).parent.parent.parent

HEAD = """\
locations:
  - {slug: emea, kind: region}
%s
tiers: [{slug: web}, {slug: cache}]
models: [{slug: r640, manufacturer: Dell, firmware: bios, console: "ttyS0,115200"}]
subnets:
%s
servers:
"""
SERVER = """\
  - name: web-{n:05}.example.net
    location: site{site}
    tier: web
    model: r640
    interfaces:
      - {{name: eth0, mac: 52:54:00:{a:02x}:{b:02x}:{c:02x}, ipv4: 10.{site}.{high}.{low}}}
    bmc: {{address: 10.200.{high}.{low}, protocol: redfish, username: admin, credential: "env:BMC"}}
    params: {{role: frontend}}
"""


def document(servers: int) -> str:
    """An inventory of 20 sites."""
    sites = [f"  - {{slug: site{n}, kind: site, parent: emea}}" for n in range(20)]
    subnets = [f"  - {{prefix: 10.{n}.0.0/16, location: site{n}, gateway: 10.{n}.0.1}}" for n in range(20)]
    parts = [HEAD % ("\n".join(sites), "\n".join(subnets))]
    for n in range(servers):
        high, low = divmod(n // 20 + 10, 250)
        parts.append(
            SERVER.format(n=n, site=n % 20, a=n >> 16 & 255, b=n >> 8 & 255, c=n & 255, high=high, low=low + 1)
        )
    return "".join(parts)


def main() -> None:
    """Load, load again, export; print the seconds of each and the peak of memory."""
    text = document(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    print(f"document: {len(text) / 1e6:.1f} MB, {text.count('- name: ')} servers; baseline {peak_mb():.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        engine = schema_store.open_engine(f"sqlite:///{folder}/bench.db")
        schema_store.upgrade(engine, ROOT / "migrations")
        for title in ("load into empty", "load again"):
            started = time.perf_counter()
            with schema_store.writing(engine) as session:
                wanted = load([("bench.yaml", text)], read_inventory(session))
                parsed = time.perf_counter()
                changes = apply(session, wanted)
            done = time.perf_counter()
            print(f"{title}: {done - started:.2f} s (reading and validating {parsed - started:.2f}), {counts(changes)}")
        started = time.perf_counter()
        with schema_store.reading(engine) as session:
            documents = dump(read_inventory(session))
        print(f"export: {time.perf_counter() - started:.2f} s, {sum(map(len, documents.values())) / 1e6:.1f} MB")
        engine.dispose()
    print(f"peak: {peak_mb():.0f} MB")


def peak_mb() -> float:
    """The most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
