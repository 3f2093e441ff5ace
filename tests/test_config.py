"""The configuration: defaults, every fault at once with its line."""

from __future__ import annotations

import pytest

from nearboot.config import Config, parse, settings
from nearboot.errors import InputError


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
    assert [str(fault) for fault in caught.value.faults] == [
        "n.yaml:2: tftp.prot: found an unknown setting; expected 'port'?",
        "n.yaml:3: tftp.host: found a sequence; expected a text",
        "n.yaml:4: http: found a scalar; expected a mapping with some of: host, port",
        "n.yaml:5: routing.rto_ms: found 'soon'; expected a number",
        "n.yaml:6: kea.option67: found 'yes'; expected true or false",
    ]


def test_broken_yaml_is_a_fault_with_its_line() -> None:
    """The YAML parser's own complaint keeps its place."""
    with pytest.raises(InputError) as caught:
        parse("tftp: {port: 69\nhttp:\n", "n.yaml", Config())
    assert caught.value.faults[0].line > 0


def test_every_setting_is_documented() -> None:
    """The manual is made from these sentences."""
    assert all(text.endswith(".") for _, text in settings(Config()).values())
