"""How several workers share limits."""

from __future__ import annotations

import pytest

from nearboot.tftp import Limits
from nearboot.tftp.guard import Guard


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_what_an_address_may_cause_is_divided(workers: int) -> None:
    """Thousands of requests forged from it, from all ports, bring it what one worker would send, in all."""
    guards = [Guard(Limits().share(workers)) for _ in range(workers)]
    sent = sum(1548 for number in range(9999) if guards[number % workers].charge("192.0.2.1", 1548, 0.0))
    assert Limits().unacked_bytes / 2 - 1548 * workers < sent <= Limits().unacked_bytes / 2
    requests = sum(guard.refusal("192.0.2.1", 0.0) is None for guard in guards for _ in range(9999))
    errors = sum(guard.may_answer("192.0.2.1", 0.0) for guard in guards for _ in range(9999))
    assert (requests, errors) == (5000, 1000)


def test_one_worker_has_all() -> None:
    """And a limit that is off stays off."""
    assert Limits().share(1) == Limits()
    off = Limits(requests_per_second=0, errors_per_second=0, unacked_bytes=0)
    assert off.share(4) == off


def test_a_worker_can_always_serve_somebody() -> None:
    """With 256 of them a share would be less than one read needs; a limit below that is the operator's will."""
    guard = Guard(Limits().share(256))
    assert all(guard.charge("192.0.2.1", 3 * 516, 0.0) for _ in range(5))
    assert Limits(unacked_bytes=100).share(2).unacked_bytes == 100


def test_transfers_are_each_workers_own() -> None:
    """They bound its memory; dealt out by ports, they are never evenly spread."""
    assert (Limits().share(4).sessions, Limits().share(4).sessions_per_client) == (16384, 512)
