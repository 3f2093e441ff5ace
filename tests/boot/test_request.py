"""Ladders of names: each was seen on the wire from the real program (PXELINUX 6.04, Debian's GRUB 2.06, iPXE 1.0)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.boot.request import HostKey, KeyKind, parse
from nearboot.errors import ProtocolError
from nearboot.model import NbpFamily

MAC, UUID, ADDRESS, NETWORK, CLIENT = KeyKind.MAC, KeyKind.UUID, KeyKind.ADDRESS, KeyKind.NETWORK, KeyKind.CLIENT
SMBIOS = "4c4c4544-0033-3810-8034-b4c04f4d3132"

CONFIGS = [
    ("pxelinux.cfg/" + SMBIOS, NbpFamily.PXELINUX, UUID, SMBIOS),
    ("pxelinux.cfg/" + SMBIOS.upper(), NbpFamily.PXELINUX, UUID, SMBIOS),
    ("pxelinux.cfg/01-52-54-00-00-00-1a", NbpFamily.PXELINUX, MAC, "52:54:00:00:00:1a"),
    ("pxelinux.cfg/0A4D0068", NbpFamily.PXELINUX, ADDRESS, "10.77.0.104"),
    ("pxelinux.cfg/0A4D006", NbpFamily.PXELINUX, NETWORK, "0a4d006"),
    ("pxelinux.cfg/0", NbpFamily.PXELINUX, NETWORK, "0"),
    ("pxelinux.cfg/default", NbpFamily.PXELINUX, CLIENT, ""),
    ("sub/dir/pxelinux.cfg/default", NbpFamily.PXELINUX, CLIENT, ""),
    ("/grub/grub.cfg", NbpFamily.GRUB, CLIENT, ""),
    ("debian-installer/amd64/grub/grub.cfg", NbpFamily.GRUB, CLIENT, ""),
    ("/grub/grub.cfg-01-52-54-00-00-00-2c", NbpFamily.GRUB, MAC, "52:54:00:00:00:2c"),
    ("/grub/grub.cfg-52:54:00:00:00:2c", NbpFamily.GRUB, MAC, "52:54:00:00:00:2c"),
    ("/grub/grub.cfg-52-54-00-00-00-2c", NbpFamily.GRUB, MAC, "52:54:00:00:00:2c"),
    ("/grub/grub.cfg-" + SMBIOS, NbpFamily.GRUB, UUID, SMBIOS),
    ("/grub/grub.cfg-0A4D007A", NbpFamily.GRUB, ADDRESS, "10.77.0.122"),
    ("/grub/grub.cfg-0A4D007", NbpFamily.GRUB, NETWORK, "0a4d007"),
    ("/grub/grub.cfg-0", NbpFamily.GRUB, NETWORK, "0"),
    ("/grub/grub.cfg-fd77-0-0-0-5054-0-0-30", NbpFamily.GRUB, ADDRESS, "fd77::5054:0:0:30"),
    ("/grub/grub.cfg-fd77-0-0-0-5054", NbpFamily.GRUB, NETWORK, "fd77-0-0-0-5054"),
    ("/grub/by-mac/52:54:00:00:00:30.cfg", NbpFamily.GRUB, MAC, "52:54:00:00:00:30"),
    ("boot.ipxe", NbpFamily.IPXE, CLIENT, ""),
    ("autoexec.ipxe", NbpFamily.IPXE, CLIENT, ""),
    ("ipxe/52-54-00-00-00-1b.ipxe", NbpFamily.IPXE, MAC, "52:54:00:00:00:1b"),
    ("ipxe/52:54:00:00:00:1B.ipxe", NbpFamily.IPXE, MAC, "52:54:00:00:00:1b"),
    ("ipxe/52540000001b/auto.ipxe", NbpFamily.IPXE, MAC, "52:54:00:00:00:1b"),
]


@pytest.mark.parametrize(("asked", "family", "kind", "value"), [pytest.param(*case, id=case[0]) for case in CONFIGS])
def test_a_configuration_names_its_host(asked: str, family: NbpFamily, kind: KeyKind, value: str) -> None:
    """Each rung of a boot loader's ladder says whose configuration is meant."""
    request = parse(asked)
    assert (request.family, request.keys) == (family, (HostKey(kind, value),))


