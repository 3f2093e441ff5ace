"""The timeline of a boot: complete, stuck, from the wrong boot server, started over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from nearboot.model import Event, EventKind, Phase, Run, Slug
from nearboot.provisioning.trace import Mismatch, trace

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEAR = {4: Slug("ams1"), 6: Slug("ams1")}
TFTP = EventKind.TFTP_READ
MakeEvent = Callable[..., Event]
Play = Callable[[list[Event]], Run]


def test_a_complete_boot_has_all_its_steps(boot: list[Event], play: Play) -> None:
    """Offsets count from the first event, numbers come from the reads."""
    made = trace(play(boot), boot, expected=NEAR, now=START + timedelta(hours=1))
    assert made.complete
    assert made.missing is None
    assert made.boot_servers == ("ams1",)
    assert made.mismatches == ()
    assert made.waiting_s == 0
    kernel = made.steps[5]
    assert (kernel.offset_s, kernel.phase, kernel.bytes, kernel.duration_s, kernel.retransmits) == (
        7.5,
        Phase.KERNEL,
        14186368,
        6.4,
        2,
    )


def test_a_stuck_boot_says_what_is_missing(boot: list[Event], play: Play) -> None:
    """And for how long it has been waiting."""
    events = boot[:3]
    made = trace(play(events), events, expected=NEAR, now=START + timedelta(seconds=120.6))
    assert not made.complete
    assert made.missing is not None
    assert (made.missing.code, made.missing.after, made.missing.expected) == ("no-config", Phase.NBP, Phase.CONFIG)
    assert made.waiting_s == 120


def test_order_of_events_changes_nothing(boot: list[Event], play: Play) -> None:
    """They come from several servers and arrive as they like."""
    shuffled = list(boot)
    Random(4).shuffle(shuffled)
    expected = trace(play(boot), boot, expected=NEAR, now=START)
    assert trace(play(boot), shuffled, expected=NEAR, now=START) == expected


def test_events_of_other_servers_are_left_out(boot: list[Event], play: Play) -> None:
    """A trace is about one server."""
    strange = [replace(item, server=None) for item in boot] + [replace(item, server="web02") for item in boot]
    assert len(trace(play(boot), [*strange, *boot], expected=NEAR, now=START).steps) == len(boot)


BOTH = {4: Slug("ams1"), 6: Slug("fra1")}


@pytest.mark.parametrize(
    ("client", "boot_server", "expected", "wrong"),
    [
        pytest.param("10.0.0.9", "ams1", BOTH, None, id="v4-right"),
        pytest.param("10.0.0.9", "fra1", BOTH, "ams1", id="v4-reads-from-v6-server"),
        pytest.param("fd77::9", "fra1", BOTH, None, id="v6-right"),
        pytest.param("fe80::9%eth0", "lon1", BOTH, "fra1", id="v6-scoped-wrong"),
        pytest.param("52:54:00:00:00:1a", "fra1", BOTH, None, id="mac-either"),
        pytest.param("10.0.0.9", "lon1", {4: None}, None, id="no-route"),
        pytest.param("10.0.0.9", "lon1", {}, None, id="not-known"),
    ],
)
def test_a_read_from_another_boot_server_is_a_mismatch(
    client: str, boot_server: str, expected: dict[int, Slug | None], wrong: str | None, event: MakeEvent
) -> None:
    """Compared by the family that the client came over."""
    events = [event(1, TFTP, "pxelinux.0", boot_server=boot_server, client=client)]
    made = trace(Run(7, "web01", Phase.NBP, START, START), events, expected=expected, now=START)
    assert made.mismatches == ((Mismatch("pxelinux.0", Slug(boot_server), Slug(wrong)),) if wrong else ())


def test_a_boot_that_starts_over_is_counted(boot: list[Event], play: Play) -> None:
    """The NBP is read again after the configuration; a size probe before the first read is no restart."""
    again = [replace(item, at=item.at + timedelta(seconds=60)) for item in boot[:6]]
    probe = replace(boot[1], at=START, outcome="aborted-by-client")
    events = [probe, *boot[:6], *again]
    assert trace(play(events), events, expected=NEAR, now=START).restarts == 1


def test_a_run_without_events_can_be_shown(play: Play) -> None:
    """It was started a moment ago."""
    made = trace(play([]), [], expected=NEAR, now=START + timedelta(seconds=30))
    assert made.waiting_s == 30
    assert made.missing is not None
    assert made.missing.code == "no-dhcp"
    assert "no events yet" in made.lines()
