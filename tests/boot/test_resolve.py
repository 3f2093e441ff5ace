"""Which rule answers which request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nearboot.boot.host import HostBoot
from nearboot.boot.request import parse
from nearboot.boot.resolve import Missing, Rendered, StaticFile, resolve
from nearboot.model import BootProfile, Image, NbpFamily, Server, Slug

KNOWN = [
    ("pxelinux.0", "static-file", "pxelinux.0"),
    ("/grub/x86_64-efi/command.lst", "static-file", "grub/x86_64-efi/command.lst"),
    ("pxelinux.cfg/01-52-54-00-00-00-1a", "host-config", "pxelinux.cfg.j2"),
    ("pxelinux.cfg/0A4D0068", "host-config", "pxelinux.cfg.j2"),
    ("pxelinux.cfg/0A4D006", "network-not-host", None),
    ("pxelinux.cfg/default", "host-config", "pxelinux.cfg.j2"),
    ("/grub/grub.cfg", "host-config", "grub.cfg.j2"),
    ("/grub/by-mac/52:54:00:00:00:1a.cfg", "host-config", "grub.cfg.j2"),
    ("boot.ipxe", "host-config", "boot.ipxe.j2"),
]
UNKNOWN = [
    ("pxelinux.0", "static-file", "pxelinux.0"),
    ("pxelinux.cfg/01-52-54-00-00-00-99", "unknown-host", None),
    ("pxelinux.cfg/0A4D0068", "unknown-host", None),
    ("pxelinux.cfg/0A", "network-not-host", None),
    ("pxelinux.cfg/default", "unknown-host", None),
    ("/grub/grub.cfg", "stub", "grub-stub.cfg.j2"),
    ("/grub/grub.cfg-01-52-54-00-00-00-99", "unknown-host", None),
    ("/grub/by-mac/52:54:00:00:00:99.cfg", "unknown-host", None),
    ("boot.ipxe", "stub", "ipxe-stub.ipxe.j2"),
    ("boot.ipxe?mac=52-54-00-00-00-99", "unknown-host", None),
    ("ipxe/52-54-00-00-00-99.ipxe", "unknown-host", None),
]


def _check(asked: str, host: HostBoot | None, code: str, what: str | None) -> None:
    answer = resolve(parse(asked), host)
    assert answer.reason.code == code
    match answer:
        case Rendered(template=template):
            assert template == what
        case StaticFile(path=path):
            assert path == what
        case Missing():
            assert what is None


@pytest.mark.parametrize(("asked", "code", "what"), [pytest.param(*case, id=case[0]) for case in KNOWN])
def test_a_known_host_gets_its_own(host: HostBoot, asked: str, code: str, what: str | None) -> None:
    """Configurations are rendered for the host, other names are files."""
    _check(asked, host, code, what)


@pytest.mark.parametrize(("asked", "code", "what"), [pytest.param(*case, id=case[0]) for case in UNKNOWN])
def test_an_unknown_client_gets_no_hosts_configuration(asked: str, code: str, what: str | None) -> None:
    """It may load programs, and is sent to ask by its MAC; a name with a MAC never leads to a stub again."""
    _check(asked, None, code, what)


def test_a_host_without_an_image_is_told_apart_from_an_unknown_one(host: HostBoot) -> None:
    """The operator must see that a profile is missing, and not a server."""
    answer = resolve(parse("pxelinux.cfg/default"), replace(host, image=None))
    assert isinstance(answer, Missing)
    assert answer.reason.code == "no-image"
    assert "web01 has no boot profile" in answer.reason.text


def test_the_reason_says_what_was_asked_for_and_what_was_repaired(host: HostBoot) -> None:
    """All that an operator needs to see why a file was or was not served."""
    answer = resolve(parse("//pxelinux.cfg/01-52-54-00-00-00-1a\xff"), host)
    assert answer.reason.text == "configuration of web01"
    assert answer.reason.data == {
        "path": "pxelinux.cfg/01-52-54-00-00-00-1a",
        "server": "web01",
        "key": "mac",
        "value": "52:54:00:00:00:1a",
        "repaired": "trailing 0xFF or NUL removed; doubled slashes removed; leading slash removed",
    }


@pytest.mark.parametrize(
    ("nbp", "arch", "chained"),
    [
        pytest.param(NbpFamily.PXELINUX, "x86_64", "pxelinux.0", id="pxelinux"),
        pytest.param(NbpFamily.GRUB, "x86_64", "grubnetx64.efi", id="grub"),
        pytest.param(NbpFamily.GRUB, "amd64", "grubnetx64.efi", id="grub, as Debian says"),
        pytest.param(NbpFamily.GRUB, "arm64", "grubnetaa64.efi", id="grub on ARM"),
        pytest.param(NbpFamily.GRUB, "aarch64", "grubnetaa64.efi", id="grub on ARM, as Linux says"),
        pytest.param(NbpFamily.PXELINUX, "arm64", None, id="pxelinux is not for ARM"),
        pytest.param(NbpFamily.GRUB, "riscv64", None, id="grub for what it is not shipped for"),
        pytest.param(NbpFamily.IPXE, "x86_64", None, id="ipxe"),
        pytest.param(None, "x86_64", None, id="by firmware"),
    ],
)
def test_a_client_in_ipxe_goes_on_with_the_program_that_its_profile_names(
    nbp: NbpFamily | None, arch: str, chained: str | None
) -> None:
    """Network cards, and QEMU, bring iPXE with them; the profile's word counts, and the program fits the machine."""
    host = HostBoot(
        Server("w", Slug("ams")),
        image=Image(Slug("d"), "vmlinuz", arch=arch),
        profile=BootProfile(Slug("p"), Slug("d"), nbp=nbp),
    )
    answer = resolve(parse("boot.ipxe"), host)
    assert isinstance(answer, Rendered)
    assert answer.context.get("nbp") == chained
    assert answer.reason.code == ("chain" if chained else "host-config")
