"""``nearboot cache``: the files of origins that this boot server holds."""

from __future__ import annotations

import click

from nearboot.app import cache
from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import config_of

EXIT_WRONG = 1


@click.group()
def command() -> None:
    """Show, check and remove what is cached of the origins' files on this machine."""


@command.command("list", short_help="List the cached files.")
@output_option
@click.pass_context
def list_(ctx: click.Context, output: str) -> None:
    """List the cached files: size, origin, when an origin last confirmed it, when it was last used."""
    rows = [
        {
            "path": file.path,
            "bytes": file.size,
            "origin": file.origin,
            "confirmed": file.validated_at,
            "used": file.used_at,
            "sha256": file.sha256 if output != "table" else file.sha256[:12],
        }
        for file in cache.stored(config_of(ctx))
    ]
    emit(rows, output, empty="nothing is cached")


@command.command(short_help="Check the cached files against their checksums.")
@click.pass_context
def verify(ctx: click.Context) -> int:
    """Read every cached file and compare its SHA-256; exit code 1 if one is not what was fetched.

    A running server finds that out by itself before it serves such a file, and fetches it anew.
    """

    def show(path: str, is_whole: bool) -> None:
        click.echo(f"{'ok' if is_whole else 'corrupt':8}{path}")

    return EXIT_WRONG if cache.verify(config_of(ctx), show) else 0


@command.command(short_help="Remove cached files.")
@click.argument("paths", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Remove all of them.")
@click.pass_context
def clear(ctx: click.Context, paths: tuple[str, ...], is_all: bool) -> None:
    """Remove the cached files of PATHS (as ``cache list`` shows them), or all; they are fetched anew when asked for."""
    if bool(paths) == is_all:
        raise click.UsageError("name the files to remove, or give --all")
    removed = cache.clear(config_of(ctx), paths)
    for path in removed:
        click.echo(f"removed {path}")
    if not removed:
        click.echo("nothing was removed", err=True)
