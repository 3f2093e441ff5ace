"""What Kea's reply tells a server of its boot server, and whether there is such a reply at all, in words.

Not the reply itself: that is Kea's, from the configuration that kea.config builds.

    reply(server, route.family, interface=eth0, chosen=boot_server, networked=True, boot_files={"": "pxelinux.0"}).says
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nearboot.model import BootServer, Interface, Server


@dataclass(frozen=True, slots=True)
class Reply:
    """The words of the reply, "" where there is none. ``stranger``: Kea has nothing to know the server by."""

    says: str
    cannot: str = ""  # why the server cannot boot over this IP version
    stranger: bool = False

    def lines(self, family: int) -> list[str]:
        """The reply for people, at most one line."""
        if not self.says:
            return []
        if not self.stranger:
            return [f"Kea will say: {self.says}"]
        lacks = "no MAC" if family == 4 else "neither MAC nor DUID"
        told = f"as an unknown client (kea.unknown_clients) it may be told: {self.says}"
        return [f"Kea knows it by nothing ({lacks}): no reservation; {told}"]


def reply(
    server: Server,
    family: int,
    *,
    interface: Interface | None,
    chosen: BootServer | None,
    networked: bool,
    boot_files: Mapping[str, str],
) -> Reply:
    """What the server is told. ``networked``: its place has a subnet of the family.

    ``boot_files``: the NBP by the client's architecture, of which "" is the server's own, where its model says it.
    """
    known = interface is not None and bool(interface.mac or (family == 6 and interface.duid))
    if not networked:
        return Reply("", f"no IPv{family} subnet at {server.location}", not known)
    if not boot_files:
        return Reply("", f"its firmware has no network boot over IPv{family}", not known)
    if chosen is None:
        return Reply("", "no boot server", not known)
    return Reply(_words4(chosen, boot_files) if family == 4 else _words6(chosen, boot_files), stranger=not known)


def _words4(server: BootServer, boot_files: Mapping[str, str]) -> str:
    """next-server is the header field siaddr (RFC 2131)."""
    by = "" if "" in boot_files else " by the client's architecture:"
    return f"next-server {server.ipv4}, boot file{by} {_files(boot_files)}"


def _words6(server: BootServer, boot_files: Mapping[str, str]) -> str:
    """bootfile-url is option 59 (RFC 5970)."""
    port = "" if server.tftp_port == 69 else f":{server.tftp_port}"
    return f"bootfile-url tftp://[{server.ipv6}]{port}/{_files(boot_files)}"


def _files(boot_files: Mapping[str, str]) -> str:
    names = [
        path.lstrip("/") + (f" ({architecture})" if architecture else "") for architecture, path in boot_files.items()
    ]
    return " or ".join(names)
