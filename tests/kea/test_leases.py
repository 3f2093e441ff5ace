"""Rows of Kea's lease files."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import ProtocolError
from nearboot.kea.leases import Lease, LeaseReader, LeaseState, lease_event
from nearboot.model import EventKind, Phase, Slug

HEADER4 = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
HEADER6 = (
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,"
    "hwaddr,state,user_context,hwtype,hwaddr_source"
)
ROW4 = "10.10.0.21,52:54:00:00:00:01,,3600,1795358683,11,0,0,web-ams-1,0,"
ROW6 = (
    "fd10::65,00:01:00:01:00:00:00:00:02:00:00:00:10:00,3600,1795358725,21,3600,0,1,128,0,0,web.,"
    "02:00:00:00:10:00,0,,1,2"
)


def read(header: str, row: str) -> Lease:
    reader = LeaseReader()
    assert reader.read(header + "\n") is None
    lease = reader.read(row + "\n")
    assert lease is not None
    return lease


@pytest.mark.parametrize("suffix", [pytest.param("", id="2.2"), pytest.param(",pool_id", id="2.6-and-later")])
def test_a_v4_row_is_read(suffix: str) -> None:
    """Committed when it expires less its lifetime; later columns do no harm."""
    lease = read(HEADER4 + suffix, ROW4 + (",0" if suffix else ""))
    assert lease.address == ip_address("10.10.0.21")
    assert (lease.mac, lease.duid, lease.subnet_id, lease.hostname) == ("52:54:00:00:00:01", None, 11, "web-ams-1")
    assert lease.committed_at == datetime.fromtimestamp(1795358683 - 3600, UTC)
    assert lease.is_assignment


def test_a_v6_row_is_read() -> None:
    """By its own columns; the host name without its final dot."""
    lease = read(HEADER6, ROW6)
    assert lease.address == ip_address("fd10::65")
    assert lease.duid == "00:01:00:01:00:00:00:00:02:00:00:00:10:00"
    assert (lease.mac, lease.subnet_id, lease.hostname) == ("02:00:00:00:10:00", 21, "web")


@pytest.mark.parametrize(
    ("row", "state"),
    [
        pytest.param("10.0.0.1,,,3600,1795358683,1,0,0,,1,", LeaseState.DECLINED, id="declined"),
        pytest.param("10.0.0.1,,,3600,1795358683,1,0,0,,2,", LeaseState.RECLAIMED, id="reclaimed"),
        pytest.param("10.0.0.1,,,0,1795358683,1,0,0,,0,", LeaseState.ASSIGNED, id="deleted"),
    ],
)
def test_only_a_lease_that_was_given_is_an_assignment(row: str, state: LeaseState) -> None:
    """Declined, taken back and deleted leases stand in the file too."""
    lease = read(HEADER4, row)
    assert lease.state is state and not lease.is_assignment


def test_an_infinite_lease_has_a_time() -> None:
    """Kea adds the lifetime of 2^32-1 seconds without overflow."""
    row = f"10.0.0.1,,,4294967295,{1795358683 + 4294967295},1,0,0,,0,"
    assert read(HEADER4, row).committed_at == datetime.fromtimestamp(1795358683, UTC)


def test_escaped_commas_are_unescaped_in_host_names() -> None:
    """Kea writes &#x2c for a comma."""
    assert read(HEADER4, ROW4.replace("web-ams-1", "a&#x2cb")).hostname == "a,b"


def test_other_links_have_no_mac() -> None:
    """InfiniBand's 20 octets are no 48-bit MAC; the lease is still a lease."""
    assert read(HEADER4, ROW4.replace("52:54:00:00:00:01", ":".join(["00"] * 20))).mac is None


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("10.0.0.1", id="cut-short"),
        pytest.param("10.0.0.1,,,x,1795358683,1,0,0,,0,", id="no-number"),
        pytest.param("10.0.0.300,,,1,1795358683,1,0,0,,0,", id="no-address"),
        pytest.param("10.0.0.1,,,1,1795358683,1,0,0,,9,", id="unknown-state"),
    ],
)
def test_a_row_that_is_none_is_a_protocol_error(row: str) -> None:
    """With the row in the message."""
    with pytest.raises(ProtocolError, match=r"lease file: .*10\.0\.0"):
        read(HEADER4, row)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_line_is_a_lease_nothing_or_a_protocol_error(line: str) -> None:
    """And nothing else."""
    reader = LeaseReader()
    reader.read(HEADER4)
    with suppress(ProtocolError):
        assert reader.read(line) is None or line


def test_an_assignment_becomes_an_event() -> None:
    """On the server's timeline, in the phase that it shows."""
    event = lease_event(read(HEADER4, ROW4), server="web-ams-1", boot_server=Slug("boot-ams"))
    assert (event.kind, event.phase, event.server) == (EventKind.DHCP_LEASE, Phase.DHCP, "web-ams-1")
    assert (event.subject, event.client, event.boot_server) == ("10.10.0.21", "52:54:00:00:00:01", "boot-ams")
    assert event.detail == {"subnet_id": 11, "valid_lifetime_s": 3600, "hostname": "web-ams-1"}
