"""The fields of each noun of an inventory document: which there are, how each is read, which are required.

A table only; the parsers are in field.

    SHAPES["servers"].fields["location"].parse(node, "servers[0].location", page)
"""

from __future__ import annotations

from collections.abc import Mapping

from nearboot.inventory.field import (
    FieldRule,
    Shape,
    address,
    boolean,
    checksum,
    choice,
    credential,
    duid,
    file_path,
    filled_text,
    host_name,
    ipv4,
    ipv6,
    kea_id,
    latitude,
    longitude,
    mac,
    many,
    pool,
    port,
    prefix,
    protocol,
    shape,
    slug,
    text,
    texts,
    uuid,
    web_address,
    weight,
)
from nearboot.model import (
    AdminState,
    Bmc,
    BootProfile,
    BootServer,
    Firmware,
    HardwareModel,
    Image,
    InstallerKind,
    Interface,
    Location,
    LocationKind,
    NbpFamily,
    Origin,
    Server,
    Subnet,
    Tier,
)

_INTERFACE = Shape(
    Interface,
    {
        "name": FieldRule(filled_text, required=True),
        "mac": FieldRule(mac),
        "duid": FieldRule(duid),
        "ipv4": FieldRule(ipv4),
        "ipv6": FieldRule(ipv6),
        "boot": FieldRule(boolean),
    },
)

_BMC = Shape(
    Bmc,
    {
        "address": FieldRule(filled_text, required=True),
        "protocol": FieldRule(protocol),
        "username": FieldRule(text),
        "credential": FieldRule(credential),
    },
)

SHAPES: Mapping[str, Shape] = {
    "locations": Shape(
        Location,
        {
            "slug": FieldRule(slug, required=True),
            "kind": FieldRule(choice(LocationKind), required=True),
            "name": FieldRule(text),
            "parent": FieldRule(slug),
            "latitude": FieldRule(latitude),
            "longitude": FieldRule(longitude),
            "aliases": FieldRule(many(filled_text)),
        },
    ),
    "tiers": Shape(Tier, {"slug": FieldRule(slug, required=True), "name": FieldRule(text)}),
    "models": Shape(
        HardwareModel,
        {
            "slug": FieldRule(slug, required=True),
            "manufacturer": FieldRule(text),
            "name": FieldRule(text),
            "firmware": FieldRule(choice(Firmware)),
            "console": FieldRule(text),
        },
    ),
    "images": Shape(
        Image,
        {
            "slug": FieldRule(slug, required=True),
            "kernel": FieldRule(file_path, required=True),
            "initrd": FieldRule(many(file_path)),
            "args": FieldRule(many(filled_text)),
            "kernel_sha256": FieldRule(checksum),
            "initrd_sha256": FieldRule(many(checksum)),
            "arch": FieldRule(filled_text),
        },
    ),
    "profiles": Shape(
        BootProfile,
        {
            "slug": FieldRule(slug, required=True),
            "image": FieldRule(slug, required=True),
            "tier": FieldRule(slug),
            "model": FieldRule(slug),
            "nbp": FieldRule(choice(NbpFamily)),
            "args": FieldRule(many(filled_text)),
            "installer": FieldRule(choice(InstallerKind)),
        },
    ),
    "servers": Shape(
        Server,
        {
            "name": FieldRule(host_name, required=True),
            "location": FieldRule(slug, required=True),
            "tier": FieldRule(slug),
            "model": FieldRule(slug),
            "serial": FieldRule(text),
            "uuid": FieldRule(uuid),
            "profile": FieldRule(slug),
            "domain": FieldRule(host_name),
            "interfaces": FieldRule(many(shape(_INTERFACE))),
            "bmc": FieldRule(shape(_BMC)),
            "params": FieldRule(texts),
        },
    ),
    "subnets": Shape(
        Subnet,
        {
            "prefix": FieldRule(prefix, required=True),
            "location": FieldRule(slug, required=True),
            "name": FieldRule(text),
            "kea_id": FieldRule(kea_id),
            "gateway": FieldRule(address),
            "dns": FieldRule(many(address)),
            "ntp": FieldRule(many(address)),
            "domain": FieldRule(host_name),
            "pools": FieldRule(many(pool)),
            "relays": FieldRule(many(address)),
        },
    ),
    "boot_servers": Shape(
        BootServer,
        {
            "name": FieldRule(slug, required=True),
            "location": FieldRule(slug, required=True),
            "ipv4": FieldRule(ipv4),
            "ipv6": FieldRule(ipv6),
            "http_url": FieldRule(web_address),
            "weight": FieldRule(weight),
            "tftp_port": FieldRule(port),
            "state": FieldRule(choice(AdminState)),
        },
    ),
    "origins": Shape(
        Origin,
        {
            "name": FieldRule(slug, required=True),
            "url": FieldRule(web_address, required=True),
            "location": FieldRule(slug),
        },
    ),
}
