"""A latency file with the signature that lies beside it, and whether that is believed.

document = read_document("pairs.csv")
signature = verified(document, config, now=now)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nearboot.app.files import write_document
from nearboot.app.secret import read_secret
from nearboot.config import Config
from nearboot.errors import ConfigError, Fault, InputError
from nearboot.latency import signature
from nearboot.latency.signature import Signature

SUFFIX = ".sig"


@dataclass(frozen=True, slots=True)
class Document:
    """A latency file as it came. ``signature``: the text of its signature file; None: there is none."""

    file: str
    content: bytes
    signature: str | None = None

    @property
    def text(self) -> str:
        """The content as text; ``InputError`` where it is none."""
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            fault = Fault(self.file, 0, "", f"byte {error.start} is not UTF-8", "text in UTF-8")
            raise InputError([fault]) from error


def read_document(file: str) -> Document:
    """Read a file and its signature, if it has one."""
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise InputError([Fault(file, 0, "", error.strerror or str(error), "a file that can be read")]) from error
    beside = Path(file + SUFFIX)
    return Document(file, content, _read_signature(beside) if beside.is_file() else None)


def verified(document: Document, config: Config, *, now: datetime) -> Signature | None:
    """The document's signature, proved; None where there is none and none is needed, or no key to prove it by.

    ``InputError`` where it is not believed, or is missing and required.
    """
    settings = config.latency
    if not settings.signing_key:
        if settings.require_signature:
            raise ConfigError("latency.require_signature needs latency.signing_key: env:NAME or file:/PATH")
        return None
    if document.signature is None:
        if settings.require_signature:
            found = f"no signature: {document.file}{SUFFIX} is not there"
            raise _refused(document.file, found, "a signed map (nearboot latency sign; latency.require_signature)")
        return None
    try:
        return signature.verify(document.signature, document.content, map_key(config), now=now)
    except ValueError as error:
        raise _refused(document.file + SUFFIX, str(error), "a signature of this file by the key") from error


def sign_file(config: Config, file: str, *, source: str, valid_s: float, now: datetime) -> Path:
    """Write the signature of a file beside it."""
    if not config.latency.signing_key:
        raise ConfigError("signing needs latency.signing_key: env:NAME or file:/PATH")
    content = read_document(file).content
    beside, key = Path(file + SUFFIX), map_key(config)
    try:
        text = signature.sign(content, key, source=source, now=now, valid_s=valid_s)
    except ValueError as error:
        raise InputError([Fault("--source", 0, "", repr(source), str(error))]) from error
    write_document(beside, text)
    return beside


def map_key(config: Config) -> bytes:
    """The key of the maps' signatures; ``ConfigError`` where it is too short to be one."""
    key = read_secret(config.latency.signing_key)
    if problem := signature.key_problem(key):
        raise ConfigError(f"the key {config.latency.signing_key} has {problem}")
    return key


def _read_signature(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(str(path), str(error), "the signature of a latency map") from error


def _refused(file: str, found: str, expected: str) -> InputError:
    return InputError([Fault(file, 0, "signature", found, expected)])
