"""A small fleet of two sites, and real Kea daemons on loopback that need no root."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest

from nearboot.kea import runner
from nearboot.kea.config import build4, build6, render
from nearboot.kea.settings import KeaInputs, KeaSettings, SocketType
from nearboot.model import (
    BootServer,
    Interface,
    Inventory,
    Location,
    LocationKind,
    NbpRule,
    Pool,
    Route,
    Server,
    Slug,
    Subnet,
    duid_from_text,
    mac_from_text,
)

AMS, SIN, AMS_RACK = Slug("ams"), Slug("sin"), Slug("ams-r1")
NEAR, FAR = Slug("boot-ams"), Slug("boot-sin")
RULES4 = (
    NbpRule("ipxe", (), "boot.ipxe", http=True),
    NbpRule("pxe-bios", (0,), "pxelinux.0"),
    NbpRule("pxe-x64", (7, 9), "grubnetx64.efi"),
    NbpRule("pxe-arm64", (11,), "grubnetaa64.efi"),
    NbpRule("http-x64", (16,), "ipxe.efi", http=True),
)
RULES6 = tuple(rule for rule in RULES4 if rule.name != "pxe-bios")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


def make_server(name: str, location: Slug, mac: str, ipv4: str = "", ipv6: str = "", *, duid: str = "") -> Server:
    interface = Interface(
        "eth0",
        mac_from_text(mac) if mac else None,
        duid_from_text(duid) if duid else None,
        IPv4Address(ipv4) if ipv4 else None,
        IPv6Address(ipv6) if ipv6 else None,
    )
    return Server(name, location, interfaces=(interface,))


def make_subnet(kea_id: int, prefix: str, location: Slug) -> Subnet:
    network = IPv4Network(prefix) if "." in prefix else IPv6Network(prefix)
    start = network.network_address
    return Subnet(
        network,
        location,
        name=f"{location}-hosts",
        kea_id=kea_id,
        gateway=start + 1 if network.version == 4 else None,
        dns=(start + 53,),
        domain=f"{location}.example.net",
        pools=(Pool(start + 100, start + 199),),
    )


FLEET = Inventory(
    locations=(
        Location(AMS, LocationKind.SITE),
        Location(AMS_RACK, LocationKind.RACK, parent=AMS),
        Location(SIN, LocationKind.SITE),
    ),
    servers=(
        make_server("web-ams-1", AMS_RACK, "52:54:00:00:00:01", "10.10.0.21", "fd10::21"),
        make_server("web-sin-1", SIN, "52:54:00:00:00:02", "10.20.0.21", "fd20::21"),
        # Cabled to Singapore, but addressed from the Amsterdam prefix (a stretched layer 2).
        make_server("stray-1", SIN, "52:54:00:00:00:03", "10.10.0.23", "fd10::23"),
        make_server("nameless-1", AMS, "52:54:00:00:00:04"),
        make_server("duid-1", AMS, "52:54:00:00:00:05", "10.10.0.25", "fd10::25", duid="00:03:00:01:52:54:00:00:00:05"),
    ),
    subnets=(
        make_subnet(11, "10.10.0.0/24", AMS_RACK),
        make_subnet(12, "10.20.0.0/24", SIN),
        make_subnet(21, "fd10::/64", AMS),
        make_subnet(22, "fd20::/64", SIN),
    ),
    boot_servers=(
        BootServer(NEAR, AMS, IPv4Address("10.10.0.2"), IPv6Address("fd10::2"), "http://10.10.0.2:8080"),
        BootServer(FAR, SIN, IPv4Address("10.20.0.2"), IPv6Address("fd20::2"), "http://boot-sin.example.net"),
    ),
)


def make_routes(ams: Slug | None = NEAR, sin: Slug | None = FAR) -> tuple[Route, ...]:
    return tuple(
        Route(location, family, (), chosen) for location, chosen in ((AMS, ams), (SIN, sin)) for family in (4, 6)
    )


@pytest.fixture
def fleet() -> KeaInputs:
    """Two sites, each with a subnet and a boot server per family; one host that belongs to the other site."""
    return KeaInputs(FLEET, make_routes(), RULES4, RULES6)


@pytest.fixture
def drained(fleet: KeaInputs) -> KeaInputs:
    """The same fleet after the near boot server was drained: every route chooses the far one."""
    return replace(fleet, routes=make_routes(ams=FAR))


@dataclass(frozen=True)
class Daemon:
    """A Kea that answers relayed clients on loopback."""

    server: tuple[str, int]
    local: tuple[str, int]
    control: Path
    leases: Path


Starter = Callable[..., AbstractAsyncContextManager[Daemon]]


@pytest.fixture
def kea(tmp_path_factory: pytest.TempPathFactory) -> Starter:
    """Start ``kea(family, inputs, **settings)``; the daemon ends with the block."""

    @asynccontextmanager
    async def start(family: int, inputs: KeaInputs, **changes: object) -> AsyncIterator[Daemon]:
        folder = tmp_path_factory.mktemp("k")
        folder.chmod(0o750)
        settings = replace(loopback_settings(folder), **changes)  # type: ignore[arg-type]  # a test's keyword arguments
        path = folder / f"k{family}.json"
        path.write_text(render(build4(inputs, settings) if family == 4 else build6(inputs, settings)))
        host = "127.0.0.1" if family == 4 else "::1"
        port, reply_port = free_ports(host, 2)
        extra = {"KEA_TEST_SEND_RESPONSES_TO_SOURCE": "1"} if family == 4 else {}
        async with runner.serving(family, path, folder, port=port, reply_port=reply_port, extra_env=extra):
            control = Path(settings.control_socket4 if family == 4 else settings.control_socket6)
            leases = Path(settings.lease_file4 if family == 4 else settings.lease_file6)
            yield Daemon((host, port), (host, reply_port), control, leases)

    return start


def loopback_settings(folder: Path) -> KeaSettings:
    return KeaSettings(
        interfaces4=("lo",),
        interfaces6=("lo/::1",),
        socket_type=SocketType.UDP,
        control_socket4=f"{folder}/4.sock",
        control_socket6=f"{folder}/6.sock",
        lease_file4=f"{folder}/4.csv",
        lease_file6=f"{folder}/6.csv",
        lfc_interval_s=0,
        log_output4=f"{folder}/4.log",
        log_output6=f"{folder}/6.log",
        log_severity="DEBUG" if os.environ.get("NEARBOOT_TEST_KEA_DEBUG") else "INFO",
    )


def free_ports(host: str, count: int) -> list[int]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(count)]
    for each in sockets:
        each.bind((host, 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
