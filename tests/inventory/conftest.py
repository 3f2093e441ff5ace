"""One small inventory that uses every noun and nearly every field."""

from __future__ import annotations

import pytest

from nearboot.inventory.load import load
from nearboot.model import Inventory

SAMPLE = """\
locations:
  - {slug: emea, kind: region}
  - {slug: ams, kind: site, parent: emea, name: Amsterdam, latitude: 52.37, longitude: 4.9, aliases: [Schiphol, "NL 1"]}
  - {slug: ams-r1, kind: rack, parent: ams}
  - {slug: fra, kind: site, parent: emea, name: Frankfurt am Main}
tiers: [{slug: web, name: Web servers}, {slug: db}]
models:
  - {slug: r640, manufacturer: Dell, name: PowerEdge R640, firmware: bios, console: "ttyS0,115200"}
  - {slug: x12}
images:
  - {slug: debian-12, kernel: debian-12/vmlinuz, initrd: [debian-12/initrd.gz, debian-12/firmware.cpio], args: [quiet]}
profiles:
  - {slug: web-debian, image: debian-12, tier: web, args: [auto], installer: preseed, nbp: ipxe}
  - {slug: any, image: debian-12}
servers:
  - name: web-ams-01
    location: ams-r1
    tier: web
    model: r640
    serial: 00123
    uuid: 4C4C4544-0042-4410-8056-B4C04F313233
    domain: example.net
    interfaces:
      - {name: eth1, mac: 5254.0000.0102, boot: no}
      - {name: eth0, mac: 52:54:00:00:01:01, ipv4: 10.10.0.11, ipv6: "fd10::11", duid: 00:03:00:01:52:54:00:00:01:01}
    bmc: {address: 10.1.0.11, protocol: redfish, username: admin, credential: "env:BMC"}
    params: {role: frontend, enabled: on, minutes: 1:30, empty: }
  - {name: db-fra-01, location: fra, tier: db, model: x12, profile: any}
subnets:
  - {prefix: 10.10.0.0/24, location: ams, gateway: 10.10.0.1, dns: [10.10.0.1], pools: [10.10.0.100-10.10.0.199]}
  - {prefix: 10.20.0.0/24, location: fra, relays: [10.255.0.1], ntp: [10.20.0.1], domain: fra.example.net, kea_id: 7}
  - {prefix: "fd10::/64", location: ams, gateway: "fe80::1", name: ams v6}
boot_servers:
  - {name: ams-boot, location: ams, ipv4: 10.10.0.2, ipv6: "fd10::2", http_url: "http://10.10.0.2:8080/", weight: 50}
  - {name: fra-boot, location: fra, ipv4: 10.20.0.2, tftp_port: 6969, state: disabled}
origins:
  - {name: mirror, url: "https://deb.example.net/boot", location: fra}
"""


@pytest.fixture
def sample_text() -> str:
    return SAMPLE


@pytest.fixture
def sample() -> Inventory:
    return load([("sample.yaml", SAMPLE)], Inventory())
