"""What became of each publication of a latency map: in use, waiting for a person, refused, or taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from nearboot.model.route import Reason


class MapState(Enum):
    """Where a stored map stands; the accepted one with the highest epoch of its source is in use."""

    ACCEPTED = "accepted"
    HELD = "held"  # waits for latency accept or latency reject
    REFUSED = "refused"  # a person rejected it
    ROLLED_BACK = "rolled-back"  # was in use, and a person went back behind it
    SUPERSEDED = "superseded"  # held, and a newer one was accepted


@dataclass(frozen=True, slots=True)
class MapRecord:
    """One entry of the history. ``reasons``: what the guards said when it was loaded."""

    source: str
    epoch: int
    state: MapState
    loaded_at: datetime  # aware UTC
    published_at: datetime  # aware UTC
    actor: str = ""  # who loaded it
    file: str = ""
    format: str = ""
    samples: int = 0
    refused: int = 0  # rows and names that were not used
    reasons: tuple[Reason, ...] = ()
    decided_at: datetime | None = None  # when a person accepted, rejected or took it back
    decided_by: str = ""
    decision: str = ""  # the reason that this person gave
    signed_at: datetime | None = None  # None: without a signature
    in_use: bool = False
