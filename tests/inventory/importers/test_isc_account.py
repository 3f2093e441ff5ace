"""The account: what was used, what was dropped, what is left."""

from __future__ import annotations

from nearboot.inventory.finding import Severity
from nearboot.inventory.importers.isc_account import Account
from nearboot.inventory.importers.isc_config import read_config
from nearboot.inventory.importers.isc_syntax import parse

DECLARED = read_config(parse("option a.b 1;\nfilename x;\nauthoritative;\nauthoritative;", "f"))


def test_what_nobody_used_is_reported_with_count_and_first_place() -> None:
    """One finding a kind of statement; its count says how often it stands there."""
    account = Account()
    assert account.use(DECLARED.top["filename"]) == "x"
    account.close(DECLARED)
    assert [(f.subject, f.line, f.count, f.severity) for f in account.findings] == [
        ("authoritative", 3, 2, Severity.INFO),
        ("option a.b", 1, 1, Severity.INFO),
    ]


def test_a_statement_that_dhcpd_does_not_know_is_a_warning_with_the_nearest_word() -> None:
    """A typo such as ``fixed-adress`` costs a host its address: nobody should have to look for it among the rest."""
    account = Account()
    account.close(read_config(parse("host a {\n fixed-adress 10.0.0.1; }\nblah;", "f")))
    assert [(f.severity, f.code, f.line, f.hint) for f in account.findings] == [
        (Severity.WARNING, "statement-unknown", 2, "did you mean 'fixed-address'?"),
        (Severity.WARNING, "statement-unknown", 3, "dhcpd would refuse it"),
    ]


def test_what_is_dropped_is_counted_by_reason_and_is_an_error() -> None:
    """The counts of an import add up only if each dropped thing has its reason."""
    account = Account()
    account.drop("host", "no-location", "host a has no location", at=DECLARED.unused[0].statement, subject="a")
    assert account.not_imported == {"host:no-location": 1}
    assert str(account.findings[0]) == "error f:3: host a has no location; not imported [no-location]"


def test_a_setting_that_is_not_there_is_empty() -> None:
    """Callers ask for settings without looking first."""
    assert Account().use(None) == ""
