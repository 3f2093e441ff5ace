"""The detached signature of a latency map: who publishes it, when, until when, and that not a byte of it differs.

HMAC-SHA256 with a key that publisher and reader share. It lies beside the map as ``FILE.sig``, five lines of text that
the last one signs:

    nearboot latency map signature 1
    source: wan-probes
    signed: 2026-11-22T12:00:00+00:00
    expires: 2026-11-23T12:00:00+00:00
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    hmac-sha256: 5b7b...

    signature = verify(text, content, key, now=now)     # ValueError: why it is not believed
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

HEAD = "nearboot latency map signature 1"
FIELDS = ("source", "signed", "expires", "sha256", "hmac-sha256")
MIN_KEY = 16  # bytes: what cannot be guessed
MAX_TEXT = 4096
MAX_AHEAD = timedelta(seconds=60)  # clocks differ


@dataclass(frozen=True, slots=True)
class Signature:
    """What a valid signature says."""

    source: str
    signed_at: datetime  # aware UTC
    expires_at: datetime  # aware UTC


def key_problem(key: bytes) -> str:
    """Why a key is not good enough; "" if it is."""
    return "" if len(key) >= MIN_KEY else f"{len(key)} bytes; at least {MIN_KEY} random ones are a key"


def sign(content: bytes, key: bytes, *, source: str, now: datetime, valid_s: float) -> str:
    """The text of the signature file; ``ValueError`` for a source that is not one line."""
    if not source.isprintable() or not source:
        raise ValueError("a source's name, which is one line")
    until = now + timedelta(seconds=valid_s)
    lines = [
        HEAD,
        f"source: {source}",
        f"signed: {now.isoformat(timespec='seconds')}",
        f"expires: {until.isoformat(timespec='seconds')}",
        f"sha256: {hashlib.sha256(content).hexdigest()}",
    ]
    return "\n".join([*lines, f"hmac-sha256: {_mac(lines, key)}"]) + "\n"


def verify(text: str, content: bytes, key: bytes, *, now: datetime) -> Signature:
    """What the signature says, once it is proved to be the key's and the content's; else ``ValueError``."""
    lines = text.split("\n")
    if len(text) > MAX_TEXT or lines[0] != HEAD or len(lines) != len(FIELDS) + 2 or lines[-1]:
        raise ValueError(f"no signature of this form: {len(FIELDS) + 1} lines, the first {HEAD!r}")
    values = dict(_field(line, name) for line, name in zip(lines[1:-1], FIELDS, strict=True))
    if not hmac.compare_digest(values["hmac-sha256"].encode(), _mac(lines[:-2], key).encode()):
        raise ValueError("the signature is not of this key, or it was changed")
    if not hmac.compare_digest(values["sha256"].encode(), hashlib.sha256(content).hexdigest().encode()):
        raise ValueError(f"the file is not the one that was signed ({len(content)} bytes)")
    found = Signature(values["source"], _time(values["signed"]), _time(values["expires"]))
    if found.expires_at < now:
        raise ValueError(f"the signature expired at {values['expires']} (now {now:%Y-%m-%d %H:%M:%S} UTC)")
    if found.signed_at - now > MAX_AHEAD:
        raise ValueError(f"the signature is of the future: {values['signed']} (now {now:%Y-%m-%d %H:%M:%S} UTC)")
    return found


def _mac(lines: list[str], key: bytes) -> str:
    return hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def _field(line: str, name: str) -> tuple[str, str]:
    found, mark, value = line.partition(": ")
    if found != name or not mark:
        raise ValueError(f"found {line[:60]!r} where {name} is expected")
    return name, value


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"the time {text} has no zone")
    return at
