"""What is missing from a boot that does not go on, and what that usually means: rules in order, the first that fits.

Not a verdict: a hint for the person who looks. The causes are those that operators of PXE fleets report again and
again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nearboot.model import Event, EventKind, Phase
from nearboot.provisioning.phases import ORDER, classify

READS = (EventKind.TFTP_READ, EventKind.HTTP_READ)
NOT_FOUND = "not-found"
ABORTED = "aborted-by-client"


@dataclass(frozen=True, slots=True)
class Missing:
    """The step that should come next: ``after`` the phase that was reached, with what it usually means that it did
    not."""

    code: str
    after: Phase
    expected: Phase
    text: str


@dataclass(frozen=True, slots=True)
class _Rule:
    code: str
    after: Phase
    fits: Callable[[Sequence[Event]], bool]
    text: str


def missing_step(reached: Phase, events: Sequence[Event]) -> Missing | None:
    """The next step of a boot that stands at ``reached``; None when it is provisioned."""
    if reached is Phase.PROVISIONED:
        return None
    rule = next(rule for rule in _RULES if rule.after is reached and rule.fits(events))
    following = {place: phase for phase, place in ORDER.items()}
    return Missing(rule.code, reached, following[ORDER[reached] + 1], rule.text)


def _always(events: Sequence[Event]) -> bool:
    return True


def _nbp_read_failed(events: Sequence[Event]) -> bool:
    """A read of an NBP began and none ended well; a size probe alone is a read that the client aborted."""
    return any(event.kind in READS and event.phase is Phase.NBP and event.outcome != "ok" for event in events)


def _file_not_found(events: Sequence[Event]) -> bool:
    return any(event.kind in READS and event.outcome == NOT_FOUND for event in events)


def _configs_not_found(events: Sequence[Event]) -> bool:
    outcomes = {event.outcome for event in events if _is_config(event)}
    return NOT_FOUND in outcomes and "ok" not in outcomes


def _config_failed(events: Sequence[Event]) -> bool:
    return any(_is_config(event) and event.outcome not in ("ok", NOT_FOUND, ABORTED) for event in events)


def _kernel_not_found(events: Sequence[Event]) -> bool:
    """After the configuration, a file was asked for that is not there."""
    served = False
    for event in events:
        if _is_config(event) and event.outcome == "ok":
            served = True
        elif served and event.kind in READS and event.outcome == NOT_FOUND and not _is_module(event.subject):
            return True
    return False


def _kernel_broke(events: Sequence[Event]) -> bool:
    return any(event.phase is Phase.KERNEL and event.outcome not in ("ok", NOT_FOUND) for event in events)


def _is_config(event: Event) -> bool:
    return event.kind in READS and classify(event.kind, event.subject) is Phase.CONFIG


def _is_module(path: str) -> bool:
    """Files that boot loaders ask for and do without: GRUB's lists and modules, syslinux's."""
    return path.endswith((".lst", ".mod", ".c32"))


_RULES: tuple[_Rule, ...] = (
    _Rule(
        "no-dhcp",
        Phase.POWER_ON,
        _always,
        "no DHCP lease: the machine is off, does not boot from the network, or its DHCP requests do not arrive "
        "(port blocked by spanning tree, relay missing, another interface)",
    ),
    _Rule(
        "nbp-broke-off",
        Phase.DHCP,
        _nbp_read_failed,
        "the NBP was asked for but not read to its end: packets are lost or too large for the path, or the client "
        "gave up",
    ),
    _Rule(
        "nbp-not-found",
        Phase.DHCP,
        _file_not_found,
        "the NBP that DHCP names is not on the boot server: stage it under the file root, or correct boot-file-name",
    ),
    _Rule(
        "no-nbp",
        Phase.DHCP,
        _always,
        "has an address but never asked for an NBP: next-server or boot-file-name was missing from the lease, or the "
        "boot server cannot be reached (TFTP filtered, another DHCP server answered first)",
    ),
    _Rule(
        "config-not-found",
        Phase.NBP,
        _configs_not_found,
        "asked for a configuration and found none: its MAC or address is not in the inventory, or no boot profile fits",
    ),
    _Rule(
        "config-failed",
        Phase.NBP,
        _config_failed,
        "asked for a configuration that could not be made or sent: see the outcome of that read",
    ),
    _Rule(
        "no-config",
        Phase.NBP,
        _always,
        "got the NBP but never asked for a configuration: the NBP did not start (wrong architecture? Secure Boot?), "
        "or it looks in another place",
    ),
    _Rule(
        "kernel-not-found",
        Phase.CONFIG,
        _kernel_not_found,
        "has its configuration, but a file that it names is not on the boot server: check kernel and initrd",
    ),
    _Rule(
        "kernel-broke-off",
        Phase.CONFIG,
        _kernel_broke,
        "began to read the kernel and did not finish: packets are lost, or the path is too slow for it",
    ),
    _Rule(
        "no-kernel",
        Phase.CONFIG,
        _always,
        "has its configuration but never asked for a kernel: the boot loader refused the configuration, or it is still "
        "at its menu",
    ),
    _Rule(
        "no-callback",
        Phase.KERNEL,
        _always,
        "has kernel and initrd but nothing called back: the kernel did not start, lacks the driver of the network "
        "interface, or cannot reach the call-back URL",
    ),
    _Rule(
        "installer-silent",
        Phase.INSTALLER,
        _always,
        "the installer started and has not reported since: it waits for an answer, or failed without a report",
    ),
    _Rule(
        "configure-silent",
        Phase.CONFIGURE,
        _always,
        "configuration of the system started and has not ended",
    ),
    _Rule(
        "no-return",
        Phase.REBOOT,
        _always,
        "went down for its reboot and has not come back: it boots from another device, or the installed system fails",
    ),
)
