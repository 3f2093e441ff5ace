"""``nearboot server``: lists by name, place, tier and model; shows all of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

Nearboot = Callable[..., Any]


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        pytest.param([], ["web-ams-01", "web-ams-02", "web-fra-01"], id="all"),
        pytest.param(["web-ams-[01-02]"], ["web-ams-01", "web-ams-02"], id="host list"),
        pytest.param(["*-01"], ["web-ams-01", "web-fra-01"], id="glob"),
        pytest.param(["--location", "ams"], ["web-ams-01", "web-ams-02"], id="place and below"),
        pytest.param(["--model", "vm-uefi"], ["web-ams-02", "web-fra-01"], id="model"),
        pytest.param(["--tier", "web", "--location", "fra"], ["web-fra-01"], id="tier and place"),
    ],
)
def test_servers_can_be_chosen(quickstart: Nearboot, words: list[str], names: list[str]) -> None:
    """Conditions narrow each other."""
    assert [row["name"] for row in json.loads(quickstart("server", "list", *words, "-o", "json").out)] == names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["list", "web-ams-1"], "no server named 'web-ams-1'; did you mean web-ams-01", id="name"),
        pytest.param(["list", "--location", "amss"], "no location named 'amss'; did you mean ams", id="location"),
        pytest.param(["list", "--tier", "wib"], "no tier named 'wib'; did you mean web?", id="tier"),
        pytest.param(["list", "--model", "vm-bio"], "vm-bio", id="model"),
        pytest.param(["list", "web"], "no server named 'web'; did you mean 'web*'?", id="beginning"),
        pytest.param(["list", "ams"], "no server named 'ams'; did you mean --location ams?", id="place"),
        pytest.param(["show", "ams-r1"], "; did you mean server list --location ams-r1?", id="place to show"),
        pytest.param(
            ["list", "web-ams-[01-04]"], "no server named 'web-ams-03', 'web-ams-04'\n", id="some of a host list"
        ),
        pytest.param(["show", "zz*"], "no server named 'zz*'", id="glob"),
    ],
)
def test_a_name_that_is_not_there_is_an_error(quickstart: Nearboot, words: list[str], message: str) -> None:
    """An empty list would look like an answer."""
    assert message in quickstart("server", *words, code=1).err


def test_show_holds_all_that_is_known(quickstart: Nearboot) -> None:
    """YAML for people, JSON for programs; the same document."""
    found = yaml.safe_load(quickstart("server", "show", "web-ams-01").out)
    assert found == json.loads(quickstart("server", "show", "web-ams-01", "-o", "json").out)
    assert found[0]["model"] == "vm-bios"
    assert found[0]["interfaces"][0]["mac"] == "52:54:00:77:00:01"


def test_show_holds_what_follows_for_the_server(quickstart: Nearboot) -> None:
    """Profile and image by tier and model, subnets, and the boot servers of this moment."""
    assert yaml.safe_load(quickstart("server", "show", "web-ams-01").out)[0]["effective"] == {
        "profile": "web-bios",
        "image": "debian-12",
        "subnets": ["10.77.0.0/24", "fd77::/64"],
        "boot_server_v4": "ams-boot",
        "boot_server_v6": "ams-boot",
    }


def test_show_as_a_table_has_a_line_for_each_field(quickstart: Nearboot) -> None:
    """What is empty is left out; two servers have an empty line between them."""
    lines = quickstart("server", "show", "web-*-01", "-o", "table").lines
    assert [line.split() for line in lines[:6]] == [
        ["FIELD", "VALUE"],
        ["name", "web-ams-01"],
        ["location", "ams-r1"],
        ["tier", "web"],
        ["model", "vm-bios"],
        ["interfaces[0].name", "eth0"],
    ]
    assert ["effective.subnets", "10.77.0.0/24,fd77::/64"] in [line.split() for line in lines]
    assert lines.count("") == 1


def test_the_table_has_macs_and_addresses(quickstart: Nearboot) -> None:
    """One line a server."""
    lines = quickstart("server", "list").lines
    assert lines[1].split() == ["web-ams-01", "ams-r1", "web", "vm-bios", "52:54:00:77:00:01", "10.77.0.11"]
