"""The book of what happens: each lease, read and call-back becomes an event of its server, and advances its run.

A server without an open run gets one when it asks for an address: a boot that nobody announced is traced as well. Every
event is one transaction; several processes may write at once.

    book = EventBook(engine, me="ams-boot")
    book.note_read(Event(...), asked=address)
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from nearboot.boot import nbp
from nearboot.errors import NearbootError
from nearboot.inventory import boot_store, store
from nearboot.inventory.schema_store import writing
from nearboot.model import Address, Event, EventKind, Phase, Run, Slug
from nearboot.provisioning.phases import advance, classify
from nearboot.provisioning.tokens import new_token

log = logging.getLogger(__name__)

NBPS = nbp.nbp_paths()
CHANCE = secrets.SystemRandom()


class EventBook:
    """Writes events. ``me``: the boot server whose reads they are; None: found by the address that was asked."""

    def __init__(self, engine: Engine, *, me: str | None = None) -> None:
        self._engine = engine
        self._me = Slug(me) if me else None

    def note_read(self, event: Event, *, asked: Address | None) -> None:
        """Store a read: the server is found by the client's address, the boot server by the address that was asked.

        A database that refuses it is logged: serving goes on without its book.
        """
        try:
            with writing(self._engine) as session:
                server = store.server_by_address(session, ip_address(event.client), event.at)
                found = server.name if server else None
                record(session, replace(event, server=found, boot_server=self._asked(session, asked)))
        except NearbootError as error:
            log.error(
                "event lost: kind=%s client=%s subject=%s: %s", event.kind.value, event.client, event.subject, error
            )

    def _asked(self, session: Session, asked: Address | None) -> Slug | None:
        if self._me is not None or asked is None:
            return self._me
        found = store.boot_server_by_address(session, asked)
        return found.name if found else None


def record(session: Session, event: Event) -> Event:
    """Store an event with the phase that it shows, and advance the server's open run."""
    phase = event.phase or classify(event.kind, event.subject, nbps=NBPS, images=_images(session, event))
    event = replace(event, phase=phase)
    run = _run(session, event)
    stored = boot_store.add_event(session, replace(event, run_id=run.id if run else None))
    if run is not None:
        advanced = advance(run, stored)
        if advanced != run:
            boot_store.update_run(session, advanced)
    return stored


def begin(session: Session, server: str, now: datetime, *, reason: str) -> Run:
    """Start a provisioning run; one that is still open ends as superseded."""
    run = boot_store.start_run(session, server, now, token=new_token(CHANCE), phase=Phase.POWER_ON, reason=reason)
    boot_store.add_event(
        session,
        Event(now, EventKind.PROVISION_START, server=server, subject=reason, phase=Phase.POWER_ON, run_id=run.id),
    )
    return run


def _run(session: Session, event: Event) -> Run | None:
    if event.server is None:
        return None
    boot_store.hold(session, event.server)
    if event.run_id is not None:
        return boot_store.run(session, event.run_id)
    found = boot_store.open_run(session, event.server)
    if found is None and event.kind is EventKind.DHCP_LEASE:
        return begin(session, event.server, event.at, reason="booted by itself")
    return found


def _images(session: Session, event: Event) -> Collection[str]:
    if event.kind not in (EventKind.TFTP_READ, EventKind.HTTP_READ):
        return ()
    return [path for image in store.images(session) for path in (image.kernel, *image.initrd)]
