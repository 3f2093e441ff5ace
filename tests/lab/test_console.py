"""Consoles: recorded output of real boots gives milestones, in whatever pieces it comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.lab.console import Console, MilestoneKind

K = MilestoneKind
RECORDED = Path(__file__).parent / "golden"
BIOS = [K.FIRMWARE, K.NETBOOT, K.NEXT_SERVER, K.NBP, K.LOADING, K.LOADING, K.KERNEL]
UEFI = [K.NETBOOT, K.NEXT_SERVER, K.NBP, K.KERNEL]
INIT = [K.INIT, K.LEASE, K.CALLBACK, K.CALLBACK, K.DONE]


def _kinds(data: bytes, size: int = 4096) -> list[MilestoneKind]:
    console = Console()
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return [milestone.kind for piece in pieces for milestone in console.feed(piece, 0.0)]


@pytest.mark.parametrize(("name", "kinds"), [("bios.serial", BIOS + INIT), ("uefi.serial", UEFI + INIT)])
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_recorded_boots_give_their_milestones(name: str, kinds: list[MilestoneKind], size: int) -> None:
    """Consoles of QEMU with SeaBIOS and with OVMF, whole or byte by byte."""
    assert _kinds((RECORDED / name).read_bytes(), size) == kinds


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        pytest.param(b"  PXE-E16: No valid offer received.\r\n", [K.TROUBLE], id="pxe-e16"),
        pytest.param(b"PXE-E53: No boot filename received\r\n", [K.TROUBLE], id="pxe-e53"),
        pytest.param(b"No bootable device.\r\n", [K.FATAL], id="seabios-gives-up"),
        pytest.param(b"[    1.0] Kernel panic - not syncing: VFS\r\n", [K.FATAL], id="panic"),
        pytest.param(b"\x1b[0m\x1b[1mgrub> ", [K.FATAL], id="grub-prompt"),
        pytest.param(b"grub> \x08\x20\x08", [K.FATAL], id="grub-prompt-once"),
        pytest.param(b"error: file `/vmlinuz' not found.\r\n", [K.TROUBLE], id="grub-file"),
        pytest.param(b"Operation canceled (http://ipxe.org/0b072095)\r\n", [K.TROUBLE], id="ipxe-error"),
        pytest.param(b"error: no suitable video mode found.\r\n", [], id="grub-blind-mode"),
        pytest.param(b"nearboot: callback installer attempt 1 failed: \r\n", [K.TROUBLE], id="retry"),
        pytest.param(b"nearboot: failed no lease from DHCP 9.1\r\n", [K.FATAL], id="init-gives-up"),
        pytest.param(b"nearboot: init up 2", [], id="half-a-line"),
        pytest.param(b"nearboot: init up 2\r\nnearboot: init up 2\r\n", [K.INIT, K.INIT], id="twice"),
        pytest.param(b"\x1b[2J\x1b[01;01Hnearboot: done 3\x1b[5;1H", [K.DONE], id="cursor-ends-line"),
        pytest.param("bösartig \xff".encode("latin-1") + b"\r\n", [], id="not-utf-8"),
    ],
)
def test_lines_and_prompts_have_their_meaning(data: bytes, kinds: list[MilestoneKind]) -> None:
    """Errors that may pass are trouble, those at which a machine stays are fatal."""
    assert _kinds(data) == kinds


def test_a_milestone_has_its_time_and_its_line() -> None:
    """The time is that of the piece which completed the line; the text has no escape codes."""
    console = Console()
    assert console.feed(b"\x1b[0;1mnearboot: init", 1.0) == []
    (milestone,) = console.feed(b" up 2.70\x1b[0m\r\n", 2.5)
    assert (milestone.at_s, milestone.text) == (2.5, "nearboot: init up 2.70")


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_any_bytes_are_survived(pieces: list[bytes]) -> None:
    """A console may send anything; nothing raises, and what is kept stays bounded."""
    console = Console()
    for piece in pieces:
        console.feed(piece, 0.0)
    console.feed(b"x" * 20_000, 0.0)
    console.feed(b"x" * 20_000, 0.0)
    assert [m.kind for m in console.feed(b"\r\nnearboot: done 1\r\n", 0.0)][-1:] == [K.DONE]
