"""Each kind of field: what it takes, what it makes of it, what it refuses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest

from nearboot.inventory import field
from nearboot.inventory.document import Page
from nearboot.inventory.field import BAD, Parser
from nearboot.model import Firmware, Pool

HOST = "a host name (letters, digits, '-', '_' and dots)"


def read(parse: Parser, text: str) -> tuple[Any, list[str]]:
    page = Page("a.yaml")
    (node,) = page.compose(text)
    return parse(node, "f", page), [f"{fault.found}; {fault.expected}" for fault in page.faults]


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        pytest.param(field.mac, "AA-BB-CC-DD-EE-0F", "aa:bb:cc:dd:ee:0f", id="mac-hyphens"),
        pytest.param(field.mac, "11:22:33:44:55:06", "11:22:33:44:55:06", id="mac-sexagesimal"),
        pytest.param(field.mac, "525400000101", "52:54:00:00:01:01", id="mac-digits"),
        pytest.param(field.mac, "00e0.1234.5678", "00:e0:12:34:56:78", id="mac-cisco"),
        pytest.param(field.duid, "0003000152", "00:03:00:01:52", id="duid"),
        pytest.param(field.slug, "on", "on", id="slug-on"),
        pytest.param(field.host_name, "Web-01.Example.NET", "web-01.example.net", id="host-lower-case"),
        pytest.param(field.text, "yes", "yes", id="text-yes"),
        pytest.param(field.text, "012", "012", id="text-octal"),
        pytest.param(field.text, "1_000", "1_000", id="text-underscore"),
        pytest.param(field.text, "2026-11-22", "2026-11-22", id="text-date"),
        pytest.param(field.text, "''", "", id="text-empty"),
        pytest.param(field.boolean, "off", False, id="off"),
        pytest.param(field.boolean, "Yes", True, id="yes"),
        pytest.param(field.address, "fd00::1", IPv6Address("fd00::1"), id="v6"),
        pytest.param(field.prefix, "10.0.0.0/8", IPv4Network("10.0.0.0/8"), id="prefix"),
        pytest.param(field.prefix, "10.0.0.0/255.0.0.0", IPv4Network("10.0.0.0/8"), id="prefix-netmask"),
        pytest.param(field.prefix, "FD00::/8", IPv6Network("fd00::/8"), id="prefix-v6"),
        pytest.param(
            field.pool, "10.0.0.1 - 10.0.0.9", Pool(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.9")), id="pool"
        ),
        pytest.param(
            field.pool, "10.0.0.8/30", Pool(IPv4Address("10.0.0.8"), IPv4Address("10.0.0.11")), id="pool-prefix"
        ),
        pytest.param(field.latitude, "-52.5", -52.5, id="latitude"),
        pytest.param(field.port, "69", 69, id="port"),
        pytest.param(field.port, "'69'", 69, id="port-quoted"),
        pytest.param(field.kea_id, "4294967294", 4294967294, id="kea-id-last"),
        pytest.param(field.web_address, "http://[fd00::1]:8080/", "http://[fd00::1]:8080", id="url-slash"),
        pytest.param(field.file_path, "debian/linux", "debian/linux", id="path"),
        pytest.param(field.checksum, "AB" * 32, "ab" * 32, id="checksum"),
        pytest.param(field.credential, "file:/etc/x", "file:/etc/x", id="credential"),
        pytest.param(field.choice(Firmware), "uefi", Firmware.UEFI, id="choice"),
        pytest.param(field.many(field.slug), "[a, b]", ("a", "b"), id="list"),
        pytest.param(field.texts, "{a: on, b: }", {"a": "on", "b": ""}, id="texts"),
    ],
)
def test_a_field_takes(parse: Parser, text: str, value: Any) -> None:
    assert read(parse, text) == (value, [])


@pytest.mark.parametrize(
    ("parse", "text", "fault"),
    [
        pytest.param(field.mac, "52:54:00:00:01", "'52:54:00:00:01'; a MAC address", id="mac-short"),
        pytest.param(field.mac, "{a: b}", "a mapping; a MAC address", id="mac-mapping"),
        pytest.param(field.duid, "00:0", "'00:0'; a DUID", id="duid-odd"),
        pytest.param(field.slug, "Ams", "'Ams'; a slug", id="slug-capital"),
        pytest.param(field.host_name, "a..b", "'a..b'; a host name", id="host-dots"),
        pytest.param(field.host_name, "-a", "'-a'; a host name", id="host-hyphen"),
        pytest.param(field.text, '"a\\0b"', "'a\\x00b'; text without control", id="nul"),
        pytest.param(field.filled_text, "' '", "' '; text that is not empty", id="blank"),
        pytest.param(field.boolean, "2", "'2'; true or false", id="boolean"),
        pytest.param(field.ipv4, "fd00::1", "'fd00::1'; an IPv4 address", id="v6-for-v4"),
        pytest.param(field.ipv4, "10.0.0.01", "'10.0.0.01'; an IPv4 address", id="leading-zero"),
        pytest.param(field.ipv6, "fe80::1%eth0", "'fe80::1%eth0'; an IPv6 address without a zone", id="zone"),
        pytest.param(field.prefix, "10.0.0.1/24", "'10.0.0.1/24', which has host bits set; the prefix 10.0.0.0/24",
                     id="host-bits"),
        pytest.param(field.prefix, "10.0.0.0", "'10.0.0.0'; a prefix such as", id="no-length"),
        pytest.param(field.host_name, "web-[01-04]", f"'web-[01-04]'; {HOST}; host lists are for commands: write one",
                     id="host-list"),
        pytest.param(field.host_name, "a b", f"'a b'; {HOST}", id="host-name"),
        pytest.param(field.prefix, "10.0.0.0/33", "'10.0.0.0/33'; a prefix such as", id="length"),
        pytest.param(field.pool, "10.0.0.9-10.0.0.1", "the reversed pool '10.0.0.9-10.0.0.1'; 10.0.0.1-10.0.0.9",
                     id="reversed"),
        pytest.param(field.pool, "10.0.0.9-fd00::1", "'10.0.0.9-fd00::1'; both ends of one family", id="pool-families"),
        pytest.param(field.pool, "10.0.0.9", "'10.0.0.9'; a pool such as", id="pool-one"),
        pytest.param(field.pool, "10.0.0.1/24", "'10.0.0.1/24'; a pool such as", id="pool-host-bits"),
        pytest.param(field.latitude, "90.1", "'90.1'; degrees between -90 and 90", id="latitude"),
        pytest.param(field.longitude, "nan", "'nan'; degrees between", id="not-a-number"),
        pytest.param(field.port, "0", "'0'; a port between 1 and 65535", id="port-0"),
        pytest.param(field.port, "6e3", "'6e3'; a port", id="port-float"),
        pytest.param(field.weight, "0", "'0'; a number between 1", id="weight"),
        pytest.param(field.web_address, "tftp://x", "'tftp://x'; an address such as http", id="url-scheme"),
        pytest.param(field.web_address, "http://x:99999", "'http://x:99999'; an address", id="url-port"),
        pytest.param(field.web_address, "http://me:pw@x", "'http://me:pw@x'; an address such as", id="url-user"),
        pytest.param(field.web_address, "http://x/?a=b", "'http://x/?a=b'; an address such as", id="url-query"),
        pytest.param(field.file_path, "/etc/passwd", "'/etc/passwd'; a path below", id="absolute"),
        pytest.param(field.file_path, "a/../../b", "'a/../../b'; a path below", id="up"),
        pytest.param(field.checksum, "ab", "'ab'; a SHA-256", id="checksum"),
        pytest.param(field.credential, "s3cret", "a text that is not shown here; a reference", id="secret"),
        pytest.param(field.uuid, "12", "'12'; a UUID", id="uuid"),
        pytest.param(field.choice(Firmware), "bois", "'bois'; one of bios, uefi; did you mean 'bios'?", id="choice"),
        pytest.param(field.many(field.slug), "a", "'a'; a list", id="no-list"),
        pytest.param(field.texts, "{a: [b]}", "a list; text", id="texts-list"),
    ],
)  # fmt: skip
def test_a_field_refuses(parse: Parser, text: str, fault: str) -> None:
    value, faults = read(parse, text)
    assert value is BAD
    assert len(faults) == 1
    assert faults[0].startswith(fault)
