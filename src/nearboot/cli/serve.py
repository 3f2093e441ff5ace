"""``nearboot serve``: the daemons. They end in order at SIGTERM or SIGINT."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from nearboot.app.daemon import set_up_log
from nearboot.cli.latency_options import reading_of, reading_options, sources_of
from nearboot.cli.limits import limit_options, limited
from nearboot.cli.shell import config_of
from nearboot.config import HttpConfig, TftpConfig

Part = TypeVar("Part", TftpConfig, HttpConfig)

log_option = click.option(
    "--log-format", type=click.Choice(["text", "json"]), help="Lines of the log: text or json (default: log_format)."
)
metrics_option = click.option(
    "--metrics-listen",
    metavar="HOST:PORT",
    help="Address of /metrics and /healthz; port 0 takes a free one, '' none (default: the setting).",
)
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Log every detail.")
me_option = click.option("--boot-server", "me", help="Which boot server this is (default: found by the address asked).")
root_option = click.option(
    "--root", type=click.Path(path_type=Path), help="Folder of the static files (default: boot_root)."
)
host_option = click.option("--host", help="Address to listen on.")
port_option = click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")


@click.group()
def command() -> None:
    """Run a daemon: TFTP, HTTP, the follower of Kea's leases, the reader of latency maps, the health prober."""


@command.command(short_help="Serve boot files and configurations over TFTP.")
@me_option
@root_option
@host_option
@port_option
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that serve the port (default: tftp.workers).")
@click.option("--user", metavar="NAME[:GROUP]", help="User to give root up for (default: tftp.user).")
@click.option("--single-port", is_flag=True, default=None, help="Send all from the server's port (tftp.single_port).")
@metrics_option
@log_option
@limit_options
@verbose_option
@click.pass_context
def tftp(
    ctx: click.Context,
    /,
    *,
    me: str | None,
    root: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    user: str | None,
    single_port: bool | None,
    metrics_listen: str | None,
    log_format: str | None,
    verbose: bool,
    **limits: Any,
) -> int:
    """Serve boot files and per-host configurations over TFTP (RFC 1350, 2347-2349, 7440)."""
    from nearboot.app import tftp as daemon  # noqa: PLC0415 - each daemon loads only what it needs

    config = config_of(ctx)
    set_up_log(verbose, log_format or config.log_format)
    listen = _said(
        limited(config.tftp, limits),
        host=host,
        port=port,
        workers=workers,
        user=user,
        single_port=single_port,
        metrics_listen=metrics_listen,
    )
    return daemon.serve(replace(config, tftp=listen), me=me, root=root or config.root)


@command.command(short_help="Serve boot files and configurations over HTTP.")
@me_option
@root_option
@host_option
@port_option
@metrics_option
@log_option
@verbose_option
@click.pass_context
def http(
    ctx: click.Context,
    *,
    me: str | None,
    root: Path | None,
    host: str | None,
    port: int | None,
    metrics_listen: str | None,
    log_format: str | None,
    verbose: bool,
) -> None:
    """Serve boot files and per-host configurations over HTTP, and take the call-backs of installers."""
    from nearboot.app import http as daemon  # noqa: PLC0415 - each daemon loads only what it needs

    config = config_of(ctx)
    set_up_log(verbose, log_format or config.log_format)
    listen = _said(config.http, host=host, port=port, metrics_listen=metrics_listen)
    daemon.serve(replace(config, http=listen), me=me, root=root or config.root)


@command.command(short_help="Follow Kea's lease files: leases become events.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@log_option
@verbose_option
@click.pass_context
def leases(ctx: click.Context, files: tuple[Path, ...], *, log_format: str | None, verbose: bool) -> None:
    """Follow Kea's lease FILES (default: those of the generated configuration); each assignment becomes an event."""
    from nearboot.app import kea  # noqa: PLC0415 - each daemon loads only what it needs
    from nearboot.app import leases as daemon  # noqa: PLC0415

    config = config_of(ctx)
    set_up_log(verbose, log_format or config.log_format)
    how = kea.settings(config)
    daemon.serve(config, files or (Path(how.lease_file4), Path(how.lease_file6)))


@command.command(short_help="Read latency maps again and again from where they are published.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--every", type=click.FloatRange(0.1), metavar="S", default=60.0, show_default=True, help="Seconds between."
)
@reading_options
@log_option
@verbose_option
@click.pass_context
def latency(
    ctx: click.Context, /, *, sources: tuple[str, ...], every: float, log_format: str | None, verbose: bool, **said: Any
) -> None:
    """Read latency maps from each SOURCE (a file, a folder or a URL; NAME=... says what its maps are called).

    Every few seconds (--every) what is new is loaded as 'latency load' does it: of a folder the newest file of each
    kind, of a URL what has changed. A map that is refused or held, and a source that does not answer, is a line of the
    log; the last good map stays in use.
    """
    from nearboot.app import latency_poll as daemon  # noqa: PLC0415 - each daemon loads only what it needs

    config = config_of(ctx)
    set_up_log(verbose, log_format or config.log_format)
    daemon.serve(config, sources_of(sources), reading_of(said), every_s=every)


@command.command(short_help="Read a small file from each boot server again and again: are they healthy?")
@click.option("--every", type=click.FloatRange(0.1), metavar="S", help="Seconds between (default: health.interval_s).")
@click.option("--vantage", default=socket.gethostname, help="Where this prober runs (default: this host's name).")
@log_option
@verbose_option
@click.pass_context
def health(ctx: click.Context, *, every: float | None, vantage: str, log_format: str | None, verbose: bool) -> None:
    """Read a small known file from each boot server over TFTP, and HTTP where it has that, every few seconds.

    Some bad reads in a row (health.fall) make it down for this vantage, some good ones (health.rise) up again. Run it
    at three places or more, each with its own --vantage: the majority decides, without those that see most of the
    boot servers down.
    """
    from nearboot.app import health as daemon  # noqa: PLC0415 - each daemon loads only what it needs

    config = config_of(ctx)
    set_up_log(verbose, log_format or config.log_format)
    daemon.serve(config, vantage=vantage, every_s=every or config.health.interval_s)


def _said(part: Part, **said: object) -> Part:
    """A server's part of the configuration with what the flags say."""
    return replace(part, **{name: value for name, value in said.items() if value is not None})  # type: ignore[arg-type]  # each of its field's type
