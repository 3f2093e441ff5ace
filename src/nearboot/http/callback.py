"""A call-back's body: which phase an installer reports, and what else it says. Text in, values out; no server here.

Whatever a small initrd has at hand will do: ``wget --post-data``, ``curl -d`` (form fields), or JSON.

    parse_report("application/x-www-form-urlencoded", b"phase=initrd-up&uptime=5.21")
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from nearboot.errors import ProtocolError

MAX_BODY = 64 * 1024
"""Bytes of the longest body taken: enough for the end of an installer's log, as Foreman keeps."""

MAX_FIELDS = 100
MAX_PHASE = 100


@dataclass(frozen=True, slots=True)
class Report:
    """What an installer says: the phase, in its own words, and all other fields as text."""

    phase: str
    fields: Mapping[str, str] = field(default_factory=dict)


def parse_report(content_type: str, body: bytes) -> Report:
    """Read a body; ``ProtocolError`` for one that is no form, no JSON object, or names no phase.

    Without a content type, or with ``text/plain``, it is read as a form: small clients name none or the wrong one.
    """
    text = _text(body)
    is_json = content_type.partition(";")[0].strip().lower().endswith(("/json", "+json"))
    fields = _json(text) if is_json else _form(text)
    phase = fields.pop("phase", "").strip()
    if not phase:
        raise ProtocolError("the call-back names no phase; expected a field such as phase=installer")
    if len(phase) > MAX_PHASE or not phase.isprintable():
        raise ProtocolError(f"the phase {phase[:40]!r} is not a name of at most {MAX_PHASE} printable characters")
    return Report(phase, fields)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"the call-back's body is not UTF-8 text: byte {error.start}") from error


def _form(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text.strip(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise ProtocolError(f"the call-back has more than {MAX_FIELDS} fields") from error


def _json(text: str) -> dict[str, str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the call-back's body is not JSON: {error}") from error
    if not isinstance(document, dict) or len(document) > MAX_FIELDS:
        raise ProtocolError(f"the call-back's body is not a JSON object of at most {MAX_FIELDS} fields")
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in document.items()}
