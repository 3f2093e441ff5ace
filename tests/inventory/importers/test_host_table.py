"""Host tables: the format of hosts(5), and which line a name finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import InputError
from nearboot.inventory.importers.host_table import Found, HostTable, load_host_table

TABLE = """# the fleet
127.0.0.1\tlocalhost
127.0.1.1 me.example.net me
10.1.0.5   Web01.example.net web01 www   # in rack 3

2001:db8::5 web01.example.net
10.1.0.6 web01.EXAMPLE.net
10.1.0.7 db01
10.1.0.8 cp01.ams.example.net cp01
10.2.0.8 cp01.fra.example.net cp01
10.1.0.9 mx01.ams.example.net
10.1.0.10 ns01
10.1.0.11 ns01
::1 localhost ip6-localhost
ff02::1 ip6-allnodes
"""


def addresses(found: Found) -> list[str]:
    return [str(entry.address) for entry in found.entries]


@pytest.fixture(scope="module")
def table() -> HostTable:
    return load_host_table([("hosts", TABLE)])


@pytest.mark.parametrize(
    ("name", "block", "expected"),
    [
        pytest.param("web01.example.net", "x", ["2001:db8::5"], id="as-spelled-goes-first"),
        pytest.param("Web01.example.net", "x", ["10.1.0.5"], id="as-spelled"),
        pytest.param("WEB01.example.net", "x", ["10.1.0.5", "2001:db8::5", "10.1.0.6"], id="any-case-every-line"),
        pytest.param("mx01.ams.example.net.", "x", ["10.1.0.9"], id="final-dot"),
        pytest.param("www", "x", ["10.1.0.5"], id="alias"),
        pytest.param("mx01", "x", ["10.1.0.9"], id="short-name-of-one-machine"),
        pytest.param("db01.ams.example.net", "db01", ["10.1.0.7"], id="name-of-the-block"),
        pytest.param("db01.ams.example.net", "DB01", ["10.1.0.7"], id="name-of-the-block-in-any-case"),
        pytest.param("gone.example.net", "mx01.ams.example.net", ["10.1.0.9"], id="full-name-of-the-block"),
        pytest.param("mx01.fra.example.net", "mx01", [], id="short-name-of-a-machine-elsewhere"),
        pytest.param("cp01.lon.example.net", "cp01", [], id="short-name-of-two-machines-elsewhere"),
        pytest.param("cp01.fra.example.net", "cp01", ["10.2.0.8"], id="full-name-decides"),
        pytest.param("localhost", "localhost", [], id="loopback"),
        pytest.param("me.example.net", "me", [], id="loopback-of-the-machine-itself"),
        pytest.param("ip6-allnodes", "x", [], id="multicast"),
        pytest.param("gone.example.net", "gone", [], id="not-there"),
    ],
)
def test_a_name_finds_its_lines(table: HostTable, name: str, block: str, expected: list[str]) -> None:
    """The spelling as it is, then any case, then the block's name: never that of another machine."""
    found = table.find(name, block)
    assert (addresses(found), found.ambiguous) == (expected, False)


@pytest.mark.parametrize(
    ("name", "block"),
    [
        pytest.param("cp01", "cp01", id="two-full-names"),
        pytest.param("ns01", "x", id="two-addresses"),
        pytest.param("ns01.ams.example.net", "ns01", id="two-addresses-for-a-block"),
    ],
)
def test_a_short_name_of_several_machines_finds_none(table: HostTable, name: str, block: str) -> None:
    """An address of the wrong machine is worse than none."""
    assert table.find(name, block) == Found(ambiguous=True)


def test_a_plain_short_name_beside_that_of_another_machine_is_ambiguous() -> None:
    """Which of the two the plain line means, only a person knows."""
    table = load_host_table([("hosts", "10.1.0.5 web01\n10.2.0.5 web01.fra.example.net web01\n")])
    assert table.find("web01.ams.example.net", "web01") == Found(ambiguous=True)


def test_several_files_are_one_table_and_lines_keep_their_place() -> None:
    """Each finding names the file and line that the address is from."""
    table = load_host_table([("a", "10.0.0.1 x.example.net\n"), ("b", "\n10.0.0.2 y.example.net\r\n")])
    assert table.files == ("a", "b")
    assert [entry.place for name in ("x", "y") for entry in table.find(name, name).entries] == ["a:1", "b:2"]


def test_every_line_that_is_not_usable_is_told_at_once() -> None:
    """With its file and line, over all files."""
    first = "10.0.0.256 a\n10.0.0.1\n10.0.0.2 b # c d\n"
    with pytest.raises(InputError) as caught:
        load_host_table([("one", first), ("two", "\n10.0.0.3 ok -bad a..b\nname 10.0.0.4\n")])
    assert [str(fault) for fault in caught.value.faults] == [
        "one:1: found '10.0.0.256'; expected an IPv4 or IPv6 address, then names",
        "one:2: found no name after the address; expected the address's name, and its aliases",
        "two:2: found '-bad'; expected a host name",
        "two:2: found 'a..b'; expected a host name",
        "two:3: found 'name'; expected an IPv4 or IPv6 address, then names",
    ]


@given(st.text(st.sampled_from("1.: \t#\nab\x00ü%"), max_size=60))
def test_any_text_is_a_table_or_an_input_error(text: str) -> None:
    """Whatever stands there, no other error comes out."""
    try:
        table = load_host_table([("hosts", text)])
    except InputError as error:
        assert error.faults
    else:
        assert all(name in table.lowered for name in (key.lower() for key in table.spelled))
