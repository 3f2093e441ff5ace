"""Buckets by address, prefixes, the hook, on a clock of numbers.

The flood has 60,000 forged sources here; the million takes two minutes:

    NEARBOOT_FLOOD_SOURCES=1000000 pytest tests/tftp/test_guard.py -k flood
"""

from __future__ import annotations

import os
import tracemalloc
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.tftp.guard import MAX_ADDRESSES, Buckets, Guard, Refusal, is_within, network_of
from nearboot.tftp.limits import THIS_MACHINE, Limits

CLIENT, OTHER = "192.0.2.7", "2001:db8::7"
SOURCES = int(os.environ.get("NEARBOOT_FLOOD_SOURCES", "60000"))


def test_a_bucket_is_full_at_first_and_flows_in_again() -> None:
    """Ten at once, then two a second; what was refused costs nothing."""
    buckets = Buckets(2.0, 10.0)
    assert [buckets.take(CLIENT, 1, 0.0) for _ in range(11)] == [True] * 10 + [False]
    assert [buckets.take(CLIENT, 1, 1.0) for _ in range(3)] == [True, True, False]
    assert [buckets.take(CLIENT, 1, 1000.0) for _ in range(11)].count(True) == 10


def test_addresses_do_not_share_a_bucket() -> None:
    """One client's flood is not another's."""
    buckets = Buckets(1.0, 1.0)
    assert buckets.take(CLIENT, 1, 0.0)
    assert not buckets.take(CLIENT, 1, 0.0)
    assert buckets.take(OTHER, 1, 0.0)


def test_what_is_given_back_can_be_taken_again_and_never_overflows() -> None:
    """An ACK makes room; nobody saves up more than the capacity."""
    buckets = Buckets(0.001, 10.0)
    assert buckets.take(CLIENT, 10, 0.0)
    buckets.give_back(CLIENT, 4)
    assert not buckets.take(CLIENT, 5, 0.0)
    buckets.give_back(CLIENT, 400)
    buckets.give_back("203.0.113.1", 400)
    assert buckets.take(CLIENT, 10, 0.0)
    assert not buckets.take(CLIENT, 1, 0.0)


def test_memory_is_bounded_and_the_longest_silent_is_forgotten_first() -> None:
    """A flood from forged addresses fills nothing up."""
    buckets = Buckets(0.001, 1.0, max_addresses=100)
    assert buckets.take(CLIENT, 1, 0.0)
    for number in range(1000):
        assert not buckets.take(CLIENT, 1, 0.0), "it asked all the time, so it is remembered"
        buckets.take(f"10.0.{number // 250}.{number % 250}", 1, 0.0)
    assert len(buckets) == 100
    assert buckets.take("10.0.0.0", 1, 0.0), "forgotten"


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 2000)), max_size=200))
def test_no_minute_brings_an_address_more_than_its_budget(arrivals: list[tuple[float, int]]) -> None:
    """Whatever comes whenever: the bytes granted within any 60 seconds stay within the budget."""
    guard = Guard(Limits(unacked_bytes=10_000))
    now, granted = 0.0, []
    for pause, size in arrivals:
        now += pause
        if guard.charge(CLIENT, size, now):
            granted.append((now, size))
    for start, _ in granted:
        assert sum(size for at, size in granted if start <= at <= start + 60) <= 10_000


def test_a_rack_behind_one_address_is_not_held_up() -> None:
    """40 machines at once, 12 names each, none there: every request and every ERROR passes; each opens one read too."""
    guard = Guard(Limits())
    for _ in range(40 * 12):
        assert guard.refusal(CLIENT, 0.0) is None
        assert guard.may_answer(CLIENT, 0.0)
    assert all(guard.charge(CLIENT, 3 * 516, 0.0) for _ in range(40))


@pytest.mark.parametrize(
    ("limits", "known", "expected"),
    [
        pytest.param(Limits(), None, None, id="no-limits"),
        pytest.param(Limits(allowed=(ip_network("192.0.2.0/24"),)), None, None, id="inside"),
        pytest.param(Limits(allowed=(ip_network("198.51.100.0/24"),)), None, Refusal.NOT_ALLOWED, id="outside"),
        pytest.param(Limits(allowed=(ip_network("::/0"),)), None, Refusal.NOT_ALLOWED, id="other-family"),
        pytest.param(Limits(), lambda address: address == CLIENT, None, id="known"),
        pytest.param(Limits(), lambda address: address != CLIENT, Refusal.UNKNOWN_CLIENT, id="unknown"),
    ],
)
def test_who_is_served(limits: Limits, known: object, expected: Refusal | None) -> None:
    """By prefix and by the hook; an empty list allows all. Who is not served gets no ERROR either."""
    guard = Guard(limits, known)  # type: ignore[arg-type]  # from the table
    assert guard.refusal(CLIENT, 0.0) is expected
    assert guard.may_answer(CLIENT, 0.0) is (expected is None)


def test_requests_past_the_rate_do_not_reach_the_hook() -> None:
    """It may be the dearest part."""
    asked: list[str] = []
    guard = Guard(Limits(requests_per_second=1.0), lambda address: not asked.append(address))
    assert [guard.refusal(CLIENT, 0.0) for _ in range(7)] == [None] * 5 + [Refusal.OVER_REQUESTS] * 2
    assert len(asked) == 5


