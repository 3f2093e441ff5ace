"""Signed latency maps: what is not proved is not stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nearboot.app import latency, latency_history
from nearboot.app.latency_document import read_document, sign_file, verified
from nearboot.config import Config
from nearboot.errors import ConfigError, InputError

ROWS = "src,dst,rtt_ms\nhere,there,9\nthere,here,9\n"


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture
def signed(fleet: Config, tmp_path: Path) -> Config:
    """The fleet, where maps must be signed."""
    (tmp_path / "key").write_text("0123456789abcdef\n")
    return replace(fleet, latency=replace(fleet.latency, signing_key=f"file:{tmp_path}/key", require_signature=True))


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    path = tmp_path / "wan.csv"
    path.write_text(ROWS)
    return path


def _load(config: Config, file: Path, now: datetime, source: str | None = None) -> latency.Loaded:
    return latency.load(config, str(file), latency.Reading(source), dry_run=False, actor="ada", now=now)


def test_a_signed_map_is_loaded_as_its_signers(signed: Config, map_file: Path, now: datetime) -> None:
    """Whatever the file is called; the history knows when it was signed."""
    assert sign_file(signed, str(map_file), source="probes", valid_s=60, now=now) == Path(f"{map_file}.sig")
    assert _load(signed, map_file, now).summary.source == "probes"
    assert latency_history.history(signed, "probes")[0].signed_at == now
    with pytest.raises(InputError, match="a signature of 'probes', but --source other"):
        _load(signed, map_file, now, "other")


def test_an_unsigned_map_is_refused_where_signatures_are_required(
    signed: Config, map_file: Path, now: datetime
) -> None:
    """And taken where they are not."""
    with pytest.raises(InputError, match=r"signature: found no signature: .*wan\.csv\.sig is not there"):
        _load(signed, map_file, now)
    assert [record.source for record in latency_history.history(signed)] == ["pairs"]
    optional = replace(signed, latency=replace(signed.latency, require_signature=False))
    assert _load(optional, map_file, now).epoch == 1


def test_a_wrong_signature_is_refused_even_where_none_is_required(
    signed: Config, map_file: Path, now: datetime
) -> None:
    """A map that was changed on its way is not a map without a signature."""
    sign_file(signed, str(map_file), source="probes", valid_s=60, now=now)
    map_file.write_text(ROWS.replace("9", "8"))
    optional = replace(signed, latency=replace(signed.latency, require_signature=False))
    for config in (signed, optional):
        with pytest.raises(InputError, match="the file is not the one that was signed"):
            _load(config, map_file, now)


def test_a_map_signed_before_the_one_in_use_is_refused(signed: Config, map_file: Path, now: datetime) -> None:
    """Somebody who can only replay gains nothing."""
    sign_file(signed, str(map_file), source="probes", valid_s=86_400, now=now - timedelta(hours=1))
    old = read_document(str(map_file))
    sign_file(signed, str(map_file), source="probes", valid_s=86_400, now=now)
    _load(signed, map_file, now)
    with pytest.raises(InputError, match="signed-before-last: found signed at 2026-01-02 02:04:05 UTC, not after"):
        latency.ingest(signed, old, latency.Reading(), dry_run=False, actor="ada", now=now)


def test_a_signed_map_that_was_taken_back_does_not_come_back(signed: Config, map_file: Path, now: datetime) -> None:
    """The same file is loaded twice without harm; after a rollback it is the one that nobody wants."""
    for at in (now - timedelta(hours=1), now):
        sign_file(signed, str(map_file), source="probes", valid_s=86_400, now=at)
        _load(signed, map_file, now)
    assert _load(signed, map_file, now).epoch == 3
    decided = {"source": "probes", "reason": "", "actor": "ada", "now": now}
    latency_history.rollback(signed, 1, **decided)  # type: ignore[arg-type]  # a table of keywords
    with pytest.raises(InputError, match=r"not after the newest signed map \(epoch 3, rolled-back"):
        _load(signed, map_file, now)


def test_without_a_key_signatures_say_nothing(fleet: Config, map_file: Path, now: datetime) -> None:
    """They are not looked at; they cannot be required then, nor made."""
    Path(f"{map_file}.sig").write_text("nonsense")
    assert verified(read_document(str(map_file)), fleet, now=now) is None
    required = replace(fleet, latency=replace(fleet.latency, require_signature=True))
    with pytest.raises(ConfigError, match=r"require_signature needs latency\.signing_key"):
        _load(required, map_file, now)
    with pytest.raises(ConfigError, match=r"signing needs latency\.signing_key"):
        sign_file(fleet, str(map_file), source="probes", valid_s=60, now=now)


def test_a_short_key_is_a_fault_of_the_configuration(
    signed: Config, map_file: Path, tmp_path: Path, now: datetime
) -> None:
    (tmp_path / "key").write_text("secret\n")
    with pytest.raises(ConfigError, match="6 bytes; at least 16"):
        sign_file(signed, str(map_file), source="probes", valid_s=60, now=now)
