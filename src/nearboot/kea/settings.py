"""What a Kea configuration is made from: the fleet (`KeaInputs`) and the daemons' own settings (`KeaSettings`).

The defaults are the paths that Debian's packages and their AppArmor profiles allow.

    build4(KeaInputs(inventory=inventory, routes=routes, nbp_rules4=rules), KeaSettings(interfaces4=("eth0",)))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from nearboot.model import Inventory, NbpRule, Prefix, Route


class SocketType(Enum):
    """How kea-dhcp4 listens."""

    RAW = "raw"  # answers direct and relayed clients
    UDP = "udp"  # relayed clients only: direct broadcasts never reach an address-bound socket


class UnknownClients(Enum):
    """What a client without a reservation gets."""

    POOL = "pool"  # an address from the pool, and the boot file of its architecture
    IGNORE = "ignore"  # no address: pools serve only clients that have a reservation


@dataclass(frozen=True, slots=True)
class KeaInputs:
    """The fleet as the database holds it, and the routes selected for its locations; ``own``: of servers, by name."""

    inventory: Inventory
    routes: tuple[Route, ...] = ()
    nbp_rules4: tuple[NbpRule, ...] = ()
    nbp_rules6: tuple[NbpRule, ...] = ()
    own: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)  # of those that have pins or bans


@dataclass(frozen=True, slots=True)
class KeaSettings:
    """Where the daemons listen and keep their files, and the few choices an operator has.

    A field named with 4 or 6 belongs to that family's daemon. ``attached`` maps prefixes that the Kea host itself is
    on to the interface's name: kea-dhcp6 finds the subnet of a client without a relay only by interface.
    """

    interfaces4: tuple[str, ...] = ("*",)  # "eth0", "eth0/192.0.2.1", "*"
    interfaces6: tuple[str, ...] = ("*",)  # "eth0" (multicast), "eth0/2001:db8::1" (relays)
    socket_type: SocketType = SocketType.RAW
    attached: Mapping[Prefix, str] = field(default_factory=dict)
    control_socket4: str = "/run/kea/kea4-ctrl-socket"
    control_socket6: str = "/run/kea/kea6-ctrl-socket"
    lease_file4: str = "/var/lib/kea/kea-leases4.csv"
    lease_file6: str = "/var/lib/kea/kea-leases6.csv"
    lfc_interval_s: int = 3600  # clean-up of the lease file; 0: never
    log_output4: str = "/var/log/kea/kea-dhcp4.log"  # a path, "stdout", "stderr" or "syslog"
    log_output6: str = "/var/log/kea/kea-dhcp6.log"
    log_severity: str = "INFO"
    valid_lifetime_s: int = 3600
    server_id6: str = "6e656172626f6f74"  # hex; each kea-dhcp6 on a link needs its own
    unknown_clients: UnknownClients = UnknownClients.POOL
    http_prefix: str = ""  # path between a boot server's http_url and an NBP's path, such as "/boot"
    option67_for_pxe: bool = False  # see classes.py: some ROMs read past the end of option 67
