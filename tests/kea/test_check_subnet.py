"""Checks of subnets, pools and reservations."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from nearboot.kea.check_subnet import findings_of_subnets
from nearboot.kea.document import Json
from nearboot.kea.finding import Severity

MAC = "52:54:00:00:00:01"
POOLS = [{"pool": "10.0.0.100 - 10.0.0.150"}]
GATEWAY: Json = {"option-data": [{"name": "routers", "data": "10.0.0.254"}]}


def subnet(number: int = 1, prefix: str = "10.0.0.0/24", **more: object) -> Json:
    return {"id": number, "subnet": prefix, "next-server": "10.0.0.2", "pools": [{"pool": pool(prefix)}], **more}


def pool(prefix: str) -> str:
    """Some addresses of a prefix; of one that cannot be read, any."""
    try:
        first = ip_network(prefix).network_address
    except ValueError:
        return "10.0.0.10 - 10.0.0.20"
    return f"{first + 10} - {first + 20}"


def host(mac: str = MAC, **more: object) -> Json:
    return {"hw-address": mac, **more}


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        pytest.param({"subnet4": [subnet(), subnet(1, "10.1.0.0/24")]}, "subnet4[1].id", "subnet4[0]", id="same-id"),
        pytest.param({"subnet4": [subnet(0)]}, "subnet4[0].id", "leases refer", id="id-0"),
        pytest.param({"subnet4": [subnet(prefix="10.0.0/24")]}, "subnet4[0].subnet", "not an IPv4 prefix", id="prefix"),
        pytest.param({"subnet4": [subnet(prefix="fd00::/64")]}, "subnet4[0].subnet", "IPv4", id="other-family"),
        pytest.param(
            {"subnet4": [subnet(), subnet(2, "10.0.0.128/25")]},
            "subnet4[1].subnet",
            "overlaps 10.0.0.0/24",
            id="overlap",
        ),
        pytest.param(
            {"subnet4": [subnet(pools=[{"pool": "10.0.0.9 - 10.0.1.9"}])]},
            "subnet4[0].pools[0].pool",
            "outside",
            id="pool-outside",
        ),
        pytest.param(
            {"subnet4": [subnet(pools=[{"pool": "10.0.0.9-10.0.0.8"}])]},
            "subnet4[0].pools[0].pool",
            "ends before",
            id="pool-backwards",
        ),
        pytest.param(
            {"subnet4": [subnet(pools=[{"pool": "all"}])]}, "subnet4[0].pools[0].pool", "neither", id="pool-unreadable"
        ),
        pytest.param(
            {"subnet4": [subnet(reservations=[host(**{"ip-address": "10.0.1.1"})])]},
            "subnet4[0].reservations[0]",
            "outside",
            id="host-outside",
        ),
        pytest.param(
            {"subnet4": [subnet(reservations=[host(), host(MAC.upper())])]},
            "subnet4[0].reservations[1]",
            "also reserved by [0]",
            id="same-mac",
        ),
        pytest.param(
            {
                "subnet4": [
                    subnet(
                        reservations=[
                            host(**{"ip-address": "10.0.0.9"}),
                            host("52:54:00:00:00:02", **{"ip-address": "10.0.0.9"}),
                        ]
                    )
                ]
            },
            "subnet4[0].reservations[1]",
            "reservations[0]",
            id="same-address",
        ),
        pytest.param(
            {"subnet4": [subnet(reservations=[{"hostname": "x"}])]},
            "subnet4[0].reservations[0]",
            "0 identifiers",
            id="no-identifier",
        ),
        pytest.param(
            {"subnet4": [subnet()], "reservations": [host()]}, "reservations-global", "ignores", id="global-not-enabled"
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(document: Json, path: str, words: str) -> None:
    """One finding, an error, at the place."""
    findings = list(findings_of_subnets(document, 4))
    assert [finding.path for finding in findings] == [path]
    assert words in findings[0].text and findings[0].severity is Severity.ERROR


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"subnet4": [subnet(pools=[{"pool": "10.0.0.128/26"}])]}, id="pool-as-a-prefix"),
        pytest.param(
            {"next-server": "10.0.0.2", "subnet4": [{"id": 1, "subnet": "10.0.0.0/24", "pools": POOLS}]},
            id="global-server",
        ),
        pytest.param(
            {
                "shared-networks": [
                    {"next-server": "10.0.0.2", "subnet4": [{"id": 1, "subnet": "10.0.0.0/24", "pools": POOLS}]}
                ]
            },
            id="server-of-the-network",
        ),
        pytest.param(
            {"subnet4": [subnet(reservations=[host()]), subnet(2, "10.1.0.0/24", reservations=[host()])]},
            id="one-mac-in-two-subnets",
        ),
    ],
)
def test_good_subnets_have_no_findings(document: Json) -> None:
    """No noise."""
    assert list(findings_of_subnets(document, 4)) == []


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param({}, "nobody is answered", id="no-subnet"),
        pytest.param(
            {"subnet4": [{"id": 1, "subnet": "10.0.0.0/24", "pools": POOLS}]},
            "no server to read it from",
            id="no-server",
        ),
        pytest.param(
            {"subnet4": [subnet(pools=[], reservations=[host(hostname="x")])]}, "nobody there is answered", id="no-pool"
        ),
        pytest.param(
            {"subnet4": [subnet(pools=[{"pool": "10.0.0.250 - 10.0.0.255"}])]}, "10.0.0.255 is in it", id="broadcast"
        ),
        pytest.param(
            {"subnet4": [subnet(pools=[{"pool": "10.0.0.2 - 10.0.0.9"}])]}, "the boot server's", id="boot-server-lent"
        ),
        pytest.param(
            {"subnet4": [subnet(pools=[{"pool": "10.0.0.200 - 10.0.0.254"}]) | GATEWAY]}, "gateway's", id="gateway-lent"
        ),
    ],
)
def test_doubtful_things_are_warnings(document: Json, words: str) -> None:
    """They may be meant."""
    findings = list(findings_of_subnets(document, 4))
    assert [finding.severity for finding in findings] == [Severity.WARNING] and words in findings[0].text


def test_overlaps_are_found_behind_smaller_neighbours() -> None:
    """A wide prefix covers a later one, though narrower ones stand between them."""
    document: Json = {"subnet4": [subnet(1, "10.0.0.0/8"), subnet(2, "10.0.1.0/24"), subnet(3, "10.9.0.0/16")]}
    assert [finding.path for finding in findings_of_subnets(document, 4)] == ["subnet4[1].subnet", "subnet4[2].subnet"]
