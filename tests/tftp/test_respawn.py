"""When a worker is started again: at once, with growing pauses, and not at all where it has no sense."""

from __future__ import annotations

from nearboot.tftp.respawn import LONGEST_S, QUIET_S, START_DEATHS, Respawn


def test_the_first_death_is_followed_at_once_the_next_ones_after_growing_pauses() -> None:
    """Up to a longest pause."""
    respawn = Respawn()
    pauses = [respawn.died(0, 0.01 * number, was_ready=True) for number in range(10)]
    assert pauses[:5] == [0.0, 0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == LONGEST_S


def test_a_worker_that_lived_long_is_followed_at_once_again() -> None:
    """What was long ago counts no more; other workers' deaths never did."""
    respawn = Respawn()
    for _ in range(5):
        respawn.died(0, 0.0, was_ready=True)
    assert respawn.died(1, 0.1, was_ready=True) == 0.0
    assert respawn.died(0, QUIET_S + 0.1, was_ready=True) == 0.0


def test_deaths_before_anyone_served_make_it_hopeless() -> None:
    """Also while one of the workers serves: the daemon has not started yet."""
    respawn = Respawn()
    respawn.became_ready(is_last=False)
    for _ in range(START_DEATHS - 1):
        respawn.died(1, 0.0, was_ready=False)
    assert not respawn.is_hopeless(serving=1)
    respawn.died(1, 0.0, was_ready=False)
    assert respawn.is_hopeless(serving=1)


def test_a_worker_that_serves_is_not_given_up_for_one_that_cannot_start_any_more() -> None:
    """The database may be away; when nobody is left it is another matter."""
    respawn = Respawn()
    respawn.became_ready(is_last=True)
    for _ in range(START_DEATHS):
        respawn.died(1, 0.0, was_ready=False)
    assert not respawn.is_hopeless(serving=1)
    assert respawn.is_hopeless(serving=0)
    respawn.became_ready(is_last=True)
    assert not respawn.is_hopeless(serving=0)


def test_workers_that_were_ready_are_never_given_up() -> None:
    """They are killed from outside, or by a rare fault: a pause is all."""
    respawn = Respawn()
    for number in range(50):
        respawn.died(0, float(number), was_ready=True)
    assert not respawn.is_hopeless(serving=0)
