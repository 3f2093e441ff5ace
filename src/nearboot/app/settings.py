"""Where the configuration comes from: defaults, the file, the environment, in this order.

Relative paths in a file are relative to that file's folder. Nothing else in nearboot reads the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nearboot.config import Config, parse
from nearboot.errors import ConfigError

PATHS = ("state_dir", "boot_root", "run_dir", "templates", "migrations", "topology")
SHIPPED = ("templates", "migrations", "topology")


def load_config(file: str | None, environ: Mapping[str, str]) -> Config:
    """The configuration in use: ``file``, else ``NEARBOOT_CONFIG``, else the defaults; ``NEARBOOT_DATABASE_URL`` wins.

    Raises ConfigError where the named file cannot be read, InputError where it is wrong.
    """
    config = Config(state_dir=str(_state_dir(environ)))
    name = file or environ.get("NEARBOOT_CONFIG")
    if name:
        config = _read(Path(name), config)
    if environ.get("NEARBOOT_STATE_DIR"):
        config = replace(config, state_dir=environ["NEARBOOT_STATE_DIR"])
    if environ.get("NEARBOOT_DATABASE_URL"):
        config = replace(config, database_url=environ["NEARBOOT_DATABASE_URL"])
    return config


def folder(config: Config, noun: str) -> Path:
    """The folder of the templates, migrations or topologies: the configured one, else the one that ships with nearboot.

    An installed wheel carries them inside the package, a checkout beside ``src``.
    """
    assert noun in SHIPPED
    configured = getattr(config, noun)
    return _existing(Path(configured), noun) if configured else shipped(noun)


def shipped(noun: str) -> Path:
    """The folder of the templates, migrations or topologies that ships with nearboot."""
    package = Path(__file__).parent.parent
    inside = package / noun
    return inside if inside.is_dir() else _existing(package.parent.parent / noun, noun)


def _existing(path: Path, noun: str) -> Path:
    if not path.is_dir():
        raise ConfigError(f"the folder of the {noun} is not there: {path}")
    return path


def _read(path: Path, base: Config) -> Config:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the configuration file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the configuration file {path} cannot be read: it is not UTF-8") from error
    config = parse(text, str(path), base)
    at = path.resolve().parent
    changed = {name: str(at / getattr(config, name)) for name in PATHS if getattr(config, name)}
    if config.cache.dir:
        config = replace(config, cache=replace(config.cache, dir=str(at / config.cache.dir)))
    return replace(config, **changed)  # type: ignore[arg-type]  # all of PATHS are texts


def _state_dir(environ: Mapping[str, str]) -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/nearboot")
    state = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME", "."), ".local", "state"))
    return Path(state, "nearboot")
