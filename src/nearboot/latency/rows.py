"""What a latency file says before the inventory is known: rows between names, and the cells they are read from.

Not the map itself: names become locations in ``map``. A cell that cannot be used is a ``ValueError`` whose message is
the reason that the user reads.

    read_rtt_ms("0.0834", Unit.S)   # 83.4
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import ip_address
from statistics import median

from nearboot.errors import Fault, InputError

MAX_RTT_MS = 10_000.0  # the bound of serf's network coordinates (coordinate/client.go: 10 s)
MAX_AHEAD = timedelta(seconds=60)  # a sample from further in the future has a wrong clock
MAX_NAME = 200

_QUANTITY = re.compile(r"[-+]?[0-9.]+\s*(%|[a-zA-Zµμ]+)\Z")
# An epoch number's size tells its unit: each range is 1990 to 2200, and they do not touch.
_EPOCHS = ((6.3e8, 7.3e9, 1.0), (6.3e11, 7.3e12, 1e3), (6.3e14, 7.3e15, 1e6), (6.3e17, 7.3e18, 1e9))


class Unit(Enum):
    """The units that a file may state a round trip in."""

    MS = "ms"
    S = "s"
    US = "us"

    @property
    def in_ms(self) -> float:
        """How many milliseconds one of it is."""
        return {Unit.MS: 1.0, Unit.S: 1000.0, Unit.US: 0.001}[self]


@dataclass(frozen=True, slots=True)
class RawRow:
    """One measurement between two names. ``rtt_ms`` None: probes were sent and none came back (loss 1.0)."""

    src: str
    dst: str
    rtt_ms: float | None
    min_ms: float | None = None
    loss: float = 0.0  # share of probes lost, 0..1
    count: int = 0  # probes sent, 0: unknown
    measured_at: datetime | None = None  # aware UTC
    line: int = 0
    jitter_ms: float | None = None  # spread of the round trips, as the publisher measures it
    family: int | None = None  # 4, 6, None: not said


@dataclass(frozen=True, slots=True)
class Record:
    """A line of a table, with its number in the file."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A delimited file: its header, and the lines below it."""

    file: str
    delimiter: str
    header: Record
    records: list[Record]

    def text(self, record: Record) -> str:
        """The line as it stands in the file, cut to what a report can show."""
        return self.delimiter.join(record.cells)[:200]


@dataclass(frozen=True, slots=True)
class Options:
    """What the user, or the head of the file, said about it.

    ``columns`` maps a field (src, dst, rtt, ...) to a column's name. ``src``: where a tool ran that does not say so
    itself. ``as_of``: the time of what has none in the file (its last change); None: not known.
    """

    now: datetime
    unit: Unit | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    src: str = ""
    as_of: datetime | None = None

    def measured_from(self, file: str) -> str:
        """The place that a tool ran at which does not say it; ``InputError`` where nobody else does."""
        if self.src:
            return self.src
        expected = "where it was measured: say it with --from LOCATION, or in a first line '# from: LOCATION'"
        raise InputError([Fault(file, 0, "from", "nothing about who measured", expected)])

    def known_unit(self, file: str, unit: Unit) -> None:
        """``InputError`` if the user states another unit than the format always has."""
        if self.unit not in (None, unit):
            raise InputError([Fault(file, 0, "unit", f"--unit {self.unit.value}", f"{unit.value}: this format's own")])


def read_name(text: str) -> str:
    """A place's name: trimmed, Unicode NFC (macOS writes NFD); ``ValueError`` if empty, too long or not printable."""
    name = unicodedata.normalize("NFC", text.strip())
    if not name:
        raise ValueError("a location's name is empty")
    if len(name) > MAX_NAME:
        raise ValueError(f"a location's name has {len(name)} characters; at most {MAX_NAME} are taken")
    if not name.isprintable():
        raise ValueError(f"the name {name!r} has control characters")
    return name


def read_rtt_ms(text: str, unit: Unit, what: str = "rtt") -> float:
    """A round trip in milliseconds from a cell in ``unit``; ``ValueError`` unless 0 < rtt <= 10 s and finite."""
    value = round(read_number(text, what) * unit.in_ms, 6)  # ns: without the noise of binary fractions
    if problem := rtt_problem(value, what):
        raise ValueError(problem)
    return value


def summed_up(rtts_ms: Sequence[float]) -> tuple[float, float, float | None]:
    """Of several round trips their median, the least, and how far they lie from the median in the median.

    One alone has no spread.
    """
    middle = median(rtts_ms)
    spread = round(median(abs(rtt - middle) for rtt in rtts_ms), 6) if len(rtts_ms) > 1 else None
    return round(middle, 6), min(rtts_ms), spread


def read_jitter_ms(text: str, unit: Unit) -> float:
    """How much round trips vary, in milliseconds; 0 is possible, unlike a round trip of 0."""
    value = read_number(text, "jitter") * unit.in_ms
    if not 0 <= value <= MAX_RTT_MS:
        raise ValueError(f"jitter {value:g} ms is not from 0 to {MAX_RTT_MS / 1000:g} s")
    return value


