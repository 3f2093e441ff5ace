"""Who is served, and how much one address may cause: what keeps a server on the open network from being a weapon.

Pure: time comes in. The sender of a UDP request may be forged, so whatever goes out before the first ACK is counted
for the address that it goes to: the requests it is said to have sent, the ERRORs sent to it, and the bytes that nobody
has acknowledged. The worst known abuse is the optionless request of 20 bytes whose 516-byte block is sent again and
again (Sieklik, Macfarlane, Buchanan, Computers & Security 57, 2016: factor 60).

An IPv6 client can take any address of its /64, so each /64 is counted as well, as so many addresses' worth.

    guard = Guard(limits, known=None)
    refusal = guard.refusal("192.0.2.7", now)           # None: serve it
    guard.charge("192.0.2.7", 3 * 516, now)             # False: nothing may be sent
    guard.acknowledged("192.0.2.7", 3 * 516)            # it is there: the bytes are forgotten
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from ipaddress import IPv6Network, ip_address

from nearboot.tftp.limits import Limits, Prefix

MAX_ADDRESSES = 16384
"""Addresses that a kind of bucket remembers, some 3 MB. Whoever forges more of them at a time to have one forgotten
spends more bytes on that than the forgotten one is sent."""
BURST_S = 5.0
"""A bucket holds what flows in within this: a rack that powers on asks everything at once, then nothing for long."""
UNACKED_S = 60.0

Known = Callable[[str], bool]
"""Whether an address (v4 never mapped) is a client of ours. Called on the data plane: must not block."""


class Refusal(Enum):
    """Why a request is dropped without an answer; the value names its counter."""

    NOT_ALLOWED = "not_allowed"  # outside the prefixes allowed
    UNKNOWN_CLIENT = "unknown_client"  # the hook does not know it
    OVER_REQUESTS = "over_requests"
    OVER_UNACKED = "over_unacked"


class Buckets:
    """A token bucket for each address: ``rate`` tokens a second flow in, up to ``capacity``; new ones are full.

    A rate of 0 means no limit. Bounded in memory: the address not heard of for longest is forgotten first.
    """

    __slots__ = ("_accounts", "_capacity", "_max_addresses", "_rate")

    def __init__(self, rate: float, capacity: float, max_addresses: int = MAX_ADDRESSES) -> None:
        self._rate = rate
        self._capacity = capacity
        self._max_addresses = max_addresses
        self._accounts: OrderedDict[str, list[float]] = OrderedDict()

    def take(self, address: str, cost: float, now: float) -> bool:
        """Whether ``cost`` tokens were there; they are gone then, else nothing is taken."""
        if not self._rate:
            return True
        account = self._accounts.get(address)
        if account is None:
            account = self._open(address, now)
        else:
            self._accounts.move_to_end(address)
            account[0] = min(self._capacity, account[0] + (now - account[1]) * self._rate)
            account[1] = now
        if account[0] < cost:
            return False
        account[0] -= cost
        return True

    def give_back(self, address: str, cost: float) -> None:
        account = self._accounts.get(address)
        if account is not None:
            account[0] = min(self._capacity, account[0] + cost)

    def __len__(self) -> int:
        return len(self._accounts)

    def _open(self, address: str, now: float) -> list[float]:
        account = self._accounts[address] = [self._capacity, now]
        if len(self._accounts) > self._max_addresses:
            self._accounts.popitem(last=False)
        return account


class Account:
    """What an address may take, and what all of its IPv6 /64 may: ``per_network`` times that (0: not counted)."""

    __slots__ = ("_addresses", "_networks")

    def __init__(self, rate: float, capacity: float, per_network: int) -> None:
        self._addresses = Buckets(rate, capacity)
        self._networks = Buckets(rate * per_network, capacity * per_network)

    def take(self, address: str, cost: float, now: float) -> bool:
        """Whether both had it; they are charged then, else neither is."""
        if not self._addresses.take(address, cost, now):
            return False
        if ":" in address and not self._networks.take(network_of(address), cost, now):
            self._addresses.give_back(address, cost)
            return False
        return True

    def give_back(self, address: str, cost: float) -> None:
        self._addresses.give_back(address, cost)
        if ":" in address:
            self._networks.give_back(network_of(address), cost)

    def __len__(self) -> int:
        return len(self._addresses) + len(self._networks)


class Guard:
    """The decisions of one data-plane loop about addresses."""

    def __init__(self, limits: Limits, known: Known | None = None) -> None:
        self._limits = limits
        self._known = known
        per_network = limits.addresses_per_network
        self._requests = Account(limits.requests_per_second, limits.requests_per_second * BURST_S, per_network)
        self._errors = Account(limits.errors_per_second, limits.errors_per_second * BURST_S, per_network)
        budget = limits.unacked_bytes / 2  # full at first, and as much again flows in: the whole in any minute
        self._unacked = Account(budget / UNACKED_S, budget, per_network)
        self._is_allowed = lru_cache(maxsize=MAX_ADDRESSES)(lambda address: is_within(address, limits.allowed))
        self.is_counted = lru_cache(maxsize=MAX_ADDRESSES)(lambda address: not is_within(address, limits.uncounted))
        """Whether buckets hold for an address."""

    def refusal(self, address: str, now: float) -> Refusal | None:
        """Why a request from ``address`` is dropped; None: it is served."""
        if self._limits.allowed and not self._is_allowed(address):
            return Refusal.NOT_ALLOWED
        if self.is_counted(address) and not self._requests.take(address, 1, now):
            return Refusal.OVER_REQUESTS
        if self._known is not None and not self._known(address):
            return Refusal.UNKNOWN_CLIENT
        return None

    def may_answer(self, address: str, now: float) -> bool:
        """Whether an ERROR may go to ``address``: it is a client of ours, and has not had too many."""
        if self._limits.allowed and not self._is_allowed(address):
            return False
        if self._known is not None and not self._known(address):
            return False
        return not self.is_counted(address) or self._errors.take(address, 1, now)

    def charge(self, address: str, size: int, now: float) -> bool:
        """Whether ``size`` bytes may go to ``address`` that it has not acknowledged yet."""
        return not self.is_counted(address) or self._unacked.take(address, size, now)

    def acknowledged(self, address: str, size: int) -> None:
        """What was charged has reached somebody who wanted it."""
        self._unacked.give_back(address, size)

    def __len__(self) -> int:
        """Accounts that are open."""
        return len(self._requests) + len(self._errors) + len(self._unacked)


@lru_cache(maxsize=MAX_ADDRESSES)
def network_of(address: str) -> str:
    """The /64 of an IPv6 address, with the scope where it has one: a link-local network is its interface's own."""
    plain, _, scope = address.partition("%")
    network = IPv6Network((int(ip_address(plain)) >> 64 << 64, 64))
    return f"{network}%{scope}" if scope else str(network)


def is_within(address: str, prefixes: tuple[Prefix, ...]) -> bool:
    """Whether an address, with its scope or without, lies in one of the prefixes."""
    value = ip_address(address.partition("%")[0])
    return any(value in prefix for prefix in prefixes)
