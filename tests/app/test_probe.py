"""``nearboot probe serve``: ready, answers on its terms, tells its counters, ends in order."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import httpx
import pytest
from probe_program import program

from nearboot.app.probe import keys_of, terms_of
from nearboot.config import ProbeConfig
from nearboot.errors import ConfigError
from nearboot.probe.ping_packet import Key, PlainProbe, SignedProbe, encode_plain, encode_signed, parse

SECRET = "0123456789abcdef"


def test_a_responder_answers_and_tells_its_counters(tmp_path: Path) -> None:
    """A signed probe is answered, a plain one not; the log has both; SIGTERM is exit code 0."""
    words = ["serve", "--host", "127.0.0.1", "--port", 0, "--key", "env:PROBE_KEY"]
    key = Key.of(SECRET.encode())
    with program(tmp_path / "log", *words, PROBE_KEY=SECRET) as running:
        assert "answers signed probes" in running.ready
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.connect(("127.0.0.1", running.port))
            sock.send(encode_plain(PlainProbe(1, 2)))
            sock.send(encode_signed(SignedProbe(1, 2, time.time_ns()), key))
            answer = parse(sock.recv(100), (key,))
        assert isinstance(answer, SignedProbe) and answer.is_reply
        assert running.end() == 0
    assert "probes answered=1 unsigned=1" in (tmp_path / "log").read_text()


def test_the_counters_are_metrics_too(tmp_path: Path) -> None:
    """For Prometheus, at the address that the ready line names."""
    with program(tmp_path / "log", "serve", "--port", 0, "--metrics-listen", "127.0.0.1:0") as running:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            for datagram in (b"noise", encode_plain(PlainProbe(1, 2))):
                sock.sendto(datagram, ("127.0.0.1", running.port))
            sock.recv(100)
        text = httpx.get(running.ready.split("metrics=")[1].split()[0]).text
    assert "nearboot_probe_answered_total 1.0" in text
    assert 'nearboot_probe_unanswered_total{reason="malformed"} 1.0' in text


def test_without_a_key_that_is_told(tmp_path: Path) -> None:
    """It works, as UdpPinger's responder, and says that nothing is authenticated."""
    with program(tmp_path / "log", "serve", "--host", "127.0.0.1", "--port", 0) as running:
        assert "answers plain probes" in running.ready
    assert "WARNING nearboot.app.probe probes are not authenticated" in (tmp_path / "log").read_text()


def test_terms_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys by reference, prefixes as values."""
    monkeypatch.setenv("PROBE_KEY", SECRET)
    terms = terms_of(ProbeConfig(keys=("env:PROBE_KEY",), plain=True, allow=("10.0.0.0/8",), answers_per_second=3))
    assert terms.keys == (Key.of(SECRET.encode()),)
    assert (terms.takes_plain, str(terms.allowed[0]), terms.answers_per_second) == (True, "10.0.0.0/8", 3)


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        pytest.param(ProbeConfig(allow=("10.0.0.1/8",)), "probe.allow", id="no prefix"),
        pytest.param(ProbeConfig(keys=("env:SHORT",)), "probe.keys: env:SHORT: a key of 5 bytes", id="a short key"),
        pytest.param(ProbeConfig(keys=("SHORT",)), "where a secret is", id="no reference"),
    ],
)
def test_settings_that_cannot_be_are_told(probe: ProbeConfig, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is answered."""
    monkeypatch.setenv("SHORT", "short")
    with pytest.raises(ConfigError, match=message):
        terms_of(probe)


def test_no_keys_are_no_keys() -> None:
    """The default."""
    assert keys_of(ProbeConfig()) == ()
