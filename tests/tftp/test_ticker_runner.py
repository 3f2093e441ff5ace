"""The tick as a descriptor."""

from __future__ import annotations

import select

from nearboot.tftp.ticker_runner import Ticker


def test_it_ticks_while_it_is_on() -> None:
    """Readable again and again; not a moment longer than wanted."""
    ticker = Ticker(0.005)
    with select.epoll() as epoll:
        epoll.register(ticker.fd, select.EPOLLIN)
        assert epoll.poll(0) == []
        ticker.on()
        for _ in range(3):
            assert epoll.poll(10) == [(ticker.fd, select.EPOLLIN)]
            ticker.clear()
        ticker.off()
        ticker.clear()
        assert (epoll.poll(0), ticker.is_on) == ([], False)
    ticker.close()
