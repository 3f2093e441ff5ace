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
    capacity,
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
        "name": FieldRule(filled_text, "its name, such as eth0", required=True),
        "mac": FieldRule(mac, "its MAC, in any usual spelling; Kea knows the server by it"),
        "duid": FieldRule(duid, "its DHCPv6 unique identifier, where DHCPv6 shall not go by the MAC"),
        "ipv4": FieldRule(ipv4, "its IPv4 address, which Kea reserves for it"),
        "ipv6": FieldRule(ipv6, "its IPv6 address, which Kea reserves for it"),
        "boot": FieldRule(boolean, "whether it may netboot (yes)"),
    },
)

_BMC = Shape(
    Bmc,
    {
        "address": FieldRule(filled_text, "the management controller's URL, host name or address", required=True),
        "protocol": FieldRule(protocol, "redfish (the default) or ipmi"),
        "username": FieldRule(text, "the user to log in as"),
        "credential": FieldRule(credential, "where the secret is: env:NAME or file:/PATH; never the secret"),
    },
)

SHAPES: Mapping[str, Shape] = {
    "locations": Shape(
        Location,
        {
            "slug": FieldRule(slug, "its short name, by which everything refers to it", required=True),
            "kind": FieldRule(choice(LocationKind), "region, site, room or rack, outermost first", required=True),
            "name": FieldRule(text, "its full name"),
            "parent": FieldRule(slug, "the slug of what it is in"),
            "latitude": FieldRule(
                latitude, "degrees north (WGS 84); a site's coordinates stand in for missing latencies"
            ),
            "longitude": FieldRule(longitude, "degrees east"),
            "aliases": FieldRule(many(filled_text), "other names that latency maps use for it"),
        },
    ),
    "tiers": Shape(
        Tier,
        {
            "slug": FieldRule(slug, "the role of a group of servers, such as web", required=True),
            "name": FieldRule(text, "its full name"),
            "boot_from": FieldRule(many(slug), "boot servers that its servers use while they can; else the nearest"),
            "never_boot_from": FieldRule(many(slug), "boot servers that its servers never use"),
        },
    ),
    "models": Shape(
        HardwareModel,
        {
            "slug": FieldRule(slug, "its short name", required=True),
            "manufacturer": FieldRule(text, "who makes it"),
            "name": FieldRule(text, "its full name"),
            "firmware": FieldRule(choice(Firmware), "uefi (the default) or bios"),
            "console": FieldRule(text, "the kernel's console argument, such as ttyS1,115200"),
        },
    ),
    "images": Shape(
        Image,
        {
            "slug": FieldRule(slug, "its short name", required=True),
            "kernel": FieldRule(file_path, "the kernel's path below the boot servers' root", required=True),
            "initrd": FieldRule(many(file_path), "paths of the initrds"),
            "args": FieldRule(many(filled_text), "kernel arguments"),
            "kernel_sha256": FieldRule(checksum, "the kernel's SHA-256, 64 hexadecimal digits"),
            "initrd_sha256": FieldRule(many(checksum), "the initrds' SHA-256, in their order"),
            "arch": FieldRule(filled_text, "x86_64 (the default), arm64, ..."),
        },
    ),
    "profiles": Shape(
        BootProfile,
        {
            "slug": FieldRule(slug, "its short name", required=True),
            "image": FieldRule(slug, "the image that it boots", required=True),
            "tier": FieldRule(slug, "for servers of this tier only"),
            "model": FieldRule(
                slug, "for servers of this hardware model only; tier and model together win over each alone"
            ),
            "nbp": FieldRule(
                choice(NbpFamily), "pxelinux, grub or ipxe; without it, PXELINUX for BIOS and GRUB for UEFI"
            ),
            "args": FieldRule(many(filled_text), "kernel arguments after the image's"),
            "installer": FieldRule(choice(InstallerKind), "none (the default), kickstart, preseed or autoinstall"),
        },
    ),
    "servers": Shape(
        Server,
        {
            "name": FieldRule(host_name, "its host name, short or fully qualified", required=True),
            "location": FieldRule(slug, "where it stands", required=True),
            "tier": FieldRule(slug, "its role"),
            "model": FieldRule(slug, "its hardware model"),
            "serial": FieldRule(text, "its serial number"),
            "uuid": FieldRule(uuid, "its SMBIOS UUID"),
            "profile": FieldRule(slug, "its own boot profile, over what tier and model select"),
            "domain": FieldRule(host_name, "its DNS domain, where the name is short"),
            "interfaces": FieldRule(many(shape(_INTERFACE)), "its network interfaces"),
            "bmc": FieldRule(shape(_BMC), "its management controller"),
            "params": FieldRule(texts, "texts for templates, by name"),
            "boot_from": FieldRule(many(slug), "boot servers that it uses while they can, over its tier's"),
            "never_boot_from": FieldRule(many(slug), "boot servers that it never uses, besides its tier's"),
        },
    ),
    "subnets": Shape(
        Subnet,
        {
            "prefix": FieldRule(prefix, "the IPv4 or IPv6 prefix", required=True),
            "location": FieldRule(slug, "where it is; its clients boot from that place's boot server", required=True),
            "name": FieldRule(text, "its name"),
            "kea_id": FieldRule(kea_id, "Kea's subnet id; without it, one is given and never changes"),
            "gateway": FieldRule(address, "the router's address"),
            "dns": FieldRule(many(address), "name servers"),
            "ntp": FieldRule(many(address), "time servers"),
            "domain": FieldRule(host_name, "the DNS domain of its clients"),
            "pools": FieldRule(many(pool), "addresses to lease: FIRST-LAST or a prefix"),
            "relays": FieldRule(many(address), "relay addresses outside the prefix (IPv4 giaddr, IPv6 link-address)"),
        },
    ),
    "boot_servers": Shape(
        BootServer,
        {
            "name": FieldRule(slug, "its short name", required=True),
            "location": FieldRule(slug, "where it stands", required=True),
            "ipv4": FieldRule(ipv4, "the address that IPv4 clients are sent to"),
            "ipv6": FieldRule(ipv6, "the address that IPv6 clients are sent to"),
            "http_url": FieldRule(
                web_address,
                "where its HTTP server is, such as http://10.0.0.2:8080; without it, no call-backs and no HTTP boot",
            ),
            "weight": FieldRule(weight, "its share (100) of the places to which several boot servers are equally near"),
            "tftp_port": FieldRule(port, "its TFTP port (69)"),
            "capacity": FieldRule(capacity, "servers that it can be the boot server of; more go to the next nearest"),
            "state": FieldRule(
                choice(AdminState), "active, draining or disabled; without it, what the operator said last"
            ),
        },
    ),
    "origins": Shape(
        Origin,
        {
            "name": FieldRule(slug, "its short name", required=True),
            "url": FieldRule(web_address, "where its files are", required=True),
            "location": FieldRule(slug, "where it stands"),
        },
    ),
}

PARTS: Mapping[str, Shape] = {"servers.interfaces": _INTERFACE, "servers.bmc": _BMC}
"""The shapes inside others, by where they stand."""
