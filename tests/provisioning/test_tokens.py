"""Tokens."""

from __future__ import annotations

import secrets
from random import Random
from urllib.parse import quote

import pytest

from nearboot.provisioning.tokens import BITS, is_token, new_token


def test_tokens_are_safe_in_a_url_and_recognised() -> None:
    """Nothing in them needs quoting in a URL, a kernel command line or a shell."""
    for seed in range(200):
        token = new_token(Random(seed))
        assert quote(token, safe="") == token
        assert is_token(token)


def test_tokens_carry_their_chance() -> None:
    """The system's own source of chance fits, and gives another token each time."""
    assert BITS >= 128
    assert len({new_token(secrets.SystemRandom()) for _ in range(100)}) == 100


def test_the_same_chance_gives_the_same_token() -> None:
    """So that tests can be told again."""
    assert new_token(Random(7)) == new_token(Random(7)) != new_token(Random(8))


@pytest.mark.parametrize(
    "text", ["", "short", "x" * 33, "../../../../../../../../../etc/pas", "x" * 31 + "\n", "x" * 32 + "\n"]
)
def test_other_text_is_no_token(text: str) -> None:
    """It need not be looked up."""
    assert not is_token(text)