def read_loss(text: str) -> float:
    """A share of lost probes, 0 to 1; a percentage is refused, for 1 could be either."""
    value = read_number(text, "loss")
    if problem := loss_problem(value):
        raise ValueError(problem)
    return value


def read_count(text: str) -> int:
    """How many probes were sent: a whole number of at least 1."""
    value = read_number(text, "count")
    if value < 1 or value != int(value):
        raise ValueError(f"count {text.strip()} is not a whole number of at least 1")
    return int(value)


def read_time(text: str, now: datetime) -> datetime:
    """A time as ISO 8601 (without zone: UTC) or Unix epoch in s, ms, µs or ns; not from the future."""
    stripped = text.strip()
    at = _from_epoch(stripped) or _from_iso(stripped)
    if at - now > MAX_AHEAD:
        raise ValueError(f"time {stripped} is in the future (now {now:%Y-%m-%d %H:%M:%S} UTC)")
    return at


def read_family(text: str) -> int:
    """An address family, however it is spelled: 4, IPv4, inet6."""
    digits = text.strip().lower().removeprefix("ipv").removeprefix("inet").removeprefix("v")
    if digits not in ("4", "6"):
        raise ValueError(f"address family {text.strip()[:40]!r} is neither 4 nor 6")
    return int(digits)


def family_of(address: str) -> int | None:
    """4 or 6 if the text is an address."""
    try:
        return ip_address(address).version
    except ValueError:
        return None


def read_number(text: str, what: str) -> float:
    """A finite number; the message of the ``ValueError`` says what else the cell holds."""
    stripped = text.strip()
    try:
        value = float(stripped.replace("_", "?"))  # Python's digit groups are nobody else's
    except ValueError:
        raise ValueError(_not_a_number(stripped, what)) from None
    if value - value != 0:  # NaN and the infinities
        raise ValueError(f"{what} {stripped} is not finite")
    return value


def rtt_problem(rtt_ms: float, what: str = "rtt") -> str:
    """Why a round trip cannot be true; "" if it can."""
    if not 0 < rtt_ms < float("inf"):
        return f"{what} {rtt_ms:g} ms is not above 0" + (" (-1 marks no reply in some tools)" if rtt_ms < 0 else "")
    if rtt_ms > MAX_RTT_MS:
        return f"{what} {rtt_ms:g} ms is above {MAX_RTT_MS / 1000:g} s: is the unit right?"
    return ""


def loss_problem(loss: float) -> str:
    """Why a loss cannot be true; "" if it can."""
    if 0 <= loss <= 1:
        return ""
    return f"loss {loss:g} is not a share from 0 to 1" + (" (a percentage?)" if 1 < loss <= 100 else "")


def counted(count: int, noun: str) -> str:
    """A count with its noun: 1 row, 2 rows."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def merge_duplicates(rows: Iterable[RawRow]) -> tuple[list[RawRow], int]:
    """One row per ordered pair and family, the median of what was said of it; and how many rows went into another."""
    groups: dict[tuple[str, str, int | None], list[RawRow]] = {}
    for row in rows:
        groups.setdefault((row.src, row.dst, row.family), []).append(row)
    merged = [group[0] if len(group) == 1 else _median_row(group) for group in groups.values()]
    return merged, sum(len(group) for group in groups.values()) - len(merged)


def _median_row(group: list[RawRow]) -> RawRow:
    rtts = [row.rtt_ms for row in group if row.rtt_ms is not None]
    mins = [row.min_ms for row in group if row.min_ms is not None]
    times = [row.measured_at for row in group if row.measured_at is not None]
    jitters = [row.jitter_ms for row in group if row.jitter_ms is not None]
    return replace(
        group[0],
        rtt_ms=median(rtts) if rtts else None,
        min_ms=min(mins) if mins else None,
        loss=median(row.loss for row in group),
        count=sum(row.count for row in group),
        measured_at=max(times) if times else None,
        jitter_ms=median(jitters) if jitters else None,
    )


def _not_a_number(text: str, what: str) -> str:
    if not text:
        return f"{what} is empty"
    match = _QUANTITY.match(text)
    if match and match[1] == "%":
        return f"{what} {text} is a percentage; a plain number is expected" + (", 0 to 1" if what == "loss" else "")
    if match:
        return f"{what} {text!r} carries its unit in the cell; state the unit once and give plain numbers"
    return f"{what} {text[:40]!r} is not a number"


def _from_epoch(text: str) -> datetime | None:
    if not text.replace(".", "", 1).isdecimal():
        return None
    value = float(text)
    for low, high, per_second in _EPOCHS:
        if low <= value < high:
            return datetime.fromtimestamp(value / per_second, UTC)
    return None


def _from_iso(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time {text[:40]!r} is neither ISO 8601 nor a Unix epoch") from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
