"""The grammar of dhcpd.conf: tokens, statements, blocks, and what is said about a broken file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import InputError
from nearboot.inventory.importers.isc_syntax import MAX_DEPTH, Statement, TokenKind, parse


def words(statement: Statement) -> list[str]:
    return [token.text for token in statement.tokens]


def test_statements_and_nested_blocks_keep_their_lines() -> None:
    """A statement begins where its first word stands; a block holds its statements."""
    (group,) = parse("group {\n  host a { # c }\n    hardware ethernet 02:00:00:00:00:01;\n  }\n}\n", "f")
    assert group.body is not None
    (host,) = group.body
    assert host.body is not None
    assert (words(host), host.line) == (["host", "a"], 2)
    assert (words(host.body[0]), host.body[0].line, host.body[0].body) == (
        ["hardware", "ethernet", "02:00:00:00:00:01"],
        3,
        None,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(r'"a\"b"', 'a"b', id="quote"),
        pytest.param(r'"\t\n\r\b"', "\t\n\r\b", id="named"),
        pytest.param(r'"\101\0418\7"', "A!87", id="octal-begins-with-0-to-3"),
        pytest.param(r'"\x41\xZ"', "AxZ", id="hexadecimal"),
        pytest.param(r'"a\\b"', "a\\b", id="backslash"),
        pytest.param('"# no; comment {"', "# no; comment {", id="punctuation"),
        pytest.param('""', "", id="empty"),
    ],
)
def test_strings_lose_quotes_and_escapes(text: str, expected: str) -> None:
    """The escapes are those of dhcpd's own reader."""
    (statement,) = parse(f"filename {text};", "f")
    assert (statement.args[0].kind, statement.args[0].text) == (TokenKind.STRING, expected)


@pytest.mark.parametrize(
    ("text", "keywords"),
    [
        pytest.param('option x code 1 = { integer 8, text }; option y "z";', ["option", "option"], id="record"),
        pytest.param("option x code 1 = array of { ip-address, integer 8 };", ["option"], id="array-of-record"),
        pytest.param(
            "if option a = 00:07 or option b = 1 { x; } elsif c { y; } else { z; }", ["if", "elsif", "else"], id="if"
        ),
        pytest.param('key k { algorithm hmac-md5; secret "x"; };', ["key"], id="semicolon-after-block"),
        pytest.param("switch (x) { case 1: a; break; default: b; }", ["switch"], id="switch"),
        pytest.param('class "pxe" { match if substring (option a, 0, 9) = "PXEClient"; }', ["class"], id="class"),
        pytest.param("on commit { set a = concat(b, c); }", ["on"], id="event"),
        pytest.param("option routers 10.0.0.1,\n  10.0.0.2;", ["option"], id="list-over-lines"),
        pytest.param("if x = 1 and\n option y = 2 { z; }", ["if"], id="condition-over-lines"),
        pytest.param("AUTHORITATIVE;", ["authoritative"], id="keywords-have-no-case"),
        pytest.param("", [], id="empty"),
        pytest.param("# only a comment", [], id="comment"),
    ],
)
def test_grammar(text: str, keywords: list[str]) -> None:
    """What dhcpd's manual page allows is one statement each."""
    assert [statement.keyword for statement in parse(text, "f")] == keywords


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param(
            "a b\n}",
            [
                "f:2: found '}'; expected ';' after 'b'",
                "f:2: found '}'; expected a statement: no block is open here",
            ],
            id="brace-for-semicolon",
        ),
        pytest.param(
            "subnet x {\n a;\n",
            ["f:3: found the end of the file; expected '}' for the block opened on line 1"],
            id="open-block",
        ),
        pytest.param("a;\nb", ["f:2: found the end of the file; expected ';' after 'b'"], id="no-semicolon-at-the-end"),
        pytest.param("x;\n}\n", ["f:2: found '}'; expected a statement: no block is open here"], id="stray-brace"),
        pytest.param('a "b;\nc;', ["f:1: found a string without its end; expected a closing '\"'"], id="open-string"),
        pytest.param(
            '"x" y;\n= z;',
            ['f:1: found "x"; expected a statement', "f:2: found '='; expected a statement"],
            id="no-keyword",
        ),
        pytest.param(
            "option x code 1 = { text;",
            ["f:1: found ';'; expected '}' at the end of the record type"],
            id="open-record",
        ),
        pytest.param(
            "host a {\n hardware ethernet 02:00:00:00:00:01\n fixed-address b;\n}",
            ["f:3: found 'fixed-address'; expected ';' after '02:00:00:00:00:01'"],
            id="semicolon-left-out",
        ),
        pytest.param(
            "authoritative\nsubnet 10.0.0.0 netmask 255.0.0.0 { }",
            ["f:2: found 'subnet'; expected ';' after 'authoritative'"],
            id="semicolon-left-out-before-a-block",
        ),
    ],
)
def test_syntax_faults_name_line_found_and_expected(text: str, faults: list[str]) -> None:
    """Every fault of the text is reported, in the order of its lines."""
    with pytest.raises(InputError) as error:
        parse(text, "f")
    assert [str(fault) for fault in error.value.faults] == faults


def test_blocks_too_deep_are_a_fault_and_no_crash() -> None:
    """A hostile file cannot exhaust the stack."""
    parse("a {" * MAX_DEPTH + "}" * MAX_DEPTH, "f")
    with pytest.raises(InputError, match="at most 64 blocks"):
        parse("a {" * 100_000, "f")


@given(st.text(alphabet='ab {};,"\\=#\n()1:.', max_size=60))
def test_any_text_gives_statements_or_faults(text: str) -> None:
    """No text makes the parser fail in another way, or go on for ever."""
    try:
        assert all(statement.tokens for statement in parse(text, "f"))
    except InputError as error:
        assert error.faults
