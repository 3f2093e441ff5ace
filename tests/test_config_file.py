"""Settings are read over their defaults, whatever the settings are; all faults are told at once, with their lines."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nearboot.config import setting
from nearboot.config_file import read_over
from nearboot.errors import InputError


@dataclass(frozen=True, slots=True)
class Part:
    """A section."""

    size: int = setting(3, "A number.", low=1, high=9)
    kind: str = setting("a", "A choice.", choices=("a", "b"))


@dataclass(frozen=True, slots=True)
class Whole:
    """A tree with one section."""

    names: tuple[str, ...] = setting((), "Texts.")
    part: Part = setting(Part(), "The section.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", Whole(), id="nothing"),
        pytest.param("part: {size: 4}", Whole(part=Part(4)), id="one-setting"),
        pytest.param("names: [x, y]\npart:\n  kind: b", Whole(("x", "y"), Part(kind="b")), id="all-kinds"),
    ],
)
def test_what_is_not_said_stays(text: str, expected: Whole) -> None:
    """Section by section."""
    assert read_over(text, "f.yaml", Whole()) == expected


def test_all_faults_are_told_at_once() -> None:
    """Each with file, line, setting, what was found and what is expected."""
    with pytest.raises(InputError) as caught:
        read_over("part:\n  size: 10\n  kind: c\n  sise: 1\nnames: x", "f.yaml", Whole())
    assert [(fault.line, fault.field) for fault in caught.value.faults] == [
        (2, "part.size"),
        (3, "part.kind"),
        (4, "part.sise"),
        (5, "names"),
    ]
    assert "did you mean 'size'?" in str(caught.value)


def test_broken_yaml_is_told_with_its_line() -> None:
    """A tab is named as such."""
    with pytest.raises(InputError, match=r"f\.yaml:2: .*a tab"):
        read_over("part:\n\tsize: 1", "f.yaml", Whole())
