"""What a source has that was not read yet."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nearboot.app import latency_source
from nearboot.app.latency_source import Found, Marks, Source, kind_of, named_file, new_documents, parse_source
from nearboot.config import Config
from nearboot.errors import InputError

WHEN = 1_795_345_200


@pytest.fixture
def backend() -> str:
    """No database is read."""
    return "sqlite"


def _write(path: Path, text: str = "x\n", *, at: int = WHEN) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def _names(found: list[Found]) -> list[tuple[str, str]]:
    return [(Path(each.document.file).name, each.publisher) for each in found]


@pytest.mark.parametrize(
    ("text", "place", "name"),
    [
        ("maps", "maps", ""),
        ("wan=maps", "maps", "wan"),
        ("http://h/x?query=a", "http://h/x?query=a", ""),
        ("wan=http://h/x?query=a", "http://h/x?query=a", "wan"),
        ("/var/lib/a=b", "/var/lib/a=b", ""),
    ],
)
def test_source_may_have_a_name(text: str, place: str, name: str) -> None:
    """Before the first equals sign, where what stands there can be a name."""
    assert parse_source(text) == Source(place, name)


def test_file_of_that_name_goes_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with an equals sign is a file's, if there is one."""
    monkeypatch.chdir(tmp_path)
    _write(tmp_path / "a=b")
    assert parse_source("a=b") == Source("a=b")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("wan-2026-11-22.csv", "wan.csv"),
        ("wan_20261122T120000Z.json", "wan.json"),
        ("wan.2026-11-22T12.json", "wan.json"),
        ("2026-11-22T12:00:05.csv", ".csv"),
        ("ams-1795345200.txt", "ams.txt"),
        ("dc1.csv", "dc1.csv"),
        ("dc-10-7.csv", "dc-10-7.csv"),
    ],
)
def test_time_in_a_name_is_no_kind(name: str, kind: str) -> None:
    """Other numbers are: dc1 and dc2 are two places."""
    assert kind_of(name) == kind


def test_newest_file_of_each_kind_is_given_once(tmp_path: Path) -> None:
    """By the time of its last change; what is being written, hidden, or a signature is no map."""
    folder = tmp_path / "maps"
    _write(folder / "wan-2026-11-21.csv", at=WHEN + 5)
    _write(folder / "wan-2026-11-22.csv", at=WHEN)
    _write(folder / "lan.json")
    for name in ("new.csv.tmp", ".hidden.csv", "lan.json.part", "other.sig"):
        _write(folder / name)
    (folder / "deep").mkdir()
    marks = Marks()
    found = list(new_documents(Source(str(folder)), marks))
    assert _names(found) == [("lan.json", "lan"), ("wan-2026-11-21.csv", "wan")]
    assert found[0].as_of == datetime.fromtimestamp(WHEN, UTC)
    for each in found:
        marks.keep(each)
    assert list(new_documents(Source(str(folder)), marks)) == []
    _write(folder / "wan-2026-11-23.csv", at=WHEN + 9)
    assert _names(list(new_documents(Source(str(folder), "net"), marks))) == [("wan-2026-11-23.csv", "net-wan")]


def test_kinds_of_one_stem_are_two_sources(tmp_path: Path) -> None:
    """Else each would take the place of the other."""
    _write(tmp_path / "ams.csv")
    _write(tmp_path / "ams.json")
    assert _names(list(new_documents(Source(str(tmp_path)), Marks()))) == [
        ("ams.csv", "ams.csv"),
        ("ams.json", "ams.json"),
    ]


def test_files_that_are_named_by_time_alone_are_the_folders(tmp_path: Path) -> None:
    """Nothing else says what they are."""
    _write(tmp_path / "wan" / "2026-11-22.csv")
    assert _names(list(new_documents(Source(str(tmp_path / "wan")), Marks()))) == [("2026-11-22.csv", "wan")]


def test_changed_file_is_given_again(tmp_path: Path) -> None:
    """A file by itself, too."""
    file = _write(tmp_path / "wan.csv")
    marks = Marks()
    (found,) = new_documents(Source(str(file)), marks)
    marks.keep(found)
    assert list(new_documents(Source(str(file)), marks)) == []
    _write(file, "other\n", at=WHEN + 1)
    assert len(list(new_documents(Source(str(file)), marks))) == 1
    assert named_file(Source(str(file))).as_of is None


def test_signature_beside_a_file_comes_along(tmp_path: Path) -> None:
    """It is verified by who loads it."""
    _write(tmp_path / "wan.csv")
    _write(tmp_path / "wan.csv.sig", "signed\n")
    (found,) = new_documents(Source(str(tmp_path)), Marks())
    assert found.document.signature == "signed\n"


def test_marks_outlive_the_process(tmp_path: Path, config: Config) -> None:
    """In the state folder; a broken file of marks is begun anew."""
    config = replace(config, state_dir=str(tmp_path / "state"))
    file = _write(tmp_path / "wan.csv")
    (found,) = new_documents(Source(str(file)), Marks.of(config))
    Marks.of(config).keep(found)
    assert list(new_documents(Source(str(file)), Marks.of(config))) == []
    for broken in ("{", "[]", '"x"'):
        (tmp_path / "state" / latency_source.MARKS_FILE).write_text(broken)
        assert Marks.of(config).by_key == {}


def test_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, too large; the other files of a folder are given before."""
    with pytest.raises(InputError, match="No such file"):
        list(new_documents(Source(str(tmp_path / "missing")), Marks()))
    monkeypatch.setattr(latency_source, "MAX_BYTES", 10)
    _write(tmp_path / "a.csv", "x" * 11)
    _write(tmp_path / "b.csv")
    documents = new_documents(Source(str(tmp_path)), Marks())
    assert Path(next(documents).document.file).name == "b.csv"
    with pytest.raises(InputError, match="11 bytes; expected at most 10"):
        next(documents)
    monkeypatch.setattr(latency_source, "MAX_FILES", 1)
    with pytest.raises(InputError, match="more than 1 files"):
        list(new_documents(Source(str(tmp_path)), Marks()))
