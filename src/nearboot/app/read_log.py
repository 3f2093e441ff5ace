"""One line in the log for each finished read and call-back; what comes by the thousand is counted instead.

Not the timeline, which is in the database (events): this is for whoever watches a daemon, and for when the database
does not answer. In each second the first lines of a server are written, of all strangers' failures together, and of
each stranger that reads well; the others become one line that counts them, with the next read or at the end.

    reads = ReadLog(); reads.note(event, server="web-ams-01"); reads.close()
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nearboot.app.daemon import FIELDS
from nearboot.model import Event

log = logging.getLogger(__name__)

LINES = 20
"""Lines a second: more than PXELINUX has names to try for its configuration."""

_PLAIN = re.compile(r"[!#-&(-\[\]-~]+")  # printable ASCII without space, quotes and backslash


@dataclass(slots=True)
class _Folded:
    """What was counted of one kind in this second, and the last of it."""

    seen: int
    fields: Mapping[str, object]


class ReadLog:
    """Writes the lines; ``clock``: monotonic seconds. May be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second = 0
        self._seen: dict[tuple[str, str], _Folded] = {}
        self._lock = threading.Lock()

    def note(self, event: Event, server: str | None) -> None:
        """Tell of one read, or count it. ``server``: whose it is, where that is known."""
        fields = _fields(event, server)
        with self._lock:
            self._turn()
            folded = self._seen.setdefault(_key(event, server), _Folded(0, fields))
            folded.seen, folded.fields = folded.seen + 1, fields
            is_written = folded.seen <= LINES
        if is_written:
            _write("%s", (_line(fields),), fields)

    def close(self) -> None:
        """Tell what was only counted."""
        with self._lock:
            self._tell_folded()

    def _turn(self) -> None:
        second = int(self._clock())
        if second != self._second:
            self._tell_folded()
            self._second = second

    def _tell_folded(self) -> None:
        for folded in self._seen.values():
            if folded.seen > LINES:
                count = folded.seen - LINES
                fields = {"count": count, **folded.fields}
                _write("count=%d more such, the last: %s", (count, _line(folded.fields)), fields)
        self._seen.clear()


def escaped(text: str) -> str:
    """A name as a client sent it, in one word that forges no line: in quotes, with escapes, where it needs them."""
    return text if _PLAIN.fullmatch(text) else ascii(text)


def _write(text: str, values: tuple[object, ...], fields: Mapping[str, object]) -> None:
    """As ``log.info``, without looking for the line of the program that says it, which is half of what that costs."""
    if log.isEnabledFor(logging.INFO):
        log.handle(log.makeRecord(log.name, logging.INFO, "", 0, text, values, None, extra={FIELDS: fields}))


def _key(event: Event, server: str | None) -> tuple[str, str]:
    return server or (event.client if event.outcome == "ok" else ""), event.outcome


def _fields(event: Event, server: str | None) -> dict[str, object]:
    """All of a read, by the names that stand in its line; what it has not is left out."""
    detail = event.detail
    size, took = detail.get("bytes", 0), detail.get("duration_s", 0)
    assert isinstance(size, int) and isinstance(took, int | float)
    fields: dict[str, object] = {"kind": event.kind.value, "file": event.subject, "client": event.client}
    if server:
        fields["server"] = server
    fields |= {"bytes": size, "outcome": event.outcome, "seconds": took}
    if detail.get("size") is not None:  # a transfer: there were terms to speak of
        fields |= {name: detail[name] for name in ("blksize", "windowsize", "retransmits")}
    if size and took:
        fields["rate"] = round(size / took)
    if detail.get("error"):
        fields["error"] = detail["error"]
    return fields


def _line(fields: Mapping[str, object]) -> str:
    """The kind and the file, then key=value; ``rate`` is bytes a second."""
    words = [f"{name}={escaped(str(value))}" for name, value in fields.items() if name not in ("kind", "file")]
    return " ".join([str(fields["kind"]), escaped(str(fields["file"])), *words])
