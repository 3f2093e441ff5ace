"""Ways to run an importer on a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from nearboot.inventory.importers import ImportResult, import_isc, load_host_table, load_rules

RULES = """
create:
  locations:
    - {slug: ams, kind: site}
    - {slug: fra, kind: site}
locations:
  - {match: "*.ams.example.net", location: ams}
  - {match: "*.fra.example.net", location: fra}
subnets:
  - {prefix: 10.1.0.0/16, location: ams}
  - {prefix: 10.2.0.0/16, location: fra}
  - {prefix: "2001:db8:1::/48", location: ams}
  - {next_server: 192.0.2.9, location: fra}
"""

Importing = Callable[..., ImportResult]


def reader(files: Mapping[str, str]) -> Callable[[str], str]:
    """Return a ``read`` for the importer that knows these files alone."""

    def read(name: str) -> str:
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    return read


@pytest.fixture
def importing() -> Importing:
    """Import a text as ``dhcpd.conf`` with two sites, ams (10.1.0.0/16) and fra (10.2.0.0/16), and further rules."""

    def run(
        text: str, rules: str = "", *, files: Mapping[str, str] | None = None, tiers: str = "", hosts: str | None = None
    ) -> ImportResult:
        read = reader(files or {})
        tiers_csv = ("roles.csv", tiers) if tiers else None
        table = None if hosts is None else load_host_table([("hosts", hosts)])
        parsed = load_rules(RULES + rules, "rules.yaml")
        return import_isc([("dhcpd.conf", text)], parsed, read=read, tiers_csv=tiers_csv, hosts=table)

    return run
