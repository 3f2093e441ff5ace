"""The boot server of one server as decided last."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from nearboot.app import inventory, kea
from nearboot.app.database import reading
from nearboot.app.decided import decided_for
from nearboot.config import Config
from nearboot.inventory import store
from nearboot.model import Slug


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def test_it_is_what_kea_was_told(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """Nothing before the first decision; then its place's; with a pin or a ban its own."""
    with reading(fleet) as session:
        server = store.server(session, "lo-01")
        assert decided_for(session, server) == {}
    (tmp_path / "pin.yaml").write_text("tiers: [{slug: lab, name: Lab, boot_from: [there-boot]}]\n")
    inventory.load(fleet, [str(tmp_path / "pin.yaml")], prune=False, dry_run=False, actor="ada", now=now)
    kea.generate(fleet, tmp_path, kea.settings(fleet), actor="ada", now=now)
    with reading(fleet) as session:
        assert decided_for(session, replace(server, tier=None)) == {4: "here-boot", 6: None}
        assert decided_for(session, server) == {4: "there-boot", 6: None}
        assert decided_for(session, replace(server, never_boot_from=(Slug("there-boot"),)))[4] == "here-boot"
