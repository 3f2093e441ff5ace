"""Pictures as files: their kinds, the same bytes for the same picture, and what cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from nearboot.app import pictures
from nearboot.config import Config
from nearboot.errors import ConfigError, InputError


@pytest.fixture
def drawable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A state folder, where the cache of fonts goes."""
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    return Config(state_dir=str(tmp_path))


@pytest.mark.parametrize(("name", "start"), [("a.svg", b"<?xml"), ("b.PNG", b"\x89PNG")])
def test_the_suffix_says_the_format(drawable: Config, tmp_path: Path, name: str, start: bytes) -> None:
    """In a folder that is made where it is missing; twice the same bytes."""
    path = pictures.prepare(drawable, str(tmp_path / "new" / name))
    written = []
    for _ in range(2):
        pictures.write(pictures.blank(4, 2, "A title", "and what is below it"), path)
        written.append(path.read_bytes())
    assert written[0].startswith(start)
    assert written[0] == written[1]


@pytest.mark.parametrize("name", ["a.jpg", "a", "svg"])
def test_other_formats_are_refused_before_any_work(drawable: Config, name: str) -> None:
    """With those that there are."""
    with pytest.raises(InputError, match=r"\.svg or \.png"):
        pictures.prepare(drawable, name)


def test_what_cannot_be_written_is_told(drawable: Config, tmp_path: Path) -> None:
    """A folder of that name."""
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(ConfigError, match=r"a\.svg cannot be written"):
        pictures.write(pictures.blank(2, 2, "", ""), tmp_path / "a.svg")


@pytest.mark.parametrize("values", [[], [0.3], [0.0, 5.0, 5.0], [0.1, 3000.0]])
def test_a_scale_holds_all_values(values: list[float]) -> None:
    """Also of one value, or of none."""
    scale = pictures.scale(values)
    assert scale.vmin is not None
    assert scale.vmax is not None
    assert 0 < scale.vmin < scale.vmax
    assert all(scale.vmin <= value <= scale.vmax for value in values if value)


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [
        pytest.param(0.2, 250, [0.3, 1, 3, 10, 30, 100], id="wide"),
        pytest.param(29, 250, [30, 50, 70, 100, 150, 200], id="narrow"),
        pytest.param(30, 92, [30, 50, 70], id="within-a-power-of-ten"),
    ],
)
def test_a_scale_names_enough_values_to_be_read(low: float, high: float, named: list[float]) -> None:
    """Three at least."""
    assert pictures.marks(low, high) == pytest.approx(named)
