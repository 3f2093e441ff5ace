"""Host tables, such as ``/etc/hosts``: an address, its name and its aliases on each line. Not DNS: nothing is asked.

The format is that of hosts(5): fields with blanks or tabs between them, comments from ``#`` to the end of the line. A
name on several lines has all their addresses. What tells nobody apart (``127.0.0.1 localhost``) answers no question.

    table = load_host_table([("hosts", text)])
    table.find("web01.ams.example.net", "web01").entries
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nearboot.errors import Fault, InputError
from nearboot.inventory.importers.isc_values import address_or_none, host_name_or_none
from nearboot.model import Address


@dataclass(frozen=True, slots=True)
class HostEntry:
    """A line of a host table: the names as they are written there, the canonical one first."""

    address: Address
    names: tuple[str, ...]
    file: str
    line: int

    @property
    def place(self) -> str:
        """File and line, as a person looks for it."""
        return f"{self.file}:{self.line}"

    def full_names(self, label: str) -> set[str]:
        """Return the names with a domain that begin with ``label``, in lower case."""
        return {name.lower() for name in self.names if name.lower().startswith(f"{label.lower()}.")}


@dataclass(frozen=True, slots=True)
class Found:
    """What a table knows of a host; ``ambiguous``: only a short name fits, and it may be another machine's."""

    entries: tuple[HostEntry, ...] = ()
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class HostTable:
    """The lines of one or more files, by each spelling of their names, in lower case, and by first label."""

    files: tuple[str, ...] = ()
    spelled: Mapping[str, Sequence[HostEntry]] = field(default_factory=dict)
    lowered: Mapping[str, Sequence[HostEntry]] = field(default_factory=dict)
    labelled: Mapping[str, Sequence[HostEntry]] = field(default_factory=dict)

    def named(self, name: str) -> Sequence[HostEntry]:
        """Return the lines with a name: as it is spelled, else without regard to case."""
        plain = name.rstrip(".")
        return self.spelled.get(plain) or self.lowered.get(plain.lower()) or ()

    def find(self, name: str, block: str) -> Found:
        """Return the lines of a host by its name, else by that of its block; a short name must fit one machine only."""
        domain_known = "." in name.rstrip(".")
        ambiguous = False
        for each in (name.rstrip("."), block):
            full = "." in each
            found = Found(tuple(self.named(each))) if full else self._short(each, domain_known=domain_known)
            if found.entries:
                return found
            ambiguous |= found.ambiguous
        return Found(ambiguous=ambiguous)

    def _short(self, label: str, *, domain_known: bool) -> Found:
        """Find by a name without domain. A line with the full name of a machine that is not asked for is not taken."""
        entries = tuple(self.named(label) or self.labelled.get(label.lower(), ()))
        fitting = tuple(e for e in entries if not (domain_known and e.full_names(label)))
        if not fitting:
            return Found()
        one = len(entries) == len(fitting) and _is_one_machine(fitting, label)
        return Found(fitting) if one else Found(ambiguous=True)


def load_host_table(files: Sequence[tuple[str, str]]) -> HostTable:
    """Read ``files`` (name, text) as one table; raises ``InputError`` with every line that is not usable."""
    faults: list[Fault] = []
    entries = [entry for file, text in files for entry in _entries(text, file, faults)]
    if faults:
        raise InputError(faults)
    known = [entry for entry in entries if _tells_apart(entry.address)]
    return HostTable(
        tuple(file for file, _ in files),
        spelled=_index((name, entry) for entry in known for name in entry.names),
        lowered=_index((name.lower(), entry) for entry in known for name in entry.names),
        labelled=_index((name.lower().partition(".")[0], entry) for entry in known for name in entry.names),
    )


def _entries(text: str, file: str, faults: list[Fault]) -> Iterator[HostEntry]:
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        address = address_or_none(words[0])
        if address is None:
            faults.append(Fault(file, number, "", repr(words[0]), "an IPv4 or IPv6 address, then names"))
        if not words[1:]:
            faults.append(Fault(file, number, "", "no name after the address", "the address's name, and its aliases"))
        bad = [word for word in words[1:] if host_name_or_none(word) is None]
        faults += [Fault(file, number, "", repr(word), "a host name") for word in bad]
        if address is not None and words[1:] and not bad:
            yield HostEntry(address, tuple(word.rstrip(".") for word in words[1:]), file, number)


def _index(pairs: Iterable[tuple[str, HostEntry]]) -> dict[str, list[HostEntry]]:
    index: dict[str, list[HostEntry]] = {}
    for name, entry in pairs:
        entries = index.setdefault(name, [])
        if not entries or entries[-1] is not entry:  # a line whose names differ only in what the index leaves out
            entries.append(entry)
    return index


def _is_one_machine(entries: Sequence[HostEntry], label: str) -> bool:
    addresses = {entry.address for entry in entries}
    full_names = set().union(*(entry.full_names(label) for entry in entries))
    return len(full_names) <= 1 and len({address.version for address in addresses}) == len(addresses)


def _tells_apart(address: Address) -> bool:
    """Tell whether an address can be a host's on a network of several: every machine is ``127.0.1.1`` to itself."""
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local)
