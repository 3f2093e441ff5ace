"""``nearboot route``: the choice of each place, and the reasons for it and against each other one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Nearboot = Callable[..., Any]


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def test_each_place_gets_its_nearest(quickstart: Nearboot) -> None:
    """Places with servers or subnets; the rack inherits from its site."""
    ran = quickstart("route", "show")
    assert ran.lines[0].split("  ")[0] == "LOCATION"
    assert [line.split()[:3] for line in ran.lines[1:]] == [
        ["ams", "IPv4", "ams-boot"],
        ["ams-r1", "IPv4", "ams-boot"],
        ["fra", "IPv4", "fra-boot"],
    ]
    assert "fra-boot (8.2 ms)" in ran.lines[1]


def test_the_table_is_narrow_and_says_what_nobody_measured(quickstart: Nearboot) -> None:
    """One word says why, the sentences are explain's; "same site" is an assumption, which "~" marks."""
    assert [line.split("  ")[-1] for line in quickstart("route", "show").lines] == ["WHY", *["nearest"] * 3]
    quickstart("boot-server", "drain", "ams-boot")
    near, far = quickstart("route", "show", "ams-r1").lines[1], quickstart("route", "show", "fra").lines[1]
    cells = [re.split(r" {2,}", line)[3:] for line in (near, far)]
    assert cells[0] == ["8.24", "8.24", "measured for ams", "-", "only one left"]
    assert cells[1] == ["~0.3", "~0.3", "same site", "-", "only one left"]
    assert max(map(len, (near, far))) < 100


def test_json_and_yaml_hold_the_whole_route(quickstart: Nearboot) -> None:
    """Every candidate with its reasons, for a program."""
    found = json.loads(quickstart("route", "show", "ams", "-o", "json").out)
    assert found == yaml.safe_load(quickstart("route", "show", "ams", "-o", "yaml").out)
    assert [candidate["boot_server"] for candidate in found[0]["candidates"]] == ["ams-boot", "fra-boot"]
    assert found[0]["candidates"][1]["reasons"][-1]["code"] == "farther"


def test_places_and_families_can_be_chosen(quickstart: Nearboot) -> None:
    """A region without servers is shown where every place is asked for."""
    shown = json.loads(quickstart("route", "show", "--every", "--family", "all", "-o", "json").out)
    assert {(r["location"], r["family"]) for r in shown} == {
        (place, family) for place in ("emea", "ams", "ams-r1", "fra") for family in (4, 6)
    }
    assert [line.split()[:2] for line in quickstart("route", "show", "fra", "--family", "6").lines[1:]] == [
        ["fra", "IPv6"]
    ]


def test_explain_names_the_winner_and_why_not_each_other(quickstart: Nearboot) -> None:
    """For people: interface, subnet, candidates, the losers' reasons, what Kea will say."""
    lines = quickstart("route", "explain", "web-ams-01").lines
    assert lines[0] == "web-ams-01 boots over IPv4 from ams-boot (10.77.0.2, at its own place, ams)"
    assert "server:       boots by interface eth0 (52:54:00:77:00:01, 10.77.0.11)" in lines
    assert any(line.startswith("why not fra-boot: ") and "8.2 ms per block against 0.3 ms" in line for line in lines)
    assert "Kea will say: next-server 10.77.0.2, boot file pxelinux.0" in lines
    quickstart("boot-server", "drain", "ams-boot")
    lines = quickstart("route", "explain", "web-ams-01").lines
    assert lines[0].startswith("web-ams-01 boots over IPv4 from fra-boot (")
    assert any(line.startswith("why not ams-boot: ") and "drain" in line for line in lines)


def test_explain_takes_many_servers_and_formats(quickstart: Nearboot) -> None:
    """Host lists and globs."""
    assert quickstart("route", "explain", "web-*").out.count(" boots over IPv4 from ") == 3
    found = json.loads(quickstart("route", "explain", "web-ams-[01-02]", "--family", "6", "-o", "json").out)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["show", "amss"], "no location named 'amss'; did you mean ams", id="location"),
        pytest.param(["explain", "web-ams-1"], "no server named 'web-ams-1'; did you mean web-ams-01", id="server"),
    ],
)
def test_close_names_are_offered(quickstart: Nearboot, words: list[str], message: str) -> None:
    """A typing error costs one look."""
    assert message in quickstart("route", *words, code=1).err
    assert "did you mean" not in quickstart("route", words[0], "zzzzzz", code=1).err


def test_an_empty_database_says_what_to_do(nearboot: Nearboot) -> None:
    """The next command is named."""
    assert nearboot("route", "show").err == "no places yet: nearboot inventory load PATH\n"


def test_a_map_is_drawn(quickstart: Nearboot, tmp_path: Path) -> None:
    """Places without coordinates stand where their site does."""
    ran = quickstart("route", "map", "-o", tmp_path / "map.svg")
    assert ran.out == f"{tmp_path}/map.svg: 3 places, 2 boot servers\n"
    assert "ams-boot (2)" in (tmp_path / "map.svg").read_text()
    assert ".svg or .png" in quickstart("route", "map", "-o", tmp_path / "map.pdf", code=1).err


def test_routes_are_shown_by_server_and_by_tier(quickstart: Nearboot) -> None:
    """A tier's places have how many of its servers they have."""
    lines = quickstart("route", "show", "--server", "web-ams-[01-02]").lines
    assert [line.split()[:4] for line in lines[1:]] == [
        ["web-ams-01", "ams-r1", "IPv4", "ams-boot"],
        ["web-ams-02", "ams-r1", "IPv4", "ams-boot"],
    ]
    tiers = json.loads(quickstart("server", "list", "-o", "json").out)
    tier = tiers[0]["tier"]
    found = json.loads(quickstart("route", "show", "--tier", tier, "-o", "json").out)
    assert {each["tier"] for each in found} == {tier}
    assert sum(each["servers"] for each in found) == sum(each["tier"] == tier for each in tiers)
    assert "two ways of choosing" in quickstart("route", "show", "ams", "--tier", tier, code=1).err
