"""The table of phases, and how runs advance along it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import ProtocolError
from nearboot.model import Event, EventKind, Phase, Run
from nearboot.provisioning.phases import CALLBACKS, FAILURES, ORDER, advance, classify, is_repeat, outcome_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NBPS = ("pxelinux.0", "grubnetx64.efi", "ipxe.efi", "boot.ipxe")
IMAGES = ("images/debian/vmlinuz", "/images/debian/initrd.gz")
TFTP, HTTP, CALLBACK = EventKind.TFTP_READ, EventKind.HTTP_READ, EventKind.CALLBACK


def _run(phase: Phase = Phase.POWER_ON) -> Run:
    return Run(1, "web01", phase, NOW, NOW)


def _event(
    phase: Phase | None, kind: EventKind = TFTP, subject: str = "x", outcome: str = "ok", after: int = 1
) -> Event:
    return Event(NOW + timedelta(seconds=after), kind, "web01", subject=subject, outcome=outcome, phase=phase)


@pytest.mark.parametrize(
    ("kind", "subject", "phase"),
    [
        pytest.param(EventKind.PROVISION_START, "", Phase.POWER_ON, id="start"),
        pytest.param(EventKind.DHCP_LEASE, "10.77.0.104", Phase.DHCP, id="lease"),
        pytest.param(TFTP, "pxelinux.0", Phase.NBP, id="nbp"),
        pytest.param(TFTP, "/grubnetx64.efi", Phase.NBP, id="nbp-leading-slash"),
        pytest.param(HTTP, "ipxe.efi", Phase.NBP, id="nbp-http"),
        pytest.param(TFTP, "pxelinux.cfg/01-52-54-00-00-00-1a", Phase.CONFIG, id="pxelinux-config"),
        pytest.param(TFTP, "/grub/grub.cfg", Phase.CONFIG, id="grub-config"),
        pytest.param(TFTP, "/grub/by-mac/52:54:00:00:00:30.cfg", Phase.CONFIG, id="grub-by-mac"),
        pytest.param(HTTP, "boot.ipxe?mac=52-54-00-00-00-1a", Phase.CONFIG, id="ipxe-config"),
        pytest.param(TFTP, "boot.ipxe", Phase.CONFIG, id="ipxe-config-named-as-nbp"),
        pytest.param(TFTP, "/images/debian/vmlinuz", Phase.KERNEL, id="kernel"),
        pytest.param(HTTP, "images/debian/initrd.gz", Phase.KERNEL, id="initrd"),
        pytest.param(TFTP, "ldlinux.c32", None, id="module"),
        pytest.param(TFTP, "grub/x86_64-efi/command.lst", None, id="list"),
        pytest.param(CALLBACK, "initrd-up", Phase.INSTALLER, id="initrd-up"),
        pytest.param(CALLBACK, "installer", Phase.INSTALLER, id="installer"),
        pytest.param(CALLBACK, "Configure ", Phase.CONFIGURE, id="configure-spelling"),
        pytest.param(CALLBACK, "reboot", Phase.REBOOT, id="reboot"),
        pytest.param(CALLBACK, "provisioned", Phase.PROVISIONED, id="provisioned"),
        pytest.param(CALLBACK, "done", Phase.PROVISIONED, id="done"),
        pytest.param(CALLBACK, "lunch", None, id="unknown-callback"),
        pytest.param(CALLBACK, "pxelinux.0", None, id="callback-named-like-a-file"),
        pytest.param(EventKind.OPERATOR, "pxelinux.0", None, id="operator"),
    ],
)
def test_an_event_shows_a_phase(kind: EventKind, subject: str, phase: Phase | None) -> None:
    """The table of what shows what."""
    assert classify(kind, subject, nbps=NBPS, images=IMAGES) is phase


@pytest.mark.parametrize(
    ("said", "ended", "outcome"),
    [
        pytest.param("initrd-up", False, "ok", id="phase"),
        pytest.param(" Installer", False, "ok", id="spelling"),
        pytest.param("error", False, "failed", id="failure"),
        pytest.param("provisioned", True, "after-the-end", id="late"),
        pytest.param("failed", True, "after-the-end", id="late-failure"),
    ],
)
def test_a_callback_has_an_outcome(said: str, ended: bool, outcome: str) -> None:
    """A failure is no success, and what comes after the end of its run has no effect."""
    run = replace(_run(), finished_at=NOW if ended else None, outcome="provisioned" if ended else "")
    assert outcome_of(said, run) == outcome


def test_an_unknown_callback_is_told_what_is_known() -> None:
    """To whoever writes the installer's script."""
    with pytest.raises(ProtocolError) as caught:
        outcome_of("foo", _run())
    assert str(caught.value) == ("phase 'foo' is unknown; expected installer, configure, reboot, provisioned or failed")


