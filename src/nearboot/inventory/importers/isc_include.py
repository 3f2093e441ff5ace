"""``include`` statements of ISC dhcpd files: what they name takes their place, also inside a block.

An include finds, in this order: a given file of that very name, the only given file with that base name (paths of the
machine that dhcpd runs on seldom exist where the import runs), what ``read`` returns for it. A file that could not
be read is a finding and not an error: the rest can still be imported.

    statements, findings = expand([("dhcpd.conf", text)], read=read)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nearboot.errors import Fault, InputError
from nearboot.inventory.finding import Finding, Severity
from nearboot.inventory.importers.isc_syntax import Statement, TokenKind, parse

Read = Callable[[str], str]
"""Returns the text of a file; raises ``FileNotFoundError`` where there is none (other ``OSError``: unreadable)."""


def expand(files: Sequence[tuple[str, str]], *, read: Read) -> tuple[tuple[Statement, ...], tuple[Finding, ...]]:
    """Parse ``files`` (name, text) and put included files in place; all syntax faults come in one ``InputError``.

    A given file that another one includes is read there only, whatever the order of ``files``.
    """
    given = dict(files)
    expansion = _Expansion(read, given)
    blocks = {name: expansion.expanded(expansion.parsed(name, text), (name,)) for name, text in given.items()}
    if expansion.faults:
        raise InputError(dict.fromkeys(expansion.faults))
    roots = [name for name in given if name not in expansion.included]
    return tuple(s for name in roots for s in blocks[name]), tuple(dict.fromkeys(expansion.findings))


@dataclass(slots=True)
class _Expansion:
    read: Read
    given: Mapping[str, str]
    included: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    cache: dict[str, tuple[Statement, ...]] = field(default_factory=dict)

    def parsed(self, name: str, text: str) -> tuple[Statement, ...]:
        if name not in self.cache:
            self.cache[name] = ()
            try:
                self.cache[name] = parse(text, name)
            except InputError as error:
                self.faults += error.faults
        return self.cache[name]

    def expanded(self, statements: Sequence[Statement], path: tuple[str, ...]) -> tuple[Statement, ...]:
        """Return ``statements`` with includes replaced; ``path`` is the chain of files that led here."""
        out: list[Statement] = []
        for statement in statements:
            if statement.keyword == "include":
                out += self.include(statement, path)
            elif statement.body is None:
                out.append(statement)
            else:
                out.append(Statement(statement.tokens, self.expanded(statement.body, path)))
        return tuple(out)

    def include(self, statement: Statement, path: tuple[str, ...]) -> tuple[Statement, ...]:
        if len(statement.args) != 1 or statement.args[0].kind is not TokenKind.STRING or statement.body is not None:
            found = " ".join(str(token) for token in statement.args) or "nothing"
            self.faults.append(
                Fault(statement.file, statement.line, "include", found, "one file name in quotes, then ';'")
            )
            return ()
        wanted = statement.args[0].text
        name, text = self.find(wanted, statement)
        if text is None:
            return ()
        if name in path:
            chain = " includes ".join((*path, name))
            self.faults.append(Fault(statement.file, statement.line, "include", chain, "no circle of includes"))
            return ()
        return self.expanded(self.parsed(name, text), (*path, name))

    def find(self, wanted: str, statement: Statement) -> tuple[str, str | None]:
        same_base = [name for name in self.given if _base(name) == _base(wanted)]
        if wanted in self.given or len(same_base) == 1:
            name = wanted if wanted in self.given else same_base[0]
            self.included.add(name)
            return name, self.given[name]
        try:
            return wanted, self.read(wanted)
        except (OSError, UnicodeDecodeError) as error:
            reason = "no such file" if isinstance(error, FileNotFoundError) else str(error)
            self.findings.append(_unread(wanted, reason, statement))
            return wanted, None


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _unread(wanted: str, reason: str, statement: Statement) -> Finding:
    return Finding(
        Severity.WARNING,
        "include-unread",
        f"include {wanted!r} was not read: {reason}; hosts and subnets that it declares are missing here",
        subject=wanted,
        file=statement.file,
        line=statement.line,
        hint="name the file among those to import",
    )
