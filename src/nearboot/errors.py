"""The exception tree, and the value that tells a user what is wrong with an input.

    NearbootError
    ├── InputError        the user's document, file or argument is wrong: every fault at once
    ├── ConfigError       nearboot's own configuration is wrong
    ├── NotFoundError     a thing named by the user does not exist
    ├── DatabaseError     the database cannot be reached, or its schema is not the expected one
    ├── ToolError         an outside program is missing or failed
    ├── ProtocolError     a peer sent what the protocol does not allow (the peer's fault)
    └── PeerError         a peer refused, or did not answer in time

A class exists only where a caller acts differently on it: the command line maps them to messages, the servers to
wire errors. A traceback shown to a user is a bug.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_NAMED = 10  # names that one message lists


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a document: where it stands, what was found, what was expected.

    ``line`` counts from 1 (0: the document as a whole); ``field`` is a path such as ``servers[3].interfaces[0].mac``.
    """

    file: str
    line: int
    field: str
    found: str
    expected: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f" {self.field}:" if self.field else ""
        return f"{place}:{where} found {self.found}; expected {self.expected}"


class NearbootError(Exception):
    """Base of all errors that nearboot raises on purpose."""


class InputError(NearbootError):
    """A user's document is refused; ``faults`` holds every fault, in the order of the document."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class ConfigError(NearbootError):
    """nearboot's configuration (file, environment or flag) is not usable."""


class NotFoundError(NearbootError):
    """A named thing does not exist; ``near`` are the closest names that do, ``others`` more names that do not."""

    def __init__(self, noun: str, name: str, near: Sequence[str] = (), *, others: Sequence[str] = ()) -> None:
        self.noun, self.name, self.near, self.others = noun, name, tuple(near), tuple(others)
        names = ", ".join(repr(each) for each in (name, *self.others[: MAX_NAMED - 1]))
        more = f" and {len(self.others) - MAX_NAMED + 1} more" if len(self.others) >= MAX_NAMED else ""
        hint = f"; did you mean {', '.join(self.near)}?" if self.near else ""
        super().__init__(f"no {noun} named {names}{more}{hint}")


class DatabaseError(NearbootError):
    """The database cannot be used: unreachable, or at another schema revision."""


class ToolError(NearbootError):
    """An outside program is missing or ended badly; ``detail`` is what it said."""

    def __init__(self, program: str, problem: str, detail: str = "") -> None:
        self.program, self.problem, self.detail = program, problem, detail
        super().__init__(f"{program}: {problem}" + (f"\n{detail.rstrip()}" if detail.strip() else ""))


class ProtocolError(NearbootError):
    """A peer sent something that its protocol does not allow."""


class PeerError(NearbootError):
    """A peer refused a request or did not answer in time."""
