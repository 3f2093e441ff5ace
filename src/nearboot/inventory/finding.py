"""What an importer or the import doctor tells a person: one observation, how grave it is, and where it stands.

A finding is not a fault: a fault refuses a document (``errors.Fault``), a finding comes along with a result.

    >>> str(Finding(Severity.ERROR, "duplicate-mac", "web01 and web02 share 52:54:00:00:00:01", file="a.conf", line=7))
    'error a.conf:7: web01 and web02 share 52:54:00:00:00:01 [duplicate-mac]'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How grave a finding is."""

    ERROR = "error"  # something could not be taken over, or contradicts itself: a person must decide
    WARNING = "warning"  # taken over, but probably not what was meant
    INFO = "info"  # taken over, or left out on purpose; told so that nothing is silent


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation. ``code`` is stable (tools filter on it), ``count`` is how many things it stands for."""

    severity: Severity
    code: str
    text: str
    subject: str = ""  # the server, subnet, location, ... that it is about; empty: many, or the whole input
    file: str = ""
    line: int = 0  # from 1; 0: no line
    hint: str = ""  # what to do about it
    count: int = 1

    def __str__(self) -> str:
        place = f" {self.file}:{self.line}:" if self.line else f" {self.file}:" if self.file else ""
        return f"{self.severity.value}{place} {self.text} [{self.code}]"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: 1 host, 2 hosts; ``plural`` is that of a noun which does not end in an s."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def some(names: Iterable[str], limit: int = 3) -> str:
    """Return the first few of ``names`` as text, and how many more there are."""
    every = list(names)
    rest = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + rest