def test_this_machine_is_not_counted_but_by_wish() -> None:
    """Nobody outside can forge its addresses; a benchmark on the loopback measures the server, not the guard."""
    strict = Limits(requests_per_second=1.0, errors_per_second=1.0, unacked_bytes=1000)
    guard = Guard(strict)
    for address in ("127.0.0.1", "127.9.9.9", "::1"):
        assert not guard.is_counted(address)
        for _ in range(100):
            assert guard.refusal(address, 0.0) is None
            assert guard.may_answer(address, 0.0)
            assert guard.charge(address, 516, 0.0)
    counted = Guard(replace(strict, uncounted=()))
    assert [counted.charge("::1", 400, 0.0) for _ in range(2)] == [True, False]


def test_rates_of_0_are_no_limits() -> None:
    """As the flag says."""
    guard = Guard(Limits(requests_per_second=0, errors_per_second=0, unacked_bytes=0))
    for _ in range(10_000):
        assert guard.refusal(CLIENT, 0.0) is None
        assert guard.may_answer(CLIENT, 0.0)
        assert guard.charge(CLIENT, 1 << 20, 0.0)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("127.0.0.1", True, id="v4"),
        pytest.param("128.0.0.1", False, id="outside"),
        pytest.param("::1", True, id="v6"),
        pytest.param("fe80::1%eth0", False, id="scope"),
    ],
)
def test_prefixes(address: str, *, expected: bool) -> None:
    """Families do not mix, and a scope is no hindrance."""
    assert is_within(address, THIS_MACHINE) is expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        pytest.param("2001:db8::7", "2001:db8::/64", id="global"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", id="no-zeros"),
        pytest.param("fe80::1%eth0", "fe80::/64%eth0", id="link-local"),
    ],
)
def test_the_network_of_an_address(address: str, network: str) -> None:
    """RFC 4291: 64 bits; a link-local one is its interface's."""
    assert network_of(address) == network


def test_a_64_shares_so_many_addresses_worth() -> None:
    """Whoever has one address of a /64 has 2**64; each single one is bounded as before, another /64 is not touched."""
    guard = Guard(Limits(unacked_bytes=2000, errors_per_second=1.0, requests_per_second=1.0, addresses_per_network=4))
    sources = [f"2001:db8::{number:x}" for number in range(1, 1000)]
    assert sum(guard.charge(source, 500, 0.0) for source in sources for _ in range(4)) == 4 * 2
    assert sum(guard.may_answer(source, 0.0) for source in sources for _ in range(20)) == 4 * 5
    refusals = [guard.refusal(source, 0.0) for source in sources]
    assert (refusals.count(None), refusals.count(Refusal.OVER_REQUESTS)) == (4 * 5, 999 - 4 * 5)
    assert [guard.charge("2001:db8:0:1::1", 500, 0.0) for _ in range(3)] == [True, True, False]
    guard.acknowledged(sources[0], 500)
    assert guard.charge(sources[0], 500, 0.0), "what is acknowledged is given back to both"
    assert not guard.charge(sources[500], 500, 0.0)


def test_what_its_network_may_not_take_costs_an_address_nothing() -> None:
    """It is as if the request had not been."""
    guard = Guard(Limits(unacked_bytes=2000, addresses_per_network=1))
    assert guard.charge("2001:db8::1", 1000, 0.0)
    for _ in range(10):
        assert not guard.charge("2001:db8::2", 1000, 0.0)
    assert guard.charge("2001:db8::2", 1000, 60.0)


def test_networks_are_not_counted_where_that_is_wished_nor_in_v4() -> None:
    """0 turns it off; a v4 attacker has one address."""
    for limits in (Limits(unacked_bytes=1000, addresses_per_network=0), Limits(unacked_bytes=1000)):
        guard = Guard(limits)
        prefix = "2001:db8::" if not limits.addresses_per_network else "192.0.2."
        assert all(guard.charge(f"{prefix}{number}", 500, 0.0) for number in range(1, 250))


def test_a_rack_in_one_64_is_not_held_up() -> None:
    """SLAAC puts 48 machines there: each asks for 12 names at once, none there, and opens a read with options."""
    guard = Guard(Limits())
    for number in range(1, 49):
        address = f"2001:db8::{number:x}"
        assert all(guard.refusal(address, 0.0) is None and guard.may_answer(address, 0.0) for _ in range(12))
        assert guard.charge(address, 3 * 516, 0.0)


def test_a_flood_of_forged_sources_fills_no_memory() -> None:
    """v4 and v6, each in its own /64: 16,384 of a kind are remembered, some MB in all; a client is served meanwhile."""
    guard = Guard(Limits(), known=lambda address: True)
    tracemalloc.start()
    try:
        for number in range(SOURCES):
            high, low = number >> 16, number & 0xFFFF
            source = f"2001:db8:{high:x}:{low:x}::1" if number % 2 else f"10.{high}.{low >> 8}.{low & 255}"
            now = number / 100_000
            if guard.refusal(source, now) is None:
                guard.may_answer(source, now)
                guard.charge(source, 3 * 516, now)
            if number % 1000 == 0:
                assert guard.refusal(CLIENT, now) is None
                assert guard.charge(CLIENT, 30, now)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(guard) <= 6 * MAX_ADDRESSES
    print(f"{SOURCES} sources, {len(guard)} accounts, {held / 1e6:.1f} MB")
    assert held < 40e6
