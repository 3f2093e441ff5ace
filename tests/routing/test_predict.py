"""Predicted times."""

from __future__ import annotations

import pytest

from nearboot.model import NbpFamily
from nearboot.routing.predict import CLIENTS, Client, block_count, round_trips, total_s, transfer_s

LOCK_STEP = Client("any", 1400, 1)


@pytest.mark.parametrize(
    ("size", "blksize", "blocks"),
    [
        pytest.param(0, 512, 1, id="empty-file-is-one-empty-block"),
        pytest.param(511, 512, 1, id="short"),
        pytest.param(512, 512, 2, id="full-block-needs-an-empty-one"),
        pytest.param(513, 512, 2, id="one-more"),
        pytest.param(1024, 512, 3, id="two-full"),
    ],
)
def test_last_block_is_always_short(size: int, blksize: int, blocks: int) -> None:
    """RFC 1350 section 6: a short block ends the transfer, so a full last block is followed by an empty one."""
    assert block_count(size, blksize) == blocks


def test_window_divides_the_round_trips() -> None:
    """80 MB at 150 ms and 1400 bytes a block: hours in lock-step, a sixteenth of it in windows of 16."""
    lock_step = transfer_s(80_000_000, 150.0, LOCK_STEP)
    windows = transfer_s(80_000_000, 150.0, Client("any", 1400, 16))
    assert lock_step == pytest.approx(57_143 * 0.15)
    assert windows == pytest.approx(3_572 * 0.15)


def test_what_is_unknown_is_not_predicted() -> None:
    """No cost, no time; no files, no time."""
    assert transfer_s(1000, None, LOCK_STEP) is None
    assert total_s([1000, 1000], None, LOCK_STEP) is None
    assert total_s([], 1.0, LOCK_STEP) is None
    assert total_s([0, 0], 1.0, LOCK_STEP) == pytest.approx(0.002)


def test_grub_reads_in_smaller_blocks_than_the_others() -> None:
    """A kernel of 14 MB: 13,854 waits with GRUB, 10,076 with PXELINUX."""
    assert [round_trips(14_186_000, CLIENTS[each]) for each in (NbpFamily.GRUB, NbpFamily.PXELINUX)] == [13_854, 10_076]
