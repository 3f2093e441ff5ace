"""Handlers: content as a stream, and what the statistics are told."""

from __future__ import annotations

import pytest

from nearboot.fbtftp import BaseHandler, ResponseData, SessionStats, StringResponseData
from nearboot.fbtftp.base_handler import error_code, open_stream, tell
from nearboot.tftp import Tally
from nearboot.tftp.transfer import State

OPTIONS: dict[str, int | str] = {"mode": "octet", "default_timeout": 5, "retries": 3}


class Sizeless(StringResponseData):
    """Counts closes, and cannot tell its size."""

    closed = 0

    def size(self) -> int:
        raise RuntimeError("no size")

    def close(self) -> None:
        self.closed += 1


class Handler(BaseHandler):
    data: ResponseData = StringResponseData("")

    def get_response_data(self) -> ResponseData:
        return self.data


def handler(data: ResponseData, told: list[SessionStats], **options: str) -> Handler:
    made = Handler(("192.0.2.2", 69), ("192.0.2.1", 2070), "f", OPTIONS | options, told.append)
    made.data = data
    return made


def test_the_size_is_asked_only_for_clients_that_want_it() -> None:
    """Many a server never implemented it."""
    data = Sizeless("abc")
    stream = open_stream(handler(data, []))
    assert (stream.read(512), stream.size) == (b"abc", None)
    with pytest.raises(RuntimeError, match="no size"):
        open_stream(handler(data, [], tsize="0"))
    assert data.closed == 1


def test_close_tells_the_callback_and_closes_the_content_whatever_the_callback_does() -> None:
    """Once."""
    data, told = Sizeless("abc"), list[SessionStats]()
    open_stream(handler(data, told)).close()
    assert (len(told), data.closed) == (1, 1)
    assert told[0].error["error_code"] == 0  # nobody served it

    def broken(stats: SessionStats) -> None:
        raise ValueError("callback")

    failing = handler(data, [])
    failing._stats_callback = broken
    with pytest.raises(ValueError, match="callback"):
        open_stream(failing).close()
    assert data.closed == 2


def test_netascii_is_turned_and_has_its_size_on_the_wire() -> None:
    """As fbtftp answers tsize."""
    stream = open_stream(handler(StringResponseData("a\nb"), [], mode="netascii", tsize="0"))
    assert (stream.size, stream.is_netascii, stream.read(512)) == (4, True, b"a\r\nb")


@pytest.mark.parametrize(
    ("code", "error", "expected"),
    [
        (None, "", {}),
        (None, "no ACK after block 3", {"error_code": 0, "error_message": "no ACK after block 3"}),
        (8, "client ERROR 8: aborted", {"error_code": 8, "error_message": "client ERROR 8: aborted"}),
    ],
)
def test_the_tally_becomes_statistics(code: int | None, error: str, expected: dict[str, object]) -> None:
    """Field by field."""
    stats = SessionStats(("192.0.2.2", 69), ("192.0.2.1", 2070), "f")
    tell(stats, Tally(State.COMPLETED, (("blksize", "8"),), 8, 5, 4, 30, 1, code, error))
    assert (stats.options_acked, stats.blksize, stats.packets_sent, stats.packets_acked) == ({"blksize": "8"}, 8, 5, 4)
    assert (stats.bytes_sent, stats.retransmits, stats.error) == (30, 1, expected)


def test_codes_by_exception() -> None:
    """RFC 1350's, so that U-Boot stops at 1 and 2."""
    errors = (FileNotFoundError(), PermissionError(), ValueError(), IsADirectoryError())
    assert [error_code(error) for error in errors] == [1, 2, 0, 0]


def test_base_classes_ask_to_be_overridden() -> None:
    """As in fbtftp."""
    data = ResponseData()
    for call in (lambda: data.read(1), data.size, data.close):
        with pytest.raises(NotImplementedError):
            call()
    with pytest.raises(NotImplementedError):
        BaseHandler(("", 0), ("", 0), "f", OPTIONS, print).get_response_data()
