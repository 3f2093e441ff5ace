"""The syntax of ISC dhcpd configuration: tokens, statements, nested blocks (``man 5 dhcpd.conf``). Not their meaning.

A statement is a run of words up to ``;``, or up to a block in braces. Comments run from ``#`` to the end of the line.
Every fault of a text is reported, with file and line; after one the parser goes on at the next statement.

    statements = parse(text, "dhcpd.conf")
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from nearboot.errors import Fault, InputError

MAX_DEPTH = 64
"""Blocks within blocks; real files use five or six. Keeps a hostile file from exhausting the stack."""

_OPENERS = frozenset(
    {
        "authoritative",
        "class",
        "default-lease-time",
        "filename",
        "fixed-address",
        "fixed-address6",
        "group",
        "hardware",
        "host",
        "if",
        "include",
        "max-lease-time",
        "next-server",
        "option",
        "pool",
        "range",
        "range6",
        "server-name",
        "shared-network",
        "subnet",
        "subnet6",
    }
)
"""Words that begin statements: one of these at the start of a line, inside a statement, shows a missing semicolon."""

_LEXEMES = re.compile(
    r"""(?P<blank>[ \t\r\f\v]+)
      | (?P<newline>\n)
      | (?P<comment>\#[^\n]*)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<open>")
      | (?P<punct>[{};,()=])
      | (?P<word>[^\s{};,()="\#]+)""",
    re.VERBOSE | re.DOTALL,
)
# Escapes of dhcpd's own reader (common/conflex.c): \t \r \n \b, octal from \0 to \377, \xHH; else the character itself.
_ESCAPES = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-3][0-7]{0,2}|.)", re.DOTALL)
_OPERATORS = (
    "and",
    "or",
    "not",
    "if",
    "elsif",
    "of",
    "match",
    "else",
    "!",
    "~",
    "~~",
    "+",
    "-",
    "*",
    "/",
    "%",
    "&",
    "|",
)
_NAMED = {"t": "\t", "r": "\r", "n": "\n", "b": "\b"}
_OCTAL = "01234567"


class TokenKind(Enum):
    """What a token is."""

    WORD = "word"  # names, numbers, addresses, MACs, operators such as "!" and "~"
    STRING = "string"  # in double quotes; the text has no quotes and no escapes left
    PUNCT = "punct"  # one of { } ; , ( ) =
    END = "end"  # of the file


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text and where it stands."""

    kind: TokenKind
    text: str
    file: str
    line: int

    def __str__(self) -> str:
        if self.kind is TokenKind.END:
            return "the end of the file"
        return f'"{self.text}"' if self.kind is TokenKind.STRING else f"'{self.text}'"

    def is_punct(self, text: str) -> bool:
        """Tell whether this is the punctuation ``text``; a quoted string never is."""
        return self.kind is TokenKind.PUNCT and self.text == text


@dataclass(frozen=True, slots=True)
class Statement:
    """The words of a statement, and the statements in its braces (None: it ended with a semicolon)."""

    tokens: tuple[Token, ...]
    body: tuple[Statement, ...] | None = None

    @property
    def keyword(self) -> str:
        """The first word, in lower case: dhcpd's keywords have no case."""
        return self.tokens[0].text.lower()

    @property
    def args(self) -> tuple[Token, ...]:
        """The tokens after the keyword."""
        return self.tokens[1:]

    @property
    def file(self) -> str:
        """The file that the statement stands in."""
        return self.tokens[0].file

    @property
    def line(self) -> int:
        """The line that the statement begins on."""
        return self.tokens[0].line


def parse(text: str, file: str) -> tuple[Statement, ...]:
    """Read the statements of ``text``; raises ``InputError`` with every syntax fault."""
    parser = _Parser(file)
    parser.tokens = list(_tokens(text, file, parser.faults))
    statements = parser.block(None)
    if parser.faults:
        raise InputError(sorted(parser.faults, key=lambda fault: fault.line))
    return statements


def _tokens(text: str, file: str, faults: list[Fault]) -> Iterator[Token]:
    line, position = 1, 0
    while match := _LEXEMES.match(text, position):
        position, found, lexeme = match.end(), match.lastgroup, match.group()
        if found == "open":
            faults.append(Fault(file, line, "", "a string without its end", "a closing '\"'"))
            break
        if found == "string":
            yield Token(TokenKind.STRING, _unescape(lexeme[1:-1]), file, line)
        elif found in ("punct", "word"):
            yield Token(TokenKind(found), lexeme, file, line)
        line += lexeme.count("\n")
    yield Token(TokenKind.END, "", file, line)


