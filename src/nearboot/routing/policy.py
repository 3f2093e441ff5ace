"""The numbers that a choice of boot server depends on, with where each comes from.

Policy(band_share=0.15)     # spread clients over boot servers within 15 % of the nearest
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How boot servers are ranked. Every field has a default that suits a fleet of sites."""

    rto_ms: float = 1000.0
    """What a lost block costs: the client's retransmission time-out (PXE firmware and PXELINUX wait about a second)."""

    loss_clip: float = 0.5
    """Loss is taken as at most this share, so that a dead path has a large cost and not an infinite one."""

    band_ms: float = 0.2
    """Costs this close to the best are equal, and clients are spread over them by weight: a local network's jitter."""

    band_share: float = 0.005
    """The same as a share of the best cost; the larger of the two counts.

    The two directions of one path differ by 0.2 % in the median of 57,807 measured city pairs, so 0.5 % is what
    measuring can tell apart. A wider band spreads the load further and costs time: with 15 boot servers in those
    cities, 15 % adds 1.1 ms a block in the mean and up to 30 ms; 0.5 % adds less than 0.01 ms, at most 0.75 ms.
    """

    margin_ms: float = 0.5
    """A location moves for nearness only to a boot server whose cost is less by more than this."""

    margin_noise: float = 2.0
    """The same in noise of the two paths' measurements together; the largest of the three counts."""

    margin_share: float = 0.05
    """The same as a share of a path's cost, where its noise is not known."""

    hold_s: float = 600.0
    """A location that moved does not move for nearness again within this."""

    panic_share: float = 0.5
    """When more than this share of the active boot servers look down, health is not believed."""

    panic_least: int = 3
    """Fewer than this many that look down are believed, whatever their share: two of three do fail."""

    slow_start_s: float = 120.0
    """A boot server that came back has all its locations again after this."""

    slow_start_floor: float = 0.1
    """The share of its locations that it has at once."""

    freeze_s: float = 21600.0
    """When no latency map came for so long, nearness moves no location: what is known is no reason any more."""

    health_fresh_s: float = 300.0
    """A good probe older than this says nothing any more (counts as unknown); a failed one stands until the next."""

    stale_s: float = 900.0
    """A measurement older than this is used, and its age is pointed out."""

    blksize: int = 1468
    """TFTP block size for predicted times: one Ethernet frame over IPv4 and UDP (RFC 2348)."""

    windowsize: int = 1
    """TFTP window for predicted times: firmware and PXELINUX are lock-step (RFC 7440)."""

    def cost_ms(self, rtt_ms: float, loss: float, penalty: float = 0.0) -> float:
        """What a TFTP block costs: the round trip, and the time-outs that loss brings, C = R + q/(1-q) x RTO."""
        lost = min(loss, self.loss_clip)
        return rtt_ms * (1 + penalty) + lost / (1 - lost) * self.rto_ms

    def band(self, best_ms: float) -> float:
        """How far above the best cost another one is still equal to it."""
        return max(self.band_ms, self.band_share * best_ms)
