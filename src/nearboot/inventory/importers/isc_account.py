"""The account of an import: what was used of the configuration, what was not, and what a person should know.

Nothing is lost silently: each setting and statement is either marked as used or comes out as a finding with its count.

    account.note(Severity.WARNING, "no-tier", "web01 has no tier", at=host)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Protocol

from nearboot.inventory.finding import Finding, Severity
from nearboot.inventory.importers.isc_config import Declarations, Setting
from nearboot.inventory.importers.isc_keywords import KEYWORDS


class Placed(Protocol):
    """Anything that knows the file and line that it stands on."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...


@dataclass(slots=True)
class Account:
    """Findings as they come up, settings that were used, and how many things were not imported, by reason."""

    findings: list[Finding] = field(default_factory=list)
    not_imported: Counter[str] = field(default_factory=Counter)
    used: set[tuple[str, int, str]] = field(default_factory=set)

    def use(self, setting: Setting | None) -> str:
        """Mark a setting as used and return its value; empty where there is none."""
        if setting is None:
            return ""
        self.used.add(_key(setting))
        return setting.value

    def note(
        self,
        severity: Severity,
        code: str,
        text: str,
        *,
        at: Placed | None = None,
        subject: str = "",
        hint: str = "",
        count: int = 1,
    ) -> None:
        """Add a finding about what stands at ``at``."""
        place = (at.file, at.line) if at else ("", 0)
        self.findings.append(Finding(severity, code, text, subject, *place, hint=hint, count=count))

    def drop(self, what: str, code: str, text: str, *, at: Placed, subject: str, hint: str = "") -> None:
        """Add the error of a host or subnet (``what``) that is not imported, and count it under its code."""
        self.not_imported[f"{what}:{code}"] += 1
        self.note(Severity.ERROR, code, f"{text}; not imported", at=at, subject=subject, hint=hint)

    def close(self, declared: Declarations) -> None:
        """Add what was not used: settings that nobody asked for, and statements that declare nothing we know."""
        groups: dict[str, list[Placed]] = {}
        for what, placed in _unused(declared, self.used):
            groups.setdefault(what, []).append(placed)
        for what, places in groups.items():
            times = "once" if len(places) == 1 else f"{len(places)} times, first here"
            known = what.split()[0] in KEYWORDS
            severity, code = (Severity.INFO, "statement-unused") if known else (Severity.WARNING, "statement-unknown")
            text = f"not used: {what} ({times})" if known else f"not a statement of dhcpd: {what} ({times}); not used"
            hint = "" if known else _near(what.split()[0])
            self.note(severity, code, text, at=places[0], subject=what, hint=hint, count=len(places))


def _unused(declared: Declarations, used: set[tuple[str, int, str]]) -> Iterator[tuple[str, Placed]]:
    for unused in declared.unused:
        yield unused.what, unused.statement
    for setting in declared.settings:
        if _key(setting) not in used:
            yield _title(setting.name), setting.statement


def _near(word: str) -> str:
    near = get_close_matches(word, KEYWORDS, 1)
    return f"did you mean {near[0]!r}?" if near else "dhcpd would refuse it"


def _title(name: str) -> str:
    return name if name in ("filename", "next-server", "server-name") else f"option {name}"


def _key(setting: Setting) -> tuple[str, int, str]:
    return (setting.statement.file, setting.statement.line, setting.name)
