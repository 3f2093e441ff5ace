"""What routes depend on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nearboot.app.routes import newest
from nearboot.model import Health, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_newest_check_counts_wherever_it_ran() -> None:
    """A failure seen from a laptop a month ago must not keep a boot server out of use for ever."""
    laptop = Health(Slug("ams-boot"), NOW - timedelta(days=30), False, "no answer", vantage="zz-laptop")
    site = Health(Slug("ams-boot"), NOW, True, "read 3 bytes", vantage="ams")
    assert newest([site, laptop]) == newest([laptop, site]) == {"ams-boot": site}
