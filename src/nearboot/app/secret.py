"""Secrets by reference: the configuration says where one is, never what it is.

key = read_secret("env:NEARBOOT_MAP_KEY")
key = read_secret("file:/etc/nearboot/map.key")
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from nearboot.errors import ConfigError


def read_secret(reference: str, environ: Mapping[str, str] | None = None) -> bytes:
    """What a reference points to, without the line end of a file; ``ConfigError`` where there is nothing.

    ``environ``: another environment than this process's.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        value = (os.environ if environ is None else environ).get(name)
        if not value:
            raise ConfigError(f"the secret {reference} is not there: the environment has no {name}")
        return value.encode()
    if kind == "file" and name.startswith("/"):
        try:
            return Path(name).read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise ConfigError(f"the secret {reference} cannot be read: {error.strerror}") from error
    raise ConfigError("where a secret is, is said as env:NAME or file:/PATH")  # what was said may be the secret itself
