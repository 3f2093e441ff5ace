"""Shared by the lab's tests: the topology that ships with nearboot, under a name of the test's own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from nearboot.lab.topology import Topology, parse
from nearboot.model import Slug

TWO_SITES = Path(__file__).parent.parent.parent / "topology" / "two-sites.yaml"


@pytest.fixture
def two_sites() -> Topology:
    """The shipped topology."""
    return parse(TWO_SITES.read_text(), str(TWO_SITES))


@pytest.fixture
def own_lab(two_sites: Topology) -> Topology:
    """The shipped topology under a name that no other run on this host uses."""
    return replace(two_sites, name=Slug(f"test-{os.getpid()}"))
