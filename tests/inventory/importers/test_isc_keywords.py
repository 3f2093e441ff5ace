"""The table of dhcpd's words."""

from __future__ import annotations

from nearboot.inventory.importers.isc_keywords import KEYWORDS


def test_words_are_as_the_parser_gives_them() -> None:
    """Statements give their keyword in lower case, so the table has no other."""
    assert all(word == word.lower() and word.isascii() and " " not in word for word in KEYWORDS)


def test_what_the_importer_reads_is_in_the_table() -> None:
    """Otherwise a misplaced one would be called a typo."""
    read = {"host", "subnet", "subnet6", "group", "shared-network", "pool", "pool6", "range", "range6", "include"}
    read |= {"hardware", "fixed-address", "fixed-address6", "host-identifier", "option", "filename", "next-server"}
    assert read | {"server-name"} <= KEYWORDS