def test_every_phase_can_be_shown() -> None:
    """No phase is out of reach, and no call-back is both a phase and a failure."""
    shown = {Phase.POWER_ON, Phase.DHCP, Phase.NBP, Phase.CONFIG, Phase.KERNEL, *CALLBACKS.values()}
    assert shown == set(Phase)
    assert not FAILURES & CALLBACKS.keys()


@pytest.mark.parametrize("before", list(Phase))
@pytest.mark.parametrize("shown", list(Phase))
def test_a_run_goes_forward_only(before: Phase, shown: Phase) -> None:
    """From any phase by an event of any phase: the later of the two."""
    after = advance(_run(before), _event(shown))
    assert after.phase is max(before, shown, key=ORDER.__getitem__)


def test_provisioned_ends_the_run() -> None:
    """With the time of the event that showed it."""
    run = advance(_run(Phase.REBOOT), _event(Phase.PROVISIONED, CALLBACK, after=90))
    assert (run.outcome, run.finished_at) == ("provisioned", NOW + timedelta(seconds=90))


@pytest.mark.parametrize("failure", sorted(FAILURES))
def test_a_reported_failure_ends_the_run(failure: str) -> None:
    """The phase stays where it was, so that one sees where it failed."""
    event = replace(_event(None, CALLBACK, failure), detail={"message": "no disk"})
    run = advance(_run(Phase.INSTALLER), event)
    assert (run.outcome, run.problem, run.phase) == ("failed", "no disk", Phase.INSTALLER)
    assert run.finished_at == event.at


def test_a_failure_without_a_message_names_the_callback() -> None:
    """Something is better than nothing."""
    assert advance(_run(), _event(None, CALLBACK, "error")).problem == "call-back 'error'"


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(_event(None), id="no-phase"),
        pytest.param(_event(Phase.NBP, outcome="not-found"), id="not-found"),
        pytest.param(_event(Phase.NBP, outcome="aborted-by-client"), id="size-probe"),
        pytest.param(_event(Phase.KERNEL, outcome="timed-out"), id="timed-out"),
    ],
)
def test_what_shows_nothing_changes_nothing(event: Event) -> None:
    """A UEFI size probe aborts on purpose; a file that was not sent started nothing."""
    assert advance(_run(Phase.DHCP), event) == _run(Phase.DHCP)


def test_a_finished_run_stays_as_it_is() -> None:
    """Late datagrams and repeated call-backs come."""
    run = advance(_run(), _event(Phase.PROVISIONED, CALLBACK))
    assert advance(run, _event(Phase.DHCP, after=5)) is run
    assert advance(run, _event(None, CALLBACK, "failed", after=5)) is run


@pytest.mark.parametrize("phase", [Phase.DHCP, Phase.NBP])
def test_a_network_boot_after_the_reboot_is_noted(phase: Phase) -> None:
    """It should have booted from disk: a person wants to know."""
    run = advance(_run(Phase.REBOOT), _event(phase, subject="pxelinux.0"))
    assert run.phase is Phase.REBOOT
    assert run.problem == f"booted from the network again after the reboot ({phase.value} pxelinux.0)"


def test_an_event_of_another_server_is_a_bug() -> None:
    """Nothing is changed by it."""
    with pytest.raises(ValueError, match="web02"):
        advance(_run(), replace(_event(Phase.DHCP), server="web02"))


@given(st.lists(st.tuples(st.sampled_from([None, *Phase]), st.integers(-5, 50)), max_size=20))
def test_no_order_of_events_takes_a_run_back(shown: list[tuple[Phase | None, int]]) -> None:
    """Neither its phase nor its time."""
    run = _run()
    for phase, after in shown:
        following = advance(run, _event(phase, after=after))
        assert ORDER[following.phase] >= ORDER[run.phase]
        assert following.updated_at >= run.updated_at
        run = following


@pytest.mark.parametrize(
    ("outcome", "said", "repeat"),
    [
        pytest.param("provisioned", "done", True, id="the end again"),
        pytest.param("provisioned", "installer", False, id="an earlier phase"),
        pytest.param("provisioned", "failed", False, id="the contrary"),
        pytest.param("failed", "error", True, id="the failure again"),
        pytest.param("", "done", False, id="not ended"),
        pytest.param("cancelled", "done", False, id="cancelled"),
    ],
)
def test_an_installer_that_has_not_heard_the_answer_may_say_it_again(outcome: str, said: str, repeat: bool) -> None:
    """It would take a refusal for a failure, and the machine would stay where it is."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    run = Run(1, "w", Phase.INSTALLER, at, at, finished_at=at if outcome else None, outcome=outcome)
    assert is_repeat(said, run) is repeat
