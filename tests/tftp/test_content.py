"""Framing: every block byte by byte, segments, and the budget."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.tftp import content
from nearboot.tftp.content import Content, FileContent, FrameCache, Frames, MemorySource, Source, to_netascii
from nearboot.tftp.packet import Data, encode
from nearboot.tftp.transfer import Rollover


class CountingOpener:
    """Opens content from memory, and counts how often."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = files or {}
        self.opened = 0

    def __call__(self, wanted: Content) -> Source:
        self.opened += 1
        return MemorySource(wanted if isinstance(wanted, bytes) else self.files[wanted.path])


class BrokenSource:
    """A disk that fails."""

    def read_into(self, views: Sequence[memoryview], offset: int) -> None:
        raise OSError(5, "Input/output error")


def cache(budget: int = 1 << 20, rollover: Rollover = Rollover.ZERO) -> FrameCache:
    return FrameCache(budget, CountingOpener(), rollover)


def block(frames: Frames, number: int) -> bytes:
    segment = frames.segment(number)
    at = (number - segment.first) * frames.frame
    return bytes(segment.view[at : at + frames.frame])


@given(st.binary(max_size=3000), st.integers(8, 600))
def test_a_slice_of_the_frames_is_the_data_packet(data: bytes, blksize: int) -> None:
    """For all blocks, the short or empty last one too."""
    frames = cache().frames(data, blksize)
    packets = [block(frames, number) for number in range(1, frames.blocks + 1)]
    payloads = [data[at : at + blksize] for at in range(0, len(data) + 1, blksize)]
    assert packets == [encode(Data(number, payload)) for number, payload in enumerate(payloads, 1)]
    assert len(payloads[-1]) < blksize


SIZES = [
    pytest.param(0, 1, id="empty"),
    pytest.param(511, 1, id="short"),
    pytest.param(512, 2, id="full-then-empty"),
    pytest.param(513, 2, id="full-then-short"),
]


@pytest.mark.parametrize(("size", "blocks"), SIZES)
def test_the_last_block_is_shorter_than_the_others(size: int, blocks: int) -> None:
    """RFC 1350 section 2: that is how the end is known."""
    assert cache().frames(bytes(size), 512).blocks == blocks


def test_a_window_is_one_slice() -> None:
    """Blocks stand back to back."""
    frames = cache().frames(b"abcdefghij" * 10, 10)
    assert bytes(frames.segment(2).view[14:42]) == b"\0\3\0\2abcdefghij\0\3\0\3abcdefghij"


@pytest.mark.parametrize(("rollover", "after"), [(Rollover.ZERO, 0), (Rollover.ONE, 1)])
def test_headers_roll_over(rollover: Rollover, after: int) -> None:
    """Block 65,536 of a large file."""
    frames = cache(rollover=rollover).frames(bytes(65_600 * 8), 8)
    assert block(frames, 65_535)[:4] == b"\0\3\xff\xff"
    assert block(frames, 65_536)[:4] == bytes((0, 3, 0, after))


def test_transfers_of_the_same_content_share_frames() -> None:
    """Equal bytes are the same content, whoever rendered them."""
    shared = cache()
    first = shared.frames(b"menu", 512).segment(1)
    assert shared.frames(bytes(bytearray(b"menu")), 512).segment(1) is first
    assert shared.frames(b"menu", 1024).segment(1) is not first


def test_a_large_content_is_framed_by_the_segment() -> None:
    """The first client waits for the first megabyte alone."""
    opener = CountingOpener()
    shared = FrameCache(8 << 20, opener)
    frames = shared.frames(bytes(5 << 20), 1428)
    first = frames.segment(1)
    assert (first.first, first.end) == (1, frames.per_segment + 1)
    assert shared.held_bytes == len(first.view) <= content.SEGMENT_BYTES
    last = frames.segment(frames.blocks)
    assert last.first <= frames.blocks < last.end
    assert opener.opened == 1


def test_the_least_recently_fetched_segment_leaves_first() -> None:
    """And what is larger than the budget is served all the same."""
    shared = cache(budget=2 << 20)
    frames = shared.frames(bytes(10 << 20), 1428)
    wanted = [1 + index * frames.per_segment for index in range(10)]
    segments = [frames.segment(number) for number in wanted]
    assert shared.held_bytes <= 2 << 20
    assert frames.segment(wanted[-1]) is segments[-1]
    assert frames.segment(wanted[0]) is not segments[0]


def test_a_segment_larger_than_the_budget_is_held_alone() -> None:
    """There must be one to send from."""
    shared = cache(budget=1)
    assert block(shared.frames(b"a" * 2000, 1000), 2) == b"\0\3\0\2" + b"a" * 1000


def test_frames_kept_are_bounded() -> None:
    """Each may hold a file open."""
    shared = cache()
    first = shared.frames(b"first", 512)
    for number in range(content.MAX_FRAMES):
        shared.frames(str(number).encode(), 512)
    assert shared.frames(b"first", 512) is not first


def test_a_broken_source_raises_and_nothing_is_kept() -> None:
    """The next client tries again."""
    broken = FrameCache(1 << 20, lambda wanted: BrokenSource())
    with pytest.raises(OSError, match="Input/output"):
        broken.frames(b"x", 512).segment(1)
    assert broken.held_bytes == 0


def test_a_changed_file_is_another_content() -> None:
    """The identity decides, not the path."""
    old = FileContent("/a", 3, mtime_ns=1, inode=7, device=1)
    new = FileContent("/a", 3, mtime_ns=2, inode=7, device=1)
    shared = FrameCache(1 << 20, CountingOpener({"/a": b"abc"}))
    assert shared.frames(old, 512) is not shared.frames(new, 512)
    assert block(shared.frames(old, 512), 1) == b"\0\3\0\1abc"


def test_netascii_line_ends() -> None:
    """RFC 1350 appendix: LF is CR LF, CR is CR NUL."""
    assert to_netascii(b"a\nb\rc\r\n") == b"a\r\nb\r\0c\r\0\r\n"
