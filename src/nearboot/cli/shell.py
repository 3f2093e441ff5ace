"""What every command needs from the process: its configuration, its clock and its user's name."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime

import click

from nearboot.app.settings import load_config
from nearboot.config import Config


def config_of(ctx: click.Context) -> Config:
    """The configuration that the flags and the environment name."""
    file = ctx.find_root().obj
    return load_config(file if isinstance(file, str) else None, os.environ)


def actor() -> str:
    """Who runs the command, for the audit log: the user behind sudo where there is one."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def now() -> datetime:
    """The present, aware UTC."""
    return datetime.now(UTC)
