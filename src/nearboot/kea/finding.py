"""One thing wrong with a Kea configuration, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """What a finding means for the clients."""

    ERROR = "error"  # some clients get no answer, or a wrong one
    WARNING = "warning"  # it works, but hardly as meant


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where: ``path`` is that of the value, such as ``subnet4[0].next-server``."""

    path: str
    text: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.severity.value}: {self.path}: {self.text}"
