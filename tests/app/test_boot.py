"""What a path leads to: by MAC, by address, by the client, or a plain file; and which boot server answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from nearboot.app import inventory, provision
from nearboot.app.boot import Asker, BootDesk, boot_files, check_name, is_plain_file
from nearboot.app.database import database
from nearboot.config import Config
from nearboot.errors import NotFoundError, ProtocolError

from .conftest import FLEET

STRANGER = ip_address("192.0.2.1")
KNOWN = ip_address("127.0.0.1")


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture
def desk(fleet: Config) -> Iterator[BootDesk]:
    with database(fleet) as engine:
        yield BootDesk(engine, boot_files(fleet, fleet.root), me="there-boot")


@pytest.mark.parametrize(
    ("path", "client", "server"),
    [
        pytest.param("pxelinux.cfg/01-52-54-00-00-00-02", STRANGER, "lo-02", id="by MAC, whoever asks"),
        pytest.param("pxelinux.cfg/7F000009", STRANGER, "lo-02", id="by address in hexadecimal"),
        pytest.param("grub/grub.cfg-01-52:54:00:00:00:01", STRANGER, "lo-01", id="GRUB by MAC"),
        pytest.param("grub/grub.cfg", KNOWN, "lo-01", id="by the client's address"),
        pytest.param("pxelinux.cfg/default", KNOWN, "lo-01", id="default by the client's address"),
        pytest.param("pxelinux.cfg/01-52-54-00-00-00-99", KNOWN, None, id="a MAC of nobody"),
    ],
)
def test_a_configuration_is_that_of_the_server_meant(
    desk: BootDesk, now: datetime, path: str, client: object, server: str | None
) -> None:
    """The name in the path comes before the address of the client."""
    found = desk.look_up(path, Asker(ip_address(str(client)), now))
    assert found.server == server
    assert found.reason.text
    if server is None:
        assert found.content is None
    else:
        assert isinstance(found.content, bytes) and server.encode() in found.content


def test_a_plain_file_needs_no_server(desk: BootDesk, now: datetime, fleet: Config) -> None:
    """Nobody need be known to read a kernel; a missing one is nothing, with a reason."""
    assert desk.look_up("deb/vmlinuz", Asker(STRANGER, now)).content == fleet.root / "deb" / "vmlinuz"
    missing = desk.look_up("deb/none", Asker(STRANGER, now))
    assert (missing.content, missing.server) == (None, None)
    with pytest.raises(ProtocolError):
        desk.look_up("../secret", Asker(STRANGER, now))


def test_the_call_back_names_the_open_run_and_this_boot_server(fleet: Config, desk: BootDesk, now: datetime) -> None:
    """The installer reports to where it was booted from."""
    (run,) = provision.start(fleet, ["lo-01"], reason="x", actor="ada", now=now)
    content = desk.look_up("grub/grub.cfg", Asker(KNOWN, now)).content
    assert isinstance(content, bytes)
    assert f"http://127.0.0.5:8080/callback/{run.token}".encode() in content


def test_a_known_server_does_not_get_anothers_token(fleet: Config, desk: BootDesk, now: datetime) -> None:
    """It may see the other's configuration, which is no secret, but not report in its name."""
    (run,) = provision.start(fleet, ["lo-02"], reason="test", actor="ada", now=now)
    own = desk.look_up("pxelinux.cfg/01-52-54-00-00-00-02", Asker(ip_address("127.0.0.9"), now))
    other = desk.look_up("pxelinux.cfg/01-52-54-00-00-00-02", Asker(KNOWN, now))
    assert isinstance(own.content, bytes) and run.token.encode() in own.content
    assert isinstance(other.content, bytes) and run.token.encode() not in other.content


def test_a_template_of_ones_own_is_used(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """The folder need only hold what differs from the shipped ones."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "grub.cfg.j2").write_text("mine for {{ server.name }}\n")
    files = boot_files(replace(fleet, templates=str(tmp_path / "own")), fleet.root)
    with database(fleet) as engine:
        desk = BootDesk(engine, files, me=None)
        assert desk.look_up("grub/grub.cfg", Asker(KNOWN, now)).content == b"mine for lo-01\n"
        shipped = desk.look_up("pxelinux.cfg/default", Asker(KNOWN, now)).content
        assert isinstance(shipped, bytes) and b"LABEL nearboot" in shipped


def test_a_boot_server_that_is_not_there_is_told_at_once(fleet: Config) -> None:
    """None is no name: the boot server is found by the address asked."""
    with database(fleet) as engine:
        check_name(engine, None)
        check_name(engine, "here-boot")
        with pytest.raises(NotFoundError, match="here-boot"):
            check_name(engine, "here-bot")


def test_which_paths_are_plain_files() -> None:
    """They are answered on the data plane, without the database."""
    assert is_plain_file("deb/vmlinuz")
    assert not is_plain_file("grub/grub.cfg")


def test_the_interface_that_the_path_names_is_meant(config: Config, now: datetime) -> None:
    """Though the server asks from the address of another one of its own; BOOTIF tells the initrd which booted."""
    interfaces = (
        '{name: e0, mac: "52:54:00:00:00:01", ipv4: 127.0.0.1}, {name: e1, mac: "52:54:00:00:00:07", ipv4: 127.0.0.7}'
    )
    document = FLEET.replace('{name: eth0, mac: "52:54:00:00:00:01", ipv4: 127.0.0.1}', interfaces)
    Path(config.state_dir, "two.yaml").write_text(document)
    inventory.load(config, [f"{config.state_dir}/two.yaml"], prune=False, dry_run=False, actor="ada", now=now)
    with database(config) as engine:
        desk = BootDesk(engine, boot_files(config, config.root), me=None)
        for path, mac in (
            ("grub/grub.cfg-01-52-54-00-00-00-07", b"BOOTIF=01-52-54-00-00-00-07"),
            ("grub/grub.cfg-7F000007", b"BOOTIF=01-52-54-00-00-00-07"),
            ("grub/grub.cfg", b"BOOTIF=01-52-54-00-00-00-01"),
        ):
            content = desk.look_up(path, Asker(KNOWN, now)).content
            assert isinstance(content, bytes) and mac in content
