"""``nearboot kea``: files that are the same for the same database, follow a drain, and that Kea itself accepts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Nearboot = Callable[..., Any]

FILES = ("kea-dhcp4.conf", "kea-dhcp6.conf")


def _next_servers(folder: Path) -> dict[str, str]:
    document = json.loads((folder / "kea-dhcp4.conf").read_text())
    return {subnet["subnet"]: subnet["next-server"] for subnet in document["Dhcp4"]["subnet4"]}


def test_the_same_database_gives_the_same_bytes(quickstart: Nearboot, tmp_path: Path) -> None:
    """A second run writes nothing, and says so."""
    first = quickstart("kea", "generate", "-o", tmp_path)
    assert "kea-dhcp4.conf: written; 2 subnets, 3 hosts with 3 interfaces" in first.lines[0]
    before = [(tmp_path / name).stat().st_mtime_ns for name in FILES]
    second = quickstart("kea", "generate", "-o", tmp_path)
    assert all(f"{name}: unchanged; " in second.out for name in FILES)
    assert [(tmp_path / name).stat().st_mtime_ns for name in FILES] == before
    assert sorted(file.name for file in tmp_path.iterdir() if file.suffix == ".conf") == list(FILES)


def test_the_folder_has_a_name_of_its_own(quickstart: Nearboot, tmp_path: Path) -> None:
    """-o is a format elsewhere: --output-dir says what it is here."""
    quickstart("kea", "generate", "--output-dir", tmp_path)
    assert sorted(file.name for file in tmp_path.glob("*.conf")) == list(FILES)


def test_draining_changes_next_server(quickstart: Nearboot, tmp_path: Path) -> None:
    """The files follow the routes of the moment at which they are made."""
    quickstart("kea", "generate", "-o", tmp_path)
    assert _next_servers(tmp_path) == {"10.77.0.0/24": "10.77.0.2", "10.78.0.0/24": "10.78.0.2"}
    quickstart("boot-server", "drain", "ams-boot")
    assert "kea-dhcp4.conf: written" in quickstart("kea", "generate", "-o", tmp_path).out
    assert set(_next_servers(tmp_path).values()) == {"10.78.0.2"}


def test_a_folder_that_cannot_be_written_keeps_no_routes(quickstart: Nearboot, tmp_path: Path) -> None:
    """The database would say what no Kea was told; nor is it in the audit log."""
    (tmp_path / "file").touch()
    ran = quickstart("kea", "generate", "-o", tmp_path / "file" / "kea", code=1)
    assert "kea-dhcp4.conf cannot be written: Not a directory" in ran.err
    assert "kea.generate" not in quickstart("audit", "list").out


@pytest.mark.kea
def test_kea_accepts_what_was_generated(quickstart: Nearboot, tmp_path: Path) -> None:
    """Our own checks first, then the real kea-dhcp4 -t and kea-dhcp6 -t."""
    quickstart("kea", "generate", "-o", tmp_path)
    ran = quickstart("kea", "check", tmp_path)
    for name, daemon in zip(FILES, ("kea-dhcp4", "kea-dhcp6"), strict=True):
        assert f"{tmp_path / name}: our checks: passed" in ran.lines
        assert any(line.startswith(f"{tmp_path / name}: {daemon} ") and "-t accepts it" in line for line in ran.lines)


@pytest.mark.kea
def test_kea_refuses_what_it_does_not_know(quickstart: Nearboot, tmp_path: Path) -> None:
    """Its own words are shown; exit code 1."""
    quickstart("kea", "generate", "-o", tmp_path)
    path = tmp_path / "kea-dhcp4.conf"
    document = json.loads(path.read_text())
    document["Dhcp4"]["no-such-setting"] = 1
    path.write_text(json.dumps(document))
    ran = quickstart("kea", "check", tmp_path, code=1)
    assert "refuses it" in ran.out and "no-such-setting" in ran.out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(None, "found no Kea configuration; expected kea-dhcp4.conf or kea-dhcp6.conf", id="missing"),
        pytest.param("{", "expected JSON", id="no JSON"),
        pytest.param("[]", "found list; expected an object such as", id="no object"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(
    nearboot: Nearboot, tmp_path: Path, text: str | None, message: str
) -> None:
    """Before Kea is asked."""
    if text is not None:
        (tmp_path / "kea-dhcp4.conf").write_text(text)
    ran = nearboot("kea", "check", tmp_path, code=1)
    assert ran.err.startswith(str(tmp_path))
    assert message in ran.err


@pytest.mark.kea
def test_one_family_alone_and_comments_are_fine(quickstart: Nearboot, tmp_path: Path) -> None:
    """A site without IPv6 has one file; operators comment theirs, and Kea reads comments."""
    quickstart("kea", "generate", "-o", tmp_path)
    (tmp_path / "kea-dhcp6.conf").unlink()
    path = tmp_path / "kea-dhcp4.conf"
    path.write_text("// of our own\n" + path.read_text())
    assert quickstart("kea", "check", tmp_path).out.count("accepts it") == 1
