"""A boot to tell about: the steps of a PXELINUX boot as a real one has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from nearboot.model import Event, EventKind, Phase, Run, Slug
from nearboot.provisioning.phases import advance, classify

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NBPS = ("pxelinux.0", "grubnetx64.efi")
IMAGES = ("images/debian/vmlinuz", "images/debian/initrd.gz")
MakeEvent = Callable[..., Event]
Play = Callable[..., Run]


@pytest.fixture
def event() -> MakeEvent:
    """Make an event: seconds after the start, kind, subject, outcome, boot server, detail."""

    def make(
        after: float,
        kind: EventKind,
        subject: str,
        outcome: str = "ok",
        *,
        boot_server: str | None = "ams1",
        client: str = "10.77.0.104",
        **detail: str | int | float | bool | None,
    ) -> Event:
        return Event(
            START + timedelta(seconds=after),
            kind,
            "web01",
            client=client,
            boot_server=Slug(boot_server)
            if boot_server and kind in (EventKind.TFTP_READ, EventKind.HTTP_READ)
            else None,
            subject=subject,
            outcome=outcome,
            phase=classify(kind, subject, nbps=NBPS, images=IMAGES),
            detail=detail,
        )

    return make


@pytest.fixture
def play() -> Play:
    """Take a new run through events."""

    def advance_all(events: list[Event]) -> Run:
        run = Run(7, "web01", Phase.POWER_ON, START, START)
        for item in events:
            run = advance(run, item)
        return run

    return advance_all


@pytest.fixture
def boot(event: MakeEvent) -> list[Event]:
    """A whole PXELINUX boot, from the lease to the last call-back."""
    tftp, callback = EventKind.TFTP_READ, EventKind.CALLBACK
    return [
        event(0, EventKind.DHCP_LEASE, "10.77.0.104"),
        event(0.4, tftp, "pxelinux.0", bytes=42412, duration_s=0.11, retransmits=0),
        event(0.6, tftp, "ldlinux.c32", bytes=118660, duration_s=0.2, retransmits=0),
        event(1.0, tftp, "pxelinux.cfg/4c4c4544-0033-3810-8034-b4c04f4d3132", "not-found"),
        event(1.1, tftp, "pxelinux.cfg/01-52-54-00-00-00-1a", bytes=310, duration_s=0.01, retransmits=0),
        event(7.5, tftp, "images/debian/vmlinuz", bytes=14186368, duration_s=6.4, retransmits=2),
        event(8.2, tftp, "images/debian/initrd.gz", bytes=1150000, duration_s=0.7, retransmits=0),
        event(20, callback, "initrd-up"),
        event(27, callback, "done"),
    ]
