"""``nearboot probe``: latency probes between the boot servers' places."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nearboot.app.daemon import set_up_log
from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import config_of, now
from nearboot.config import Config

if TYPE_CHECKING:
    from nearboot.probe.ping_report import Summary

FAMILIES = {"4": (4,), "6": (6,), "any": (4, 6)}

port_option = click.option(
    "--port", type=click.IntRange(0, 65535), help="UDP port of responders (default: probe.port)."
)
key_option = click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="REFERENCE",
    help="Shared key, as env:NAME or file:/PATH; may be repeated, the first one signs (default: probe.keys).",
)
log_option = click.option(
    "--log-format", type=click.Choice(["text", "json"]), help="Lines of the log: text or json (default: log_format)."
)
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Log every detail.")


@click.group()
def command() -> None:
    """Measure latencies: responders beside the boot servers, and pingers that publish maps."""


@command.command(short_help="Answer latency probes.")
@click.option("--host", help="Address to listen on (default: probe.host).")
@port_option
@key_option
@click.option("--plain", is_flag=True, default=None, help="With keys: answer UdpPinger's unsigned probes too.")
@click.option("--allow", multiple=True, metavar="PREFIX", help="Answer pingers of this prefix only; may be repeated.")
@click.option(
    "--metrics-listen",
    metavar="HOST:PORT",
    help="Address of /metrics and /healthz; port 0 takes a free one, '' none (default: probe.metrics_listen).",
)
@click.option("--answers-per-second", type=click.FloatRange(0), metavar="N", help="Replies to each address; 0: any.")
@log_option
@verbose_option
@click.pass_context
def serve(ctx: click.Context, /, *, log_format: str | None, verbose: bool, **said: object) -> None:
    """Answer latency probes: UdpPinger's, or with a key signed ones alone.

    A reply is as long as its request and goes out once; replies are never answered. SIGTERM ends it.
    """
    from nearboot.app import probe  # noqa: PLC0415 - each daemon loads only what it needs

    config = _with(config_of(ctx), said)
    set_up_log(verbose, log_format or config.log_format)
    probe.serve(config)


@command.command(short_help="Probe the boot servers' places, and publish a latency map.")
@click.argument("names", nargs=-1)
@click.option("--location", help="Place that the probes are sent from.")
@click.option("--boot-server", "me", help="Boot server that the probes are sent from, in place of --location.")
@click.option(
    "--targets",
    "file",
    type=click.Path(path_type=Path),
    help="File of targets, PLACE ADDRESS [PORT] a line, in place of the inventory's boot servers.",
)
@click.option("--family", type=click.Choice(list(FAMILIES)), default="any", show_default=True, help="Of addresses.")
@click.option(
    "--publish",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Write the map there after each round: a folder (as SOURCE.csv), a file, or - for stdout.",
)
@click.option("--load", is_flag=True, help="Load the map into the database after each round.")
@click.option("--source", help="Who publishes the map (default: probe-PLACE).")
@click.option("--once", is_flag=True, help="One round at once, and show what was measured.")
@port_option
@key_option
@click.option("--interval", "interval_s", type=click.FloatRange(0.1), help="Seconds a round (default: 60).")
@click.option("--probes", type=click.IntRange(1), help="Probes to each target in a round (default: 20).")
@click.option("--timeout", "timeout_s", type=click.FloatRange(0.001, 60), help="Seconds until a reply is lost.")
@click.option("--rate", "probes_per_second", type=click.FloatRange(0.01), help="Most probes a second (default: 500).")
@click.option("--source-port", type=click.IntRange(0, 65535), help="First source port; 0: any that are free.")
@click.option("--source-ports", type=click.IntRange(1, 256), help="Source ports that are used in turn (default: 32).")
@output_option
@log_option
@verbose_option
@click.pass_context
def run(
    ctx: click.Context,
    /,
    *,
    names: tuple[str, ...],
    location: str | None,
    me: str | None,
    file: Path | None,
    family: str,
    publish: Path | None,
    load: bool,
    source: str | None,
    once: bool,
    output: str,
    log_format: str | None,
    verbose: bool,
    **said: object,
) -> int:
    """Probe boot servers from one place, and publish what was measured as a latency map.

    NAMES are boot servers or places (default: all that stand elsewhere). Each round sends probes from many source ports
    in turn. Without --once it goes on until SIGTERM, and reads the targets anew for each round.
    """
    from nearboot.app import ping  # noqa: PLC0415 - each daemon loads only what it needs

    config = _with(config_of(ctx), said)
    set_up_log(verbose, log_format or config.log_format)
    how = ping.Pinging(location, me, names, file, FAMILIES[family], publish, source, load)
    if not once:
        ping.ping(config, how, now)
        return 0
    done = ping.ping_once(config, how, now)
    to_stdout = publish == ping.STDOUT
    if not to_stdout:
        emit([_row(item, as_text=output == "table") for item in done.summaries], output)
    if done.trouble:
        click.echo(f"nothing is published: {done.trouble}", err=True)
        return 1
    if done.loaded:
        state = done.loaded.state.value
        click.echo(f"epoch {done.loaded.epoch} of {done.loaded.summary.source} is {state}", err=True)
        for reason in done.loaded.held:
            click.echo(f"held: {reason.text} (nearboot latency accept or reject)", err=True)
        return 1 if done.loaded.held else 0  # as latency load
    return 0


def _row(item: Summary, *, as_text: bool) -> dict[str, object]:
    target = item.target
    loss = f"{item.loss:.1%}" if as_text else item.loss
    return {
        "place": target.location,
        "target": target.name,
        "address": target.host,
        "rtt ms": item.rtt_ms,
        "min ms": item.min_ms,
        "p95 ms": item.p95_ms,
        "jitter ms": item.jitter_ms,
        "loss": loss if item.sent else None,
        "sent": item.sent,
        "received": item.received,
        "problem": item.problem,
    }


def _with(config: Config, said: dict[str, object]) -> Config:
    """The configuration with what the flags say; those that were not given say nothing."""
    given = {name: value for name, value in said.items() if value not in (None, ())}
    return replace(config, probe=replace(config.probe, **given))  # type: ignore[arg-type]  # each of its field's type
