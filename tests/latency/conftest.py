"""Real measurements, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "latency"


@pytest.fixture(scope="session")
def latency_data() -> Path:
    """The folder of measured city pairs and coordinates; a test that needs it is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"the real latency data is not at {DATA}")
    return DATA