def _unescape(text: str) -> str:
    return _ESCAPES.sub(lambda match: _escape(match.group(1)), text)


def _escape(code: str) -> str:
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in _OCTAL[:4]:
        return chr(int(code, 8))
    return _NAMED.get(code, code)


@dataclass(slots=True)
class _Parser:
    """A cursor over the tokens of one file."""

    file: str
    tokens: list[Token] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    at: int = 0
    depth: int = 0

    def block(self, opened: Token | None) -> tuple[Statement, ...]:
        """Read statements up to the brace that closes ``opened`` (None: up to the end of the file)."""
        statements: list[Statement] = []
        while (token := self.tokens[self.at]).kind is not TokenKind.END:
            if token.is_punct("}"):
                self.at += 1
                if opened:
                    return tuple(statements)
                self.fault(token, "a statement: no block is open here")
            elif token.is_punct(";"):
                self.at += 1  # an empty statement, such as the one after the "}" of a key
            elif statement := self.statement():
                statements.append(statement)
        if opened:
            self.fault(token, f"'}}' for the block opened on line {opened.line}")
        return tuple(statements)

    def statement(self) -> Statement | None:
        """Read one statement; None where it is broken, with the fault recorded."""
        first = self.at
        if self.tokens[first].kind is not TokenKind.WORD:
            self.fault(self.tokens[first], "a statement")
            self.skip()
            return None
        while True:
            token = self.tokens[self.at]
            words = tuple(self.tokens[first : self.at])
            if token.kind is TokenKind.END or token.is_punct("}"):
                self.fault(token, f"';' after {words[-1]}")
                return None
            self.at += 1
            if token.is_punct(";"):
                self.check_end(words)
                return Statement(words)
            if token.is_punct("{") and not self.in_record(words):
                self.check_end(words)
                return Statement(words, self.nested(token))
            if token.is_punct("{"):
                self.record()
            elif _is_label(words, token):
                return Statement((*words, token))

    def check_end(self, words: tuple[Token, ...]) -> None:
        """Report a statement that swallowed the next one, for want of a semicolon."""
        for before, token in pairwise(words):
            opens = token.kind is TokenKind.WORD and token.text.lower() in _OPENERS and token.line > before.line
            if opens and not _goes_on(before):
                self.fault(token, f"';' after {before}")

    def nested(self, opened: Token) -> tuple[Statement, ...]:
        """Read the block behind ``opened``; too deep a one is a fault and ends the reading."""
        if self.depth >= MAX_DEPTH:
            self.fault(opened, f"at most {MAX_DEPTH} blocks within each other")
            self.at = len(self.tokens) - 1
            return ()
        self.depth += 1
        body = self.block(opened)
        self.depth -= 1
        return body

    @staticmethod
    def in_record(words: tuple[Token, ...]) -> bool:
        """Tell whether a brace after ``words`` opens a record type: ``= { integer 8, text }``, ``array of {``."""
        return words[-1].is_punct("=") or words[-1].text.lower() == "of"

    def record(self) -> None:
        """Pass over a record type, which has no statements."""
        while not (token := self.tokens[self.at]).is_punct("}"):
            if token.kind is TokenKind.END or token.is_punct(";"):
                self.fault(token, "'}' at the end of the record type")
                return
            self.at += 1
        self.at += 1

    def skip(self) -> None:
        """Pass over a broken statement, up to its semicolon or to the brace that closes the block around it."""
        while (token := self.tokens[self.at]).kind is not TokenKind.END:
            if token.is_punct("}"):
                return
            self.at += 1
            if token.is_punct(";"):
                return

    def fault(self, token: Token, expected: str) -> None:
        if not (
            token.kind is TokenKind.END and self.faults
        ):  # what is missing at the end follows from an earlier fault
            self.faults.append(Fault(self.file, token.line, "", str(token), expected))


def _goes_on(token: Token) -> bool:
    """Tell whether an expression or a list cannot end at ``token``."""
    return (token.kind is TokenKind.PUNCT and token.text != ")") or token.text.lower() in _OPERATORS


def _is_label(words: tuple[Token, ...], token: Token) -> bool:
    """Tell whether ``token`` ends a label of a switch: ``case 1:``, ``default:``; those have no semicolon."""
    if token.kind is not TokenKind.WORD or not token.text.endswith(":"):
        return False
    return words[0].text.lower() == "case" if words else token.text.lower() == "default:"
