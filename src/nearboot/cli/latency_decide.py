"""What a person decides of latency maps: accept, reject, roll back, sign; and what there is to decide of."""

from __future__ import annotations

from collections.abc import Sequence

import click

from nearboot.app import latency_document, latency_history
from nearboot.cli.output import emit, emit_document, output_option
from nearboot.cli.shell import actor, config_of, now
from nearboot.config import Config
from nearboot.latency.guard_blast import Move
from nearboot.model import MapRecord, MapState

MAX_SHOWN = 20  # quarantined rows and moves shown one by one; --all shows every one

source_option = click.option("--source", help="Whose map, where several sources have one of that epoch.")


@click.command(short_help="Use a map that is held.")
@click.argument("epoch", type=int)
@source_option
@click.option("--reason", required=True, help="Why it may be used; kept in the history and the audit log.")
@click.pass_context
def accept(ctx: click.Context, *, epoch: int, source: str | None, reason: str) -> None:
    """Use the held map of EPOCH, whatever the guards said, and show which places get another boot server."""
    done = latency_history.accept(config_of(ctx), epoch, source=source, reason=reason, actor=actor(), now=now())
    _say(done, f"accepted: epoch {epoch} of {done.record.source} is in use")


@click.command(short_help="Drop a map that is held.")
@click.argument("epoch", type=int)
@source_option
@click.option("--reason", default="", help="Why not; kept in the history and the audit log.")
@click.pass_context
def reject(ctx: click.Context, *, epoch: int, source: str | None, reason: str) -> None:
    """Refuse the held map of EPOCH for good: it stays in the history, and is never used."""
    done = latency_history.reject(config_of(ctx), epoch, source=source, reason=reason, actor=actor(), now=now())
    click.echo(f"refused: epoch {epoch} of {done.record.source}")


@click.command(short_help="Use an earlier map again.")
@click.argument("epoch", type=int, required=False)
@source_option
@click.option("--reason", default="", help="Why; kept in the history and the audit log.")
@click.pass_context
def rollback(ctx: click.Context, *, epoch: int | None, source: str | None, reason: str) -> None:
    """Use the map of EPOCH again (default: the one before that in use), until a newer one is loaded.

    A map that was taken back can be used again in the same way.
    """
    done = latency_history.rollback(config_of(ctx), epoch, source=source, reason=reason, actor=actor(), now=now())
    _say(done, f"rolled back: epoch {done.record.epoch} of {done.record.source} is in use")


@click.command(short_help="Show what became of each map.")
@click.argument("source", required=False)
@output_option
@click.pass_context
def history(ctx: click.Context, *, source: str | None, output: str) -> None:
    """Show what became of each map that is kept, of all sources or one, the newest first.

    States: accepted, held (waits for a decision), refused, rolled-back, superseded (held, and a newer one accepted).
    JSON and YAML have the guards' reasons with their numbers.
    """
    records = latency_history.history(config_of(ctx), source)
    if output == "table":
        emit([_line(record) for record in records], output, empty="no latency map yet: nearboot latency load FILE")
    else:
        emit_document(records, output)


@click.command(short_help="Show the rows and names that are not used.")
@click.argument("source", required=False)
@output_option
@click.pass_context
def quarantine(ctx: click.Context, *, source: str | None, output: str) -> None:
    """Show the rows and unknown names of the maps in use and of those held that are not used, and why."""
    rows = [
        {
            "source": each.source,
            "epoch": each.epoch,
            "state": each.state,
            "file": each.row.file,
            "line": each.row.line or None,
            "text": each.row.text,
            "reason": each.row.reason,
        }
        for each in latency_history.quarantine(config_of(ctx), source, now())
    ]
    emit(rows, output, empty="nothing is in quarantine")


@click.command(short_help="Sign a latency file.")
@click.argument("file")
@click.option("--source", required=True, help="Who publishes the map.")
@click.option("--valid-s", default=86400.0, show_default=True, help="How long the signature is good for, in seconds.")
@click.pass_context
def sign(ctx: click.Context, *, file: str, source: str, valid_s: float) -> None:
    """Write the signature of FILE beside it, as FILE.sig, by the key that latency.signing_key refers to."""
    beside = latency_document.sign_file(config_of(ctx), file, source=source, valid_s=valid_s, now=now())
    click.echo(f"signed: {beside}")


VERBS = (accept, reject, rollback, history, quarantine, sign)


def waiting(config: Config) -> list[str]:
    """One line for each map that is held, with the first reason."""
    held = [record for record in latency_history.history(config) if record.state is MapState.HELD]
    return [
        f"HELD: epoch {each.epoch} of {each.source} waits for latency accept or reject: "
        + "; ".join(reason.text for reason in each.reasons[:1])
        for each in held
    ]


def say_moves(moves: Sequence[Move], *, show_all: bool) -> None:
    """One line for each location that gets another boot server, with the costs."""
    shown = moves if show_all else moves[:MAX_SHOWN]
    for move in shown:
        before, after = _named(move.before, move.before_ms), _named(move.after, move.after_ms)
        click.echo(f"move: {move.location} IPv{move.family}: {before} -> {after}")
    if len(shown) < len(moves):
        click.echo(f"move: {len(moves) - len(shown)} more (--all lists every one)")


def _say(done: latency_history.Decided, text: str) -> None:
    click.echo(text)
    say_moves(done.moves, show_all=True)
    click.echo("Kea is told by the next: nearboot kea generate" if done.moves else "no place moves")


def _named(boot_server: str | None, cost_ms: float | None) -> str:
    if boot_server is None:
        return "none"
    return f"{boot_server} ({cost_ms:.1f} ms)" if cost_ms is not None else boot_server


def _line(record: MapRecord) -> dict[str, object]:
    why = record.decision or "; ".join(reason.code for reason in record.reasons)
    return {
        "source": record.source,
        "epoch": record.epoch,
        "state": record.state.value + (", in use" if record.in_use else ""),
        "loaded_at": record.loaded_at,
        "by": record.actor,
        "samples": record.samples,
        "refused": record.refused,
        "signed": record.signed_at is not None,
        "decided_by": record.decided_by,
        "why": why,
    }
