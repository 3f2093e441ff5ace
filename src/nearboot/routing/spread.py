"""Spreading locations over boot servers that are equally near: weighted rendezvous hashing. Pure.

-w / ln(u) with u in (0, 1) from a hash gives each server a share of locations in proportion to its weight, and taking
one away moves only its own (Schindelhauer and Schomaker 2005). The hash is the same on every machine: BLAKE2b of each
name, and SplitMix64's finaliser (Steele, Lea and Flood 2014) over the two, which arrays of millions can do as well.

    spread_score(Slug("ams"), Slug("boot-ams"), 100)     # the highest of a set wins
"""

from __future__ import annotations

from hashlib import blake2b
from math import log

from nearboot.model import Slug

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_SHIFT = 31
TURN_SALT = 0xD1B54A32D192ED03  # another hash of the same pair, for whose turn it is


def key(name: str) -> int:
    """A name as 64 bits."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def uniform(location: int, server: int, salt: int = 0) -> float:
    """A number in (0, 1) for a pair of keys, as good as random."""
    mixed = (location + server * GOLDEN + salt) & MASK
    for shift, factor in MIX:
        mixed = ((mixed ^ (mixed >> shift)) * factor) & MASK
    mixed ^= mixed >> LAST_SHIFT
    return ((mixed >> 11) + 0.5) / 2**53


def score(number: float, weight: int) -> float:
    """The weighted score of a pair's number."""
    return max(weight, 0) / -log(number)


def spread_score(location: Slug, server: Slug, weight: int) -> float:
    """The weighted rendezvous score of a pair: the highest of a set wins."""
    return score(uniform(key(location), key(server)), weight)
