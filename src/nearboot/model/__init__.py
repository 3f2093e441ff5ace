"""The nouns of nearboot: frozen values that every package shares. No I/O, no database, only values and text forms.

Rows become these values at the edge of the database, documents at that of the loader; inside, nothing is checked twice.
Things refer to each other by *slug* or *name* (the identifiers that users write), never by database key.
"""

from __future__ import annotations

from nearboot.model.boot import AuditEntry, Event, EventKind, NbpRule, Phase, Run
from nearboot.model.identity import Address, Duid, Mac, Prefix, Slug, duid_from_text, mac_from_text, slug_from_text
from nearboot.model.inventory import (
    AdminState,
    Bmc,
    BootProfile,
    BootServer,
    Change,
    Firmware,
    HardwareModel,
    Image,
    InstallerKind,
    Interface,
    Inventory,
    Location,
    LocationKind,
    NbpFamily,
    Origin,
    Pool,
    Server,
    Subnet,
    Tier,
)
from nearboot.model.latency import MapRecord, MapState
from nearboot.model.route import (
    Candidate,
    Estimate,
    Health,
    HealthSample,
    LatencyMap,
    LatencySample,
    Quarantine,
    Reason,
    Route,
)

__all__ = [
    "Address",
    "AdminState",
    "AuditEntry",
    "Bmc",
    "BootProfile",
    "BootServer",
    "Candidate",
    "Change",
    "Duid",
    "Estimate",
    "Event",
    "EventKind",
    "Firmware",
    "HardwareModel",
    "Health",
    "HealthSample",
    "Image",
    "InstallerKind",
    "Interface",
    "Inventory",
    "LatencyMap",
    "LatencySample",
    "Location",
    "LocationKind",
    "Mac",
    "MapRecord",
    "MapState",
    "NbpFamily",
    "NbpRule",
    "Origin",
    "Phase",
    "Pool",
    "Prefix",
    "Quarantine",
    "Reason",
    "Route",
    "Run",
    "Server",
    "Slug",
    "Subnet",
    "Tier",
    "duid_from_text",
    "mac_from_text",
    "slug_from_text",
]
