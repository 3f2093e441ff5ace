"""A trace as text for people and as plain data for programs; layout only, nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from nearboot.model import EventKind, Phase
from nearboot.provisioning.belonging import BY_ITSELF
from nearboot.provisioning.diagnosis import ABORTED, NOT_FOUND

if TYPE_CHECKING:  # the values are defined beside the function that makes them
    from nearboot.provisioning.trace import Step, Trace

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

FOLD = 3
"""As many not-found reads in a row, or more, become one line: PXELINUX alone tries up to eleven names."""

REQUESTED = "requested"
"""How the first step is told: that somebody asked for the boot does not show that the machine has power."""

_LADDERS = (
    ("PXELINUX", ("pxelinux.cfg/", ".c32")),
    ("GRUB", ("grub/", "grub.cfg")),
    ("shim", ("revocations",)),
)
"""Who asks for names that need not be there, and the marks of those names."""
_LAST_RUNGS = ("pxelinux.cfg/default", "grub/grub.cfg", "ldlinux.c32")
"""Where these are not found, the boot ends."""

STALE = "stale"  # how a file came from the cache: as it was, perhaps changed since
_HEAD = ("time", "phase", "what", "subject", "boot server", "bytes", "took", "resent", "outcome")
_RIGHT = {0, 5, 6, 7}  # columns of numbers


def as_lines(trace: Trace) -> list[str]:
    """A heading, one line a step, and the conclusion."""
    run = trace.run
    lines = [f"{trace.server}  run {run.id}  {run.started_at.isoformat(timespec='seconds')}"]
    lines += _table([_HEAD, *(_row(steps) for steps in _folded(trace.steps))]) if trace.steps else ["no events yet"]
    return [*lines, *_conclusion(trace)]


def as_dict(trace: Trace) -> dict[str, Json]:
    """Plain data in a stable order."""
    run, missing = trace.run, trace.missing
    return {
        "server": trace.server,
        "run": run.id,
        "phase": run.phase.value,
        "outcome": run.outcome,
        "reason": run.reason,
        "problem": run.problem,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "complete": trace.complete,
        "boot_servers": list(trace.boot_servers),
        "restarts": trace.restarts,
        "waiting_s": trace.waiting_s,
        "missing": {
            "code": missing.code,
            "after": missing.after.value,
            "expected": missing.expected.value,
            "text": missing.text,
        }
        if missing
        else None,
        "mismatches": [
            {"subject": item.subject, "boot_server": item.boot_server, "expected": item.expected}
            for item in trace.mismatches
        ],
        "steps": [_step_dict(step) for step in trace.steps],
    }


def _step_dict(step: Step) -> dict[str, Json]:
    return {
        "at": step.at.isoformat(),
        "offset_s": step.offset_s,
        "phase": step.phase.value if step.phase else None,
        "kind": step.kind.value,
        "subject": step.subject,
        "client": step.client,
        "boot_server": step.boot_server,
        "outcome": step.outcome,
        "bytes": step.bytes,
        "duration_s": step.duration_s,
        "retransmits": step.retransmits,
        "cache": step.cache,
        "origin": step.origin,
    }


def _folded(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Runs of not-found reads from one boot server together, every other step alone."""
    for (outcome, _), group in groupby(steps, key=lambda step: (step.outcome, step.boot_server)):
        together = list(group)
        if outcome == NOT_FOUND and len(together) >= FOLD:
            yield together
        else:
            yield from ([step] for step in together)


def _row(steps: Sequence[Step]) -> tuple[str, ...]:
    step = steps[0]
    if len(steps) > 1:
        subject = f"{len(steps)} files not found ({_normal_for(steps)})"
        return f"+{step.offset_s:.1f}", "", step.kind.value, subject, step.boot_server or "", "", "", "", ""
    return (
        f"+{step.offset_s:.1f}",
        _phase(step),
        step.kind.value,
        step.subject,
        step.boot_server or "",
        "" if step.bytes is None else f"{step.bytes:,}",
        "" if step.duration_s is None else f"{step.duration_s:.2f}",
        "" if step.retransmits is None else str(step.retransmits),
        _outcome(step),
    )


def _phase(step: Step) -> str:
    if step.kind is EventKind.PROVISION_START:
        return "" if step.subject == BY_ITSELF else REQUESTED
    return step.phase.value if step.phase else ""


def _outcome(step: Step) -> str:
    """UEFI and iPXE ask for a file's size first and abort before the first block: no fault, and told as such; nor is a
    name that boot loaders try before the one that is there."""
    if step.outcome == ABORTED and not step.bytes:
        return "size probe (normal)"
    if step.cache == STALE:
        return f"{step.outcome} (stale: no origin answered)"
    is_rung = _ladder([step.subject]) is not None and not step.subject.endswith(_LAST_RUNGS)
    return f"{NOT_FOUND} (normal)" if step.outcome == NOT_FOUND and is_rung else step.outcome


def _normal_for(steps: Sequence[Step]) -> str:
    """Whose habit it is to ask for these names, so that nobody looks for a fault there."""
    subjects = [step.subject for step in steps]
    name = _ladder(subjects)
    return f"normal for {name}" if name else f"{subjects[0]} ... {subjects[-1]}"


def _ladder(subjects: Sequence[str]) -> str | None:
    for name, marks in _LADDERS:
        if all(any(mark in subject for mark in marks) for subject in subjects):
            return name
    return None


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return [
        "  ".join(
            cell.rjust(width) if column in _RIGHT else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _conclusion(trace: Trace) -> Iterator[str]:
    run = trace.run
    if trace.boot_servers:
        yield "booted from: " + ", ".join(trace.boot_servers)
    yield from _mismatches(trace)
    if trace.restarts:
        yield f"started over {trace.restarts} time{'s' if trace.restarts > 1 else ''}"
    if run.finished_at:
        took = (run.finished_at - run.started_at).total_seconds()
        yield f"{run.outcome or 'ended'} after {took:.1f} s" + (f": {run.problem}" if run.problem else "")
        return
    if run.problem:
        yield f"note: {run.problem}"
    if trace.missing:
        stands = f"stands at {run.phase.value} for" if run.phase is not Phase.POWER_ON else "nothing heard for"
        yield f"{stands} {trace.waiting_s:.0f} s; next: {trace.missing.expected.value}"
        yield f"if it stays there: {trace.missing.text}"


def _mismatches(trace: Trace) -> Iterator[str]:
    """One line for each wrong boot server, not for each read."""
    subjects: dict[tuple[str, str], list[str]] = {}
    for item in trace.mismatches:
        subjects.setdefault((item.boot_server, item.expected), []).append(item.subject)
    for (boot_server, expected), read in subjects.items():
        more = f" and {len(read) - 1} more" if len(read) > 1 else ""
        yield f"MISMATCH: the route says {expected}, but {boot_server} was asked for {read[0]}{more}"
