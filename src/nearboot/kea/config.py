"""Builds the Dhcp4 and Dhcp6 configuration of ISC Kea from the inventory and the routes.

Pure: the same inputs give the same bytes, whatever their order. One dialect that Kea 2.2 to 3.0 accept: explicit subnet
ids, ``control-socket``, ``output_options``, the three ``reservations-*`` flags, ``client-class`` (one name) on pools,
``only-if-required`` and ``require-client-classes``; never an empty ``client-classes`` (a syntax error before 3.0).

    text = render(build4(inputs, settings))
"""

from __future__ import annotations

import json

from nearboot.errors import ConfigError
from nearboot.kea.classes import (
    ClassPlan,
    Json,
    client_classes,
    option_definitions4,
    option_text,
    required_classes,
)
from nearboot.kea.place import Placement, Target, placement
from nearboot.kea.reservation import Reservations, reserve
from nearboot.kea.settings import KeaInputs, KeaSettings, UnknownClients
from nearboot.model import Subnet

LINE_LENGTH = 110


def build4(inputs: KeaInputs, settings: KeaSettings) -> Json:
    """Build the configuration of kea-dhcp4; ``ConfigError`` where a subnet has no Kea id yet."""
    family = _Family(4, inputs, settings)
    return {
        "Dhcp4": {
            "interfaces-config": {
                "interfaces": list(settings.interfaces4),
                "dhcp-socket-type": settings.socket_type.value,
            },
            "control-socket": {"socket-type": "unix", "socket-name": settings.control_socket4},
            "lease-database": _lease_database(settings.lease_file4, settings),
            "valid-lifetime": settings.valid_lifetime_s,
            # The stages of one boot send different client ids: told apart by MAC alone, they share one lease.
            "match-client-id": False,
            **_reservation_flags(),
            "host-reservation-identifiers": ["hw-address"],
            "option-def": option_definitions4(),
            "client-classes": client_classes(family.plan),
            "subnet4": [family.subnet4(subnet) for subnet in family.subnets],
            "reservations": family.reserved.everywhere,
            "loggers": [_logger("kea-dhcp4", settings.log_output4, settings)],
        }
    }


def build6(inputs: KeaInputs, settings: KeaSettings) -> Json:
    """Build the configuration of kea-dhcp6; ``ConfigError`` where a subnet has no Kea id yet."""
    family = _Family(6, inputs, settings)
    server_id = {"type": "EN", "enterprise-id": 2495, "identifier": settings.server_id6, "persist": False}
    return {
        "Dhcp6": {
            "interfaces-config": {"interfaces": list(settings.interfaces6)},
            "control-socket": {"socket-type": "unix", "socket-name": settings.control_socket6},
            "lease-database": _lease_database(settings.lease_file6, settings),
            "server-id": server_id,
            "valid-lifetime": settings.valid_lifetime_s,
            **_reservation_flags(),
            "host-reservation-identifiers": ["duid", "hw-address"],
            # What the relay says (RFC 6939) first, then the sender's own link-local address (of universal MACs only, so
            # not of QEMU's 52:54); a DUID may hold another interface's MAC, and a firmware's DUID-UUID holds none.
            "mac-sources": ["client-link-addr-option", "ipv6-link-local", "duid"],
            "client-classes": client_classes(family.plan),
            "subnet6": [family.subnet6(subnet) for subnet in family.subnets],
            "reservations": family.reserved.everywhere,
            "loggers": [_logger("kea-dhcp6", settings.log_output6, settings)],
        }
    }


def render(config: Json) -> str:
    """Write a configuration as JSON that people can compare: what fits on a line stands on one line."""
    return _text(config, 0) + "\n"


