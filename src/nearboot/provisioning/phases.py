"""Which event shows which phase of provisioning, and how a run advances: tables, and one pure function on them.

Phases only go forward: a late datagram, or a second boot within a run, takes nothing back. A skipped phase is no error,
as not every installer reports each. A failure that is reported ends the run.

    event = replace(event, phase=classify(event.kind, event.subject, nbps=nbps, images=images))
    run = advance(run, event)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from nearboot.errors import ProtocolError
from nearboot.model import Event, EventKind, Phase, Run

ORDER: Mapping[Phase, int] = {phase: place for place, phase in enumerate(Phase)}
"""The place of each phase on the way, in the order that ``Phase`` defines."""

CALLBACKS: Mapping[str, Phase] = {
    "installer": Phase.INSTALLER,
    "initrd-up": Phase.INSTALLER,  # what a plain initrd says when it has an address
    "start": Phase.INSTALLER,
    "configure": Phase.CONFIGURE,
    "reboot": Phase.REBOOT,
    "provisioned": Phase.PROVISIONED,
    "done": Phase.PROVISIONED,
    "built": Phase.PROVISIONED,
}
"""What an installer may call a phase, as Foreman, Ironic and plain scripts do."""

FAILURES: frozenset[str] = frozenset({"failed", "failure", "error"})
"""Call-backs that end a run."""

AFTER_THE_END = "after-the-end"
"""The outcome of a call-back that came when its run had ended: kept, and without effect."""
FAILED = "failed"
"""The outcome of a call-back that tells of a failure."""

_EXPECTED = ", ".join(dict.fromkeys(phase.value for phase in CALLBACKS.values())) + " or failed"
_READS = (EventKind.TFTP_READ, EventKind.HTTP_READ)
_CONFIG = re.compile(
    r"(?:.*/)?(?:pxelinux\.cfg/[^/]+|grub\.cfg(?:-[^/]+)?|by-mac/[^/]+\.cfg|[^/]+\.ipxe)", re.IGNORECASE
)


def classify(
    kind: EventKind, subject: str, *, nbps: Collection[str] = (), images: Collection[str] = ()
) -> Phase | None:
    """The phase that an event shows, or None. ``nbps`` and ``images``: paths of NBPs, and of kernels and initrds."""
    if kind is EventKind.PROVISION_START:
        return Phase.POWER_ON
    if kind is EventKind.DHCP_LEASE:
        return Phase.DHCP
    if kind is EventKind.CALLBACK:
        return CALLBACKS.get(_word(subject))
    return _of_file(subject, nbps, images) if kind in _READS else None


def is_failure(event: Event) -> bool:
    """Whether the host itself reports that provisioning failed."""
    return event.kind is EventKind.CALLBACK and _word(event.subject) in FAILURES


def outcome_of(said: str, run: Run) -> str:
    """The outcome of a call-back's event; ``ProtocolError`` for a phase that no installer has."""
    word = _word(said)
    if word not in CALLBACKS and word not in FAILURES:
        raise ProtocolError(f"phase {said!r} is unknown; expected {_EXPECTED}")
    if run.finished_at is not None:
        return AFTER_THE_END
    return FAILED if word in FAILURES else "ok"


def is_repeat(said: str, run: Run) -> bool:
    """Whether a call-back says again how the run ended: the installer has not heard the answer, and is not too late."""
    word = _word(said)
    ended = {"provisioned": CALLBACKS.get(word) is Phase.PROVISIONED, "failed": word in FAILURES}
    return run.finished_at is not None and ended.get(run.outcome, False)


def advance(run: Run, event: Event) -> Run:
    """The run after the event; the same run where the event changes nothing.

    ``ValueError`` for an event of another server: that is a bug of the caller. An event of a finished run, one that
    shows no phase, and a read that did not end well change nothing.
    """
    if event.server != run.server:
        raise ValueError(f"an event of {event.server} cannot advance a run of {run.server}")
    if run.finished_at is not None:
        return run
    updated = max(run.updated_at, event.at)
    if is_failure(event):
        problem = str(event.detail.get("message") or f"call-back {event.subject!r}")
        return replace(run, updated_at=updated, finished_at=updated, outcome="failed", problem=problem)
    if event.phase is None or event.outcome != "ok":
        return run
    if ORDER[event.phase] > ORDER[run.phase]:
        return _forward(replace(run, updated_at=updated), event.phase)
    if run.phase is Phase.REBOOT and event.phase in (Phase.DHCP, Phase.NBP):
        problem = f"booted from the network again after the reboot ({event.phase.value} {event.subject})"
        return replace(run, updated_at=updated, problem=problem)
    return run


def _word(said: str) -> str:
    return said.strip().lower()


def _forward(run: Run, phase: Phase) -> Run:
    if phase is not Phase.PROVISIONED:
        return replace(run, phase=phase)
    return replace(run, phase=phase, finished_at=run.updated_at, outcome="provisioned")


def _of_file(subject: str, nbps: Collection[str], images: Collection[str]) -> Phase | None:
    """Configurations first: a list of boot files may name iPXE's script beside the programs."""
    path = subject.partition("?")[0].lstrip("/")
    if _CONFIG.fullmatch(path):
        return Phase.CONFIG
    if path in nbps:
        return Phase.NBP
    return Phase.KERNEL if path in {image.lstrip("/") for image in images} else None
