"""The README is true: each command that it shows exists with the flags that it shows, each path is there."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import click
import pytest

from nearboot.app.settings import load_config
from nearboot.boot.context import context
from nearboot.boot.host import HostBoot
from nearboot.cli.root import NOUNS, root
from nearboot.config import settings
from nearboot.model import Image, Interface, NbpFamily, Server, Slug

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
LINES = [line.split("#")[0].strip() for block in SHELL for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("nearboot ")]


def _command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words name, and the words that are left."""
    command: click.Command = root
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_exists_with_its_flags(line: str) -> None:
    """A flag in square brackets is one that may be left out."""
    command, rest = _command(shlex.split(line.replace("[--", "--").replace("]", "") if "[--" in line else line)[1:])
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    assert not isinstance(command, click.Group)
    assert {word for word in rest if word.startswith("-") and word != "-"} <= known


@pytest.mark.parametrize("noun", NOUNS)
def test_each_noun_is_shown(noun: str) -> None:
    """What daily work needs stands in the README; the rest in ``--help``."""
    importlib.import_module(f"nearboot.cli.{noun.replace('-', '_')}")
    assert f"nearboot {noun}" in README or f"{noun} list" in README


def test_each_path_of_the_checkout_is_there() -> None:
    """Commands and prose name files that exist."""
    named = set(re.findall(r"(?:examples|tests|templates|topology)/[\w./-]*\w", README))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_variables_of_templates_are_listed() -> None:
    """All of them, and their parts."""
    image, server = Image(Slug("i"), "vmlinuz"), Server("w", Slug("ams"), interfaces=(Interface("eth0"),))
    variables = context(HostBoot(server, image=image), NbpFamily.GRUB, "grub.cfg.j2")
    for name in (*variables, *variables["server"], *variables["boot_server"]):  # type: ignore[misc]  # both are mappings
        assert f"`{name}`" in README, name


def test_the_set_up_commands_are_runnable() -> None:
    """Both are files with the mode of a program."""
    for name in ("examples/quickstart/run", "tests/run", ".ci/run"):
        assert (ROOT / name).stat().st_mode & 0o111


def test_the_environment_variables_are_those_that_are_read(tmp_path: Path) -> None:
    """Named in the README, and each has its effect."""
    for name in ("NEARBOOT_CONFIG", "NEARBOOT_DATABASE_URL", "NEARBOOT_STATE_DIR", "NEARBOOT_LAB_ACCEL"):
        assert name in README
    config = load_config(None, {"NEARBOOT_STATE_DIR": str(tmp_path), "HOME": str(tmp_path)})
    assert settings(config)["state_dir"][0] == str(tmp_path)