class _Family:
    """The parts that both builders share, worked out once for one address family."""

    def __init__(self, family: int, inputs: KeaInputs, settings: KeaSettings) -> None:
        self.settings = settings
        self.subnets = _subnets(inputs, family)
        self.place: Placement = placement(inputs, family=family)
        self.reserved: Reservations = reserve(inputs.inventory, self.subnets, self.place, family=family)
        usual = {target.name: target for subnet in self.subnets if (target := self.target(subnet))}
        self.plan = ClassPlan(
            family,
            inputs.nbp_rules4 if family == 4 else inputs.nbp_rules6,
            tuple(target for _, target in sorted(usual.items())),
            self.reserved.own_anywhere(),
            settings.http_prefix,
            settings.option67_for_pxe,
        )

    def target(self, subnet: Subnet) -> Target | None:
        return self.place.target_of(subnet.location)

    def subnet4(self, subnet: Subnet) -> Json:
        entry, target = self._head(subnet), self.target(subnet)
        if target is not None:
            entry["next-server"] = str(target.address)
        entry["option-data"] = _options4(subnet, target)
        return entry | self._tail(subnet)

    def subnet6(self, subnet: Subnet) -> Json:
        entry = self._head(subnet)
        # Never option 59 here: it would beat the classes' (see classes.py).
        entry["option-data"] = _options6(subnet)
        return entry | self._tail(subnet)

    def _head(self, subnet: Subnet) -> Json:
        entry: Json = {"id": subnet.kea_id, "subnet": str(subnet.prefix)}
        if subnet.prefix in self.settings.attached:
            entry["interface"] = self.settings.attached[subnet.prefix]
        target = self.target(subnet)
        entry["user-context"] = {
            "nearboot": {
                "name": subnet.name,
                "location": subnet.location,
                "boot-server": target.name if target else None,
            }
        }
        if subnet.relays:
            entry["relay"] = {"ip-addresses": [str(address) for address in subnet.relays]}
        entry["pools"] = [self._pool(str(pool.first), str(pool.last)) for pool in subnet.pools]
        return entry

    def _pool(self, first: str, last: str) -> Json:
        pool: Json = {"pool": f"{first} - {last}"}
        if self.settings.unknown_clients is UnknownClients.IGNORE:
            pool["client-class"] = "KNOWN"
        return pool

    def _tail(self, subnet: Subnet) -> Json:
        subnet_id = subnet.kea_id or 0
        required = required_classes(self.plan, self.target(subnet), self.reserved.own_in(subnet_id))
        tail: Json = {"require-client-classes": required} if required else {}
        return tail | {"reservations": self.reserved.by_subnet.get(subnet_id, [])}


def _subnets(inputs: KeaInputs, family: int) -> list[Subnet]:
    subnets = [subnet for subnet in inputs.inventory.subnets if subnet.prefix.version == family]
    without = sorted(str(subnet.prefix) for subnet in subnets if subnet.kea_id is None)
    if without:
        raise ConfigError(f"subnets without a Kea id (loading the inventory gives one): {', '.join(without)}")
    return sorted(subnets, key=lambda subnet: subnet.kea_id or 0)


def _options4(subnet: Subnet, target: Target | None) -> list[Json]:
    texts = {
        "routers": str(subnet.gateway) if subnet.gateway else "",
        "domain-name-servers": ", ".join(str(address) for address in subnet.dns if address.version == 4),
        "domain-name": option_text(subnet.domain),
        "ntp-servers": ", ".join(str(address) for address in subnet.ntp if address.version == 4),
        # Option 66 beside next-server and at its level, for clients that read only one of them; most ROMs read siaddr.
        "tftp-server-name": str(target.address) if target else "",
    }
    return [{"name": name, "data": text} for name, text in texts.items() if text]


def _options6(subnet: Subnet) -> list[Json]:
    texts = {
        "dns-servers": ", ".join(str(address) for address in subnet.dns if address.version == 6),
        "domain-search": option_text(subnet.domain),
        "sntp-servers": ", ".join(str(address) for address in subnet.ntp if address.version == 6),
    }
    return [{"name": name, "data": text} for name, text in texts.items() if text]


def _lease_database(path: str, settings: KeaSettings) -> Json:
    # Persistent also because Kea forgets unsaved leases with every config-set.
    return {"type": "memfile", "persist": True, "name": path, "lfc-interval": settings.lfc_interval_s}


def _reservation_flags() -> Json:
    return {"reservations-global": True, "reservations-in-subnet": True, "reservations-out-of-pool": False}


def _logger(name: str, output: str, settings: KeaSettings) -> Json:
    return {"name": name, "severity": settings.log_severity, "output_options": [{"output": output}]}


def _text(value: object, indent: int) -> str:
    flat = json.dumps(value)
    if indent + len(flat) <= LINE_LENGTH or not value:
        return flat
    pad, inner = " " * indent, " " * (indent + 2)
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {_text(item, indent + 2)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{pad}}}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + _text(item, indent + 2) for item in value) + f"\n{pad}]"
    return flat
