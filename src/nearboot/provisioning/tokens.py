"""Tokens that name a run in call-back URLs: who has one may report that run's phases, so none can be guessed.

token = new_token(secrets.SystemRandom())
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from random import Random

BITS = 192
"""Chance in a token; 128 would do (RFC 6749 section 10.10), 192 fill 32 characters without padding."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}\Z")


def new_token(chance: Random) -> str:
    """Make a token of 32 characters that are safe in a URL; in production ``chance`` is a ``secrets.SystemRandom``."""
    return urlsafe_b64encode(chance.getrandbits(BITS).to_bytes(BITS // 8, "big")).decode()


def is_token(text: str) -> bool:
    """Whether text has the form of a token; anything else need not be looked up."""
    return _TOKEN.match(text) is not None