@pytest.mark.parametrize(
    "asked",
    [
        "pxelinux.0",
        "ldlinux.c32",
        "grubnetx64.efi",
        "revocations_sku.efi",
        "grubx64.efi",
        "/grub/x86_64-efi/command.lst",
        "/vmlinuz",
        "nearboot-health",
        "pxelinux.cfg/vesa.c32",
        "grub/grub.cfg.bak",
        "images/mygrub.cfg",
    ],
)
def test_other_names_are_files(asked: str) -> None:
    """What no ladder holds is a file to stream."""
    request = parse(asked)
    assert not request.is_config
    assert request.path == asked.lstrip("/")


@pytest.mark.parametrize(
    ("asked", "path", "notes"),
    [
        pytest.param("pxelinux.0", "pxelinux.0", (), id="nothing"),
        pytest.param("pxelinux.0\xff", "pxelinux.0", ("trailing 0xFF or NUL removed",), id="0xff-latin1"),
        pytest.param("pxelinux.0\udcff\x00", "pxelinux.0", ("trailing 0xFF or NUL removed",), id="0xff-surrogate"),
        pytest.param("pxelinux.0\ufffd", "pxelinux.0", ("trailing 0xFF or NUL removed",), id="0xff-replaced"),
        pytest.param("\\EFI\\x.efi", "EFI/x.efi", ("backslashes turned", "leading slash removed"), id="backslash"),
        pytest.param("a//b/./c", "a/b/c", ("doubled slashes removed",), id="doubled"),
        pytest.param("///a", "a", ("doubled slashes removed", "leading slash removed"), id="many-leading"),
        pytest.param("./a", "a", ("leading slash removed",), id="dot"),
    ],
)
def test_a_mangled_path_is_repaired_and_noted(asked: str, path: str, notes: tuple[str, ...]) -> None:
    """Firmware mangles names in known ways; the repair is done, and can be seen."""
    request = parse(asked)
    assert (request.path, request.notes) == (path, notes)


@pytest.mark.parametrize(
    "asked",
    ["../etc/passwd", "a/../../b", "\\..\\b", "a/..", "", "/", "a\x00b", "a\nb", "x" * 600, "?mac=1"],
)
def test_a_path_that_no_file_can_have_is_refused(asked: str) -> None:
    """Leaving the root, control characters, nothing at all: the peer is told, and nothing is looked up."""
    with pytest.raises(ProtocolError):
        parse(asked)


def test_ipxe_query_names_the_host_before_the_address() -> None:
    """boot.ipxe?mac=&uuid= is about that host, whoever asks."""
    request = parse(f"boot.ipxe?mac=52-54-00-00-00-1b&uuid={SMBIOS}")
    assert request.path == "boot.ipxe"
    assert request.keys == (HostKey(MAC, "52:54:00:00:00:1b"), HostKey(UUID, SMBIOS), HostKey(CLIENT))


def test_an_unusable_query_is_as_good_as_none() -> None:
    """A ROM without a UUID sends uuid= with nothing behind it."""
    assert parse("boot.ipxe?uuid=&mac=zz").keys == (HostKey(CLIENT),)


@given(st.text())
def test_any_text_is_a_safe_path_or_refused(asked: str) -> None:
    """Whatever comes, what goes on to the file system is relative and has no parts that climb."""
    try:
        request = parse(asked)
    except ProtocolError:
        return
    parts = request.path.split("/")
    assert ".." not in parts
    assert parts[0]
    assert "\\" not in request.path
