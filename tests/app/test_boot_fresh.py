"""A boot server's answers are never older than the last commit, whichever process and whichever command wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from nearboot.app import inventory, provision
from nearboot.app.boot import Asker, BootDesk, Found, boot_files
from nearboot.app.database import database
from nearboot.config import Config

from .conftest import FLEET

KNOWN = ip_address("127.0.0.1")


@pytest.fixture
def desk(fleet: Config) -> Iterator[BootDesk]:
    with database(fleet) as engine:
        yield BootDesk(engine, boot_files(fleet, fleet.root), me="there-boot")


MAC_CFG = "grub/grub.cfg-01-52-54-00-00-00-01"


def _loaded(text: str) -> Callable[[Config, datetime], object]:
    """``nearboot inventory load`` of the fleet with one text of it replaced by another."""
    old, _, new = text.partition(" -> ")

    def load(config: Config, now: datetime) -> None:
        assert old in FLEET
        Path(config.state_dir, "fleet.yaml").write_text(FLEET.replace(old, new))
        files = [str(Path(config.state_dir, "fleet.yaml"))]
        inventory.load(config, files, prune=True, dry_run=False, actor="ada", now=now)

    return load


def _started(config: Config, now: datetime) -> None:
    provision.start(config, ["lo-01"], reason="x", actor="ada", now=now)


@pytest.mark.parametrize(
    ("write", "path", "before", "after"),
    [
        pytest.param(_loaded("name: lo-01 -> name: lo-07"), MAC_CFG, b"lo-01", b"lo-07", id="a server renamed"),
        pytest.param(_loaded("00:00:01 -> 00:00:07"), MAC_CFG, b"lo-01", None, id="a MAC taken away"),
        pytest.param(
            _loaded("00:00:02 -> 00:00:08"),
            MAC_CFG.replace("01-52-54-00-00-00-01", "01-52-54-00-00-00-08"),
            None,
            b"lo-02",
            id="a MAC added",
        ),
        pytest.param(_loaded("127.0.0.9 -> 127.0.0.8"), "pxelinux.cfg/7F000008", None, b"lo-02", id="an address moved"),
        pytest.param(_loaded("deb/vmlinuz -> deb/linux"), MAC_CFG, b"/deb/vmlinuz ", b"/deb/linux ", id="an image"),
        pytest.param(_loaded("tier: lab} -> tier: lab, args: [k=v]}"), MAC_CFG, b"linux", b" k=v ", id="a profile"),
        pytest.param(_loaded("ttyS0,115200 -> ttyS1,9600"), MAC_CFG, b"ttyS0,115200", b"ttyS1,9600", id="a model"),
        pytest.param(_started, MAC_CFG, b"lo-01", b"nearboot.callback=http://127.0.0.5:8080/", id="a run started"),
    ],
)
def test_a_command_of_another_process_is_seen_by_the_next_request(
    fleet: Config,
    desk: BootDesk,
    now: datetime,
    *,
    write: Callable[[Config, datetime], object],
    path: str,
    before: bytes | None,
    after: bytes | None,
) -> None:
    """Whatever writes: the desk keeps nothing that the database says has changed."""
    with closing(desk.reader()) as reader:

        def look() -> bytes | None:
            (answer,) = desk.answers([(path, Asker(KNOWN, now))], reader)
            assert isinstance(answer, Found)
            assert answer.content is None or isinstance(answer.content, bytes)
            return answer.content

        for _ in range(2):
            assert has(look(), before)
        write(fleet, now)
        assert has(look(), after)


def has(content: bytes | None, expected: bytes | None) -> bool:
    return content is None if expected is None else content is not None and expected in content


def test_a_run_that_was_cancelled_has_no_call_back_any_more(fleet: Config, desk: BootDesk, now: datetime) -> None:
    """Its token leads nowhere."""
    _started(fleet, now)
    with closing(desk.reader()) as reader:
        asked = [(MAC_CFG, Asker(KNOWN, now))]
        for is_running in (True, False):
            (answer,) = desk.answers(asked, reader)
            assert isinstance(answer, Found) and isinstance(answer.content, bytes)
            assert (b"nearboot.callback=" in answer.content) is is_running
            if is_running:
                provision.cancel(fleet, ["lo-01"], reason="", actor="ada", now=now)
