"""Reads a machine's serial console: how far has it come? Bytes in, milestones out; no file, no clock.

Firmware draws screens: escape codes are taken away, and cursor movements end a line. A line counts when it is complete;
prompts, which wait for a key that nobody presses, count as they stand.

    console = Console()
    for milestone in console.feed(b"SeaBIOS (version 1.16.2)\\r\\n", at_s=0.4): ...
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from enum import Enum


class MilestoneKind(Enum):
    """What the console shows, in the order of a boot; then what ends or hinders it."""

    FIRMWARE = "firmware"  # SeaBIOS or OVMF is running
    NETBOOT = "netboot"  # its network boot has begun
    NEXT_SERVER = "next-server"  # DHCP has answered, naming the boot server
    NBP = "nbp"  # the network boot program runs
    LOADING = "loading"  # it loads the kernel or an initrd
    KERNEL = "kernel"
    INIT = "init"
    LEASE = "lease"  # the lab's init has an address
    CALLBACK = "callback"  # a call-back was accepted
    DONE = "done"
    POWER_OFF = "power-off"  # the machine's process has ended; not from the console
    TROUBLE = "trouble"  # an error that the machine may get over by itself
    FATAL = "fatal"  # an error at which it stays


@dataclass(frozen=True, slots=True)
class Milestone:
    """One sign of progress or failure. ``at_s`` counts from the machine's start, ``text`` is the console's line."""

    kind: MilestoneKind
    at_s: float
    text: str


_LINES = (  # the first found in a line counts; QEMU 7.2's iPXE and SeaBIOS, OVMF 2022.11, syslinux 6.04
    (r"Kernel panic - not syncing", MilestoneKind.FATAL),
    (r"^nearboot: failed", MilestoneKind.FATAL),
    (r"^nearboot: callback \S+ attempt", MilestoneKind.TROUBLE),
    (r"^nearboot: callback \S+ ok", MilestoneKind.CALLBACK),
    (r"^nearboot: init up", MilestoneKind.INIT),
    (r"^nearboot: lease", MilestoneKind.LEASE),
    (r"^nearboot: done", MilestoneKind.DONE),
    (r"\bLinux version \d", MilestoneKind.KERNEL),
    (r"^SeaBIOS \(version|^UEFI firmware \(version", MilestoneKind.FIRMWARE),
    (r"^iPXE initialising devices|^>>Start (PXE|HTTP Boot) over", MilestoneKind.NETBOOT),
    (r"^Next server:|^\s*Server IP address is|^\s*Server address is", MilestoneKind.NEXT_SERVER),
    (r"^PXELINUX \d|Welcome to GRUB!", MilestoneKind.NBP),
    (r"^Loading \S+\.\.\.", MilestoneKind.LOADING),
    (r"No bootable device|BdsDxe: No bootable option", MilestoneKind.FATAL),
    (
        r"Failed to load (COM32|ldlinux)|No DEFAULT or UI configuration|Unable to locate configuration",
        MilestoneKind.FATAL,
    ),
    (r"PXE-E\d\d|PXE-M0F", MilestoneKind.TROUBLE),
    (r"\(http://ipxe\.org/[0-9a-f]{8}\)|No more network devices|Nothing to boot", MilestoneKind.TROUBLE),
    (r"BdsDxe: failed to", MilestoneKind.TROUBLE),
    (r"^error: .*not found|Could not find kernel image|Boot failed", MilestoneKind.TROUBLE),
    (r"\b(segfault|Segmentation fault|Out of memory)\b", MilestoneKind.TROUBLE),
)
_PROMPTS = (  # at the end of a console that says no more
    (r"^(grub|grub rescue)> ?$", MilestoneKind.FATAL),
    (r"^(iPXE|boot:|Shell)> ?$|^boot: ?$", MilestoneKind.FATAL),
    (r"[Pp]ress (a|any) key to (retry|reboot|continue)[.: ]*$", MilestoneKind.TROUBLE),
)
_LINE_RULES = tuple((re.compile(pattern), kind) for pattern, kind in _LINES)
_PROMPT_RULES = tuple((re.compile(pattern), kind) for pattern, kind in _PROMPTS)

_MOVE = re.compile(r"\x1b\[[0-9;]*[HfJABEF]|\x1bc")  # the cursor leaves the line, or the screen is cleared
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][A-Za-z0-9]|\x1b[=>78DEHM]")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[()])?\Z")
_LINE_END = re.compile(r"[\r\n]+")
_MAX_LINE = 4096  # a console that never ends its line is cut here


class Console:
    """The console of one machine, fed with its bytes in any pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""  # what stands after the last line end
        self._prompted = ""  # the prompt that was reported already

    def feed(self, data: bytes, at_s: float) -> list[Milestone]:
        """Take bytes that came at ``at_s``; give the milestones that they complete."""
        text = self._rest + self._decoder.decode(data)
        unfinished = _UNFINISHED.search(text)
        tail = unfinished[0] if unfinished else ""
        *lines, last = _LINE_END.split(_plain(text.removesuffix(tail)))
        found = [milestone for line in lines if (milestone := _match(line, _LINE_RULES, at_s))]
        if lines:
            self._prompted = ""
        prompt = _match(last, _PROMPT_RULES, at_s)
        if prompt and last != self._prompted:
            found.append(prompt)
            self._prompted = last
        self._rest = last[-_MAX_LINE:] + tail
        return found


def _plain(text: str) -> str:
    """Take away escape codes and deletions; a cursor movement becomes a line end."""
    text = _ESCAPE.sub("", _MOVE.sub("\n", text))
    return text.replace("\b \b", "").replace("\b", "").replace("\0", "")


def _match(line: str, rules: tuple[tuple[re.Pattern[str], MilestoneKind], ...], at_s: float) -> Milestone | None:
    for pattern, kind in rules:
        if pattern.search(line):
            return Milestone(kind, at_s, " ".join(line.split()))
    return None
