"""Which boot profile a server has: its own, else the most specific one that fits its tier and hardware model.

Tier and model together beat the model alone, the model beats the tier, the tier beats a profile for everything.
"""

from __future__ import annotations

from collections.abc import Iterable

from nearboot.model.inventory import BootProfile, Server


def profile_of(server: Server, profiles: Iterable[BootProfile]) -> BootProfile | None:
    """The profile that the server boots by; None where none fits. The order of ``profiles`` never matters."""
    fitting = [profile for profile in profiles if _fits(profile, server)]
    return max(fitting, key=_weight, default=None)


def _fits(profile: BootProfile, server: Server) -> bool:
    if server.profile is not None:
        return profile.slug == server.profile
    return profile.tier in (None, server.tier) and profile.model in (None, server.model)


def _weight(profile: BootProfile) -> tuple[bool, bool, str]:
    return profile.model is not None, profile.tier is not None, profile.slug
