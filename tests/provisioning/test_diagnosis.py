"""What a boot that stands still is told to be missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nearboot.model import Event, EventKind, Phase, Run
from nearboot.provisioning.diagnosis import missing_step

DHCP, TFTP, CALLBACK = EventKind.DHCP_LEASE, EventKind.TFTP_READ, EventKind.CALLBACK
LEASE = (0.0, DHCP, "10.77.0.104")
NBP = (0.4, TFTP, "grubnetx64.efi")
CONFIG = (1.0, TFTP, "grub/grub.cfg")
KERNEL = (2.0, TFTP, "images/debian/vmlinuz")

Item = tuple[float, EventKind, str] | tuple[float, EventKind, str, str]
CASES: list[tuple[str, list[Item], Phase]] = [
    ("no-dhcp", [], Phase.DHCP),
    ("no-nbp", [LEASE], Phase.NBP),
    ("nbp-not-found", [LEASE, (1, TFTP, "shimx64.efi", "not-found")], Phase.NBP),
    (
        "nbp-broke-off",
        [LEASE, (1, TFTP, "grubnetx64.efi", "aborted-by-client"), (9, TFTP, "grubnetx64.efi", "timed-out")],
        Phase.NBP,
    ),
    ("no-config", [LEASE, NBP], Phase.CONFIG),
    ("no-config", [LEASE, NBP, (1, TFTP, "grub/x86_64-efi/command.lst", "not-found")], Phase.CONFIG),
    ("config-not-found", [LEASE, NBP, (1, TFTP, "pxelinux.cfg/default", "not-found")], Phase.CONFIG),
    ("config-failed", [LEASE, NBP, (1, TFTP, "grub/grub.cfg", "template-error")], Phase.CONFIG),
    ("no-kernel", [LEASE, NBP, CONFIG], Phase.KERNEL),
    ("no-kernel", [LEASE, NBP, CONFIG, (2, TFTP, "grub/x86_64-efi/fs.lst", "not-found")], Phase.KERNEL),
    ("kernel-not-found", [LEASE, NBP, CONFIG, (2, TFTP, "images/debian/vmlinux", "not-found")], Phase.KERNEL),
    ("kernel-broke-off", [LEASE, NBP, CONFIG, (2, TFTP, "images/debian/vmlinuz", "timed-out")], Phase.KERNEL),
    ("no-callback", [LEASE, NBP, CONFIG, KERNEL], Phase.INSTALLER),
    ("installer-silent", [LEASE, NBP, CONFIG, KERNEL, (9, CALLBACK, "installer")], Phase.CONFIGURE),
    ("configure-silent", [(9, CALLBACK, "configure")], Phase.REBOOT),
    ("no-return", [(9, CALLBACK, "reboot")], Phase.PROVISIONED),
]


@pytest.mark.parametrize(
    ("code", "items", "expected"), [pytest.param(*case, id=f"{case[0]}-{len(case[1])}") for case in CASES]
)
def test_the_missing_step_has_its_usual_cause(
    code: str, items: list[Item], expected: Phase, event: Callable[..., Event], play: Callable[[list[Event]], Run]
) -> None:
    """By how far the boot came, and by what was asked for in vain."""
    events = [event(*item) for item in items]
    missing = missing_step(play(events).phase, events)
    assert missing is not None
    assert (missing.code, missing.expected) == (code, expected)


def test_nothing_is_missing_from_a_provisioned_server() -> None:
    """The end has no next step."""
    assert missing_step(Phase.PROVISIONED, []) is None
