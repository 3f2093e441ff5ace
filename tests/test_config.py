"""The configuration: defaults, every fault at once with its line."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from nearboot.config import Config, KeaConfig, TftpConfig, parse, settings
from nearboot.errors import InputError
from nearboot.kea.settings import SocketType, UnknownClients


def test_no_settings_give_the_defaults() -> None:
    """An empty file is a valid configuration."""
    assert parse("", "nearboot.yaml", Config()) == Config()


def test_settings_replace_defaults_one_by_one() -> None:
    """A file says only what differs."""
    config = parse(
        "state_dir: /srv/nb\ntftp: {port: 6969}\nkea: {interfaces4: [eth0, eth1], option67: true}\n", "n.yaml", Config()
    )
    assert (config.tftp.port, config.tftp.host) == (6969, "::")
    assert config.kea.interfaces4 == ("eth0", "eth1")
    assert config.kea.option67
    assert config.database == "sqlite:////srv/nb/nearboot.db"
    assert str(config.root) == "/srv/nb/boot"


def test_every_fault_is_reported_with_its_line() -> None:
    """Unknown settings get a suggestion; wrong types say what was expected."""
    with pytest.raises(InputError) as caught:
        parse(
            "tftp:\n  prot: 69\n  host: [a]\nhttp: 80\nrouting: {rto_ms: soon}\nkea: {option67: yes}\n",
            "n.yaml",
            Config(),
        )
    known = ", ".join(TftpConfig.__slots__)
    assert [str(fault) for fault in caught.value.faults] == [
        f"n.yaml:2: tftp.prot: found an unknown setting; expected one of: {known}; did you mean 'port'?",
        "n.yaml:3: tftp.host: found a sequence; expected a text",
        "n.yaml:4: http: found a scalar; expected a mapping with some of: host, port, metrics_listen",
        "n.yaml:5: routing.rto_ms: found 'soon'; expected a number",
        "n.yaml:6: kea.option67: found 'yes'; expected true or false",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("tftp: {port: 99999}", "tftp.port: found 99999; expected at least 0, at most 65535", id="port"),
        pytest.param("tftp: {max_blksize: -5}", "found -5; expected at least 8, at most 65464", id="blksize"),
        pytest.param("health: {attempts: 0}", "health.attempts: found 0; expected at least 1", id="attempts"),
        pytest.param("routing: {rto_ms: nan}", "routing.rto_ms: found nan; expected at least 0", id="not-a-number"),
        pytest.param("health: {timeout_s: inf}", "found inf; expected at least 0.001", id="infinite"),
    ],
)
def test_numbers_have_limits(text: str, fault: str) -> None:
    """A port of 99999 would become another one without a word."""
    with pytest.raises(InputError) as caught:
        parse(text, "n.yaml", Config())
    assert fault in str(caught.value)


def test_the_defaults_are_within_their_limits() -> None:
    """Writing down what ``config show`` says changes nothing."""
    sections = ("tftp", "cache", "http", "routing", "health")
    numbers = {name: value for name, (value, _) in settings(Config()).items() if name.startswith(sections)}
    for name, value in numbers.items():
        section, key = name.split(".")
        assert parse(f"{section}: {{{key}: {json.dumps(value)}}}", "n.yaml", Config()) == Config()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            "kea:\n  unknown_clients: no",
            "n.yaml:2: kea.unknown_clients: found 'no'; expected one of: pool, ignore",
            id="unknown clients",
        ),
        pytest.param(
            "kea: {socket_type: tcp}", "n.yaml:1: kea.socket_type: found 'tcp'; expected one of: raw, udp", id="socket"
        ),
        pytest.param(
            "kea: {log_severity: info}",
            "found 'info'; expected one of: DEBUG, INFO, WARN, ERROR, FATAL, NONE",
            id="severity",
        ),
    ],
)
def test_choices_are_checked_with_their_line(text: str, fault: str) -> None:
    """Not when Kea's files are generated, nor when Kea reads them."""
    with pytest.raises(InputError) as caught:
        parse(text, "n.yaml", Config())
    assert fault in str(caught.value)


def test_the_choices_are_those_of_kea() -> None:
    """One list here, one where they are used."""
    choices = {item.name: item.metadata["choices"] for item in fields(KeaConfig)}
    assert choices["socket_type"] == tuple(choice.value for choice in SocketType)
    assert choices["unknown_clients"] == tuple(choice.value for choice in UnknownClients)


def test_tabs_are_named() -> None:
    """As in the inventory: the parser's own words help nobody."""
    with pytest.raises(
        InputError, match=r"^n\.yaml:2: found a tab; expected spaces, because YAML does not indent with"
    ):
        parse("tftp:\n\tport: 69\n", "n.yaml", Config())


def test_broken_yaml_is_a_fault_with_its_line() -> None:
    """The YAML parser's own complaint keeps its place."""
    with pytest.raises(InputError) as caught:
        parse("tftp: {port: 69\nhttp:\n", "n.yaml", Config())
    assert caught.value.faults[0].line > 0
    with pytest.raises(InputError, match="special characters are not allowed"):
        parse("tftp: \x07", "n.yaml", Config())


def test_every_setting_is_documented() -> None:
    """The manual is made from these sentences."""
    assert all(text.endswith(".") for _, text in settings(Config()).values())
