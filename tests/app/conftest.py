"""A small fleet whose only server has a loopback address, so that real daemons on this machine can serve it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nearboot.app import inventory, latency
from nearboot.config import Config

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

FLEET = """
locations:
  - {slug: here, kind: site, name: Here}
  - {slug: there, kind: site, name: There}
tiers: [{slug: lab, name: Lab}]
models: [{slug: box, manufacturer: QEMU, name: box, firmware: uefi, console: "ttyS0,115200"}]
images: [{slug: deb, kernel: deb/vmlinuz, initrd: [deb/initrd.gz]}]
profiles: [{slug: lab, image: deb, tier: lab}]
servers:
  - name: lo-01
    location: here
    tier: lab
    model: box
    interfaces: [{name: eth0, mac: "52:54:00:00:00:01", ipv4: 127.0.0.1}]
  - name: lo-02
    location: there
    tier: lab
    model: box
    interfaces: [{name: eth0, mac: "52:54:00:00:00:02", ipv4: 127.0.0.9}]
subnets: [{prefix: 127.0.0.0/8, location: here}]
boot_servers:
  - {name: here-boot, location: here, ipv4: 127.0.0.1, http_url: "http://127.0.0.1:8080"}
  - {name: there-boot, location: there, ipv4: 127.0.0.5, http_url: "http://127.0.0.5:8080"}
"""


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    """An empty database with the current schema, and a root with a kernel and the file that probes read."""
    boot = tmp_path / "boot"
    (boot / "deb").mkdir(parents=True)
    (boot / "deb" / "vmlinuz").write_bytes(bytes(range(256)) * 300)
    (boot / "deb" / "initrd.gz").write_bytes(b"initrd")
    (boot / "nearboot-health").write_text("ok\n")
    return Config(state_dir=str(tmp_path), database_url=database_url, boot_root=str(boot))


@pytest.fixture
def fleet(config: Config, tmp_path: Path) -> Config:
    """The same with the fleet and its latency map loaded."""
    (tmp_path / "fleet.yaml").write_text(FLEET)
    (tmp_path / "pairs.csv").write_text("src,dst,rtt_ms\nhere,there,9\nthere,here,9\n")
    inventory.load(config, [str(tmp_path / "fleet.yaml")], prune=False, dry_run=False, actor="ada", now=NOW)
    latency.load(config, str(tmp_path / "pairs.csv"), latency.Reading(), dry_run=False, actor="ada", now=NOW)
    return config
