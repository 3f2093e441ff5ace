"""Loading, importing, exporting and checking the inventory: files → values → faults or one transaction.

report = load(config, ["inventory/"], prune=False, dry_run=False, actor="ada", now=now)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from nearboot.app.database import reading, writing
from nearboot.app.files import write_document
from nearboot.config import Config
from nearboot.errors import Fault, InputError
from nearboot.inventory import boot_store, store
from nearboot.inventory import check as doctor
from nearboot.inventory.diff import diff
from nearboot.inventory.dump import dump
from nearboot.inventory.finding import Finding, Severity, some
from nearboot.inventory.importers.host_table import load_host_table
from nearboot.inventory.importers.isc_dhcpd import ImportResult, import_isc
from nearboot.inventory.importers.rules_document import load_rules
from nearboot.inventory.load import load as load_documents
from nearboot.inventory.noun import NOUNS
from nearboot.model import AuditEntry, Change, Inventory

SUFFIXES = (".yaml", ".yml")
EFFECTS = ("added", "changed", "removed")
REMOVED_SHOWN = 20  # names of removed things in an entry of the audit log, which are nowhere else afterwards


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import read, and what it did to the database."""

    result: ImportResult
    changes: tuple[Change, ...]

    @property
    def errors(self) -> int:
        """How many findings say that something could not be imported."""
        return sum(finding.severity is Severity.ERROR for finding in self.result.findings)


def load(
    config: Config, paths: Sequence[str], *, prune: bool, dry_run: bool, actor: str, now: datetime
) -> tuple[Change, ...]:
    """Load files and folders; InputError with every fault leaves the database as it was."""
    documents = _documents(paths)
    with writing(config) as session:
        known = store.read_inventory(session)
        wanted = load_documents(documents, known, prune=prune)
        if dry_run:
            return diff(known, wanted, prune=prune)
        changes = store.apply(session, wanted, prune=prune)
        _write_down(session, changes, "inventory.load", ", ".join(paths), actor=actor, now=now)
    return changes


def import_isc_dhcpd(
    config: Config,
    files: Sequence[str],
    *,
    rules: str,
    tiers: str | None,
    hosts: Sequence[str] = (),
    prune: bool,
    dry_run: bool,
    actor: str,
    now: datetime,
) -> Imported:
    """Import ISC dhcpd configuration; the same loader's checks as for files of our own stand before the database.

    ``hosts`` are files like ``/etc/hosts``, with the addresses of names that stand as fixed-address.
    """
    texts = [(name, _text(Path(name))) for name in files]
    with reading(config) as session:
        known = Inventory(locations=store.locations(session), models=store.models(session))
    parsed = load_rules(_text(Path(rules)), rules, known=known)
    result = import_isc(
        texts,
        parsed,
        read=_reader(files, rules),
        tiers_csv=(tiers, _text(Path(tiers))) if tiers else None,
        hosts=load_host_table([(name, _text(Path(name))) for name in hosts]) if hosts else None,
    )
    documents = [(f"imported {name}", text) for name, text in dump(result.inventory).items()]  # files that nobody has
    with writing(config) as session:
        known = store.read_inventory(session)
        wanted = load_documents(documents, known, prune=prune)
        if dry_run:
            return Imported(result, diff(known, wanted, prune=prune))
        changes = store.apply(session, wanted, prune=prune)
        _write_down(session, changes, "inventory.import", ", ".join(files), actor=actor, now=now)
    return Imported(result, changes)


def export(config: Config, folder: Path) -> list[Path]:
    """Write the inventory to a folder, one file a noun; gives the files that were written: of nothing, none."""
    with reading(config) as session:
        documents = dump(store.read_inventory(session))
    for noun in NOUNS:  # what an earlier export left of a noun of which nothing is left
        if (folder / f"{noun.attribute}.yaml").exists():
            documents.setdefault(f"{noun.attribute}.yaml", f"{noun.attribute}: []\n")
    for name, text in documents.items():
        write_document(folder / name, text)
    return [folder / name for name in documents]


def check(config: Config) -> tuple[Finding, ...]:
    """What the import doctor says of the inventory in the database."""
    with reading(config) as session:
        return doctor.check(store.read_inventory(session))


def read(config: Config) -> Inventory:
    """The whole inventory."""
    with reading(config) as session:
        return store.read_inventory(session)


def effective(changes: Iterable[Change]) -> list[Change]:
    """The changes that change something."""
    return [change for change in changes if change.action in EFFECTS]


def _write_down(
    session: Session, changes: Sequence[Change], action: str, subject: str, *, actor: str, now: datetime
) -> None:
    found = effective(changes)
    if found:
        counts = {effect: sum(change.action == effect for change in found) for effect in EFFECTS}
        text = ", ".join(f"{count} {effect}" for effect, count in counts.items() if count)
        removed = [f"{change.noun} {change.name}" for change in found if change.action == "removed"]
        text += f"; removed: {some(removed, REMOVED_SHOWN)}" if removed else ""
        boot_store.add_audit(session, AuditEntry(now, actor, action, subject, text))


def _documents(paths: Sequence[str]) -> list[tuple[str, str]]:
    """Every file with its text; InputError with all files that cannot be read."""
    documents: list[tuple[str, str]] = []
    faults: list[Fault] = []
    for name in paths:
        for file in _files(name, faults):
            try:
                documents.append((file, _text(Path(file))))
            except InputError as error:
                faults += error.faults
    if faults:
        raise InputError(faults)
    return documents


def _files(name: str, faults: list[Fault]) -> list[str]:
    path = Path(name)
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
        if not found:
            expected = f"files ending in {' or '.join(SUFFIXES)}"
            faults.append(Fault(name, 0, "", "a folder without YAML files", expected))
        return [str(file) for file in found]
    if path.exists():
        return [name]
    faults.append(Fault(name, 0, "", "nothing of this name", "a YAML file or a folder of YAML files"))
    return []


def _reader(files: Sequence[str], rules: str) -> Callable[[str], str]:
    folders = list(dict.fromkeys(Path(name).parent for name in (*files, rules)))

    def read_file(name: str) -> str:
        """An included file: as named, else beside the files that include it, or beside the rules."""
        for path in (
            Path(name),
            *(folder / name for folder in folders),
            *(folder / Path(name).name for folder in folders),
        ):
            if path.is_file():
                return _text(path)
        raise FileNotFoundError(name)

    return read_file


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError([Fault(str(path), 0, "", error.strerror or str(error), "a file that can be read")]) from error
    except UnicodeDecodeError as error:
        raise InputError([Fault(str(path), 0, "", f"byte {error.start} is not UTF-8", "text in UTF-8")]) from error
