"""The command's frame: help is complete, errors are one message and exit code 1, never a traceback."""

from __future__ import annotations

import importlib
from pathlib import Path

import click
import pytest

from nearboot.cli.root import NOUNS, run


def _commands(command: click.Command, name: str) -> list[tuple[str, click.Command]]:
    found = [(name, command)]
    if isinstance(command, click.Group):
        for verb, child in command.commands.items():
            found += _commands(child, f"{name} {verb}")
    return found


@pytest.mark.parametrize("noun", NOUNS)
def test_every_command_has_help(noun: str) -> None:
    """A full sentence for each noun and verb, and a text for each option."""
    module = importlib.import_module(f"nearboot.cli.{noun.replace('-', '_')}")
    for name, command in _commands(module.command, noun):
        assert (command.help or "").strip().split("\n")[0].endswith("."), name
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {option.name}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["no-such-noun"], "No such command", id="unknown noun"),
        pytest.param(["--config", "missing.yaml", "config", "show"], "missing.yaml", id="no such file"),
        pytest.param(["config", "show", "-o", "xml"], "xml", id="unknown format"),
    ],
)
def test_mistakes_are_said_plainly(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 means that there are changes, so a wrong call is 1."""
    assert run(arguments) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("words", [pytest.param([], id="root"), pytest.param(["server"], id="noun")])
def test_without_a_command_help_is_shown(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A first look is no mistake: stdout, exit code 0."""
    assert run(words) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Usage: nearboot") and not captured.err


def test_only_what_changes_things_says_that_nothing_was_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A read changes nothing anyway."""
    (tmp_path / "wrong.yaml").write_text("nonsense: 1\n")
    assert run(["--config", str(tmp_path / "wrong.yaml"), "config", "show"]) == 1
    assert capsys.readouterr().err.endswith("\nnearboot: 1 fault\n")
    assert run(["--config", str(tmp_path / "wrong.yaml"), "latency", "load", "map.csv"]) == 1
    assert capsys.readouterr().err.endswith("\nnearboot: 1 fault; nothing was changed\n")


def test_a_database_without_schema_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the command."""
    monkeypatch.setenv("NEARBOOT_STATE_DIR", str(tmp_path))
    assert run(["server", "list"]) == 1
    assert "nearboot db upgrade" in capsys.readouterr().err


@pytest.mark.parametrize("noun", NOUNS)
def test_no_verb_is_cut_off_in_the_help(noun: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever looks for a verb reads its whole line, also at 80 columns."""
    assert run([noun, "--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]
