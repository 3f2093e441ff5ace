"""``nearboot inventory``: load, import, export and check the inventory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from nearboot.app import inventory
from nearboot.cli.inventory_schema import schema
from nearboot.cli.output import emit, output_option
from nearboot.cli.root import EXIT_CHANGES, EXIT_ERROR
from nearboot.cli.shell import actor, config_of, now
from nearboot.inventory.finding import Finding, Severity, counted
from nearboot.model import Change

MAX_SHOWN = 40  # changes and findings shown one by one; --all shows every one

DONE = {"added": "added", "changed": "changed", "removed": "removed", "left": "unchanged"}
WOULD = {"added": "would add", "changed": "would change", "removed": "would remove", "left": "unchanged"}

all_option = click.option("--all", "show_all", is_flag=True, help="Show every line, however many.")
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Show what would change and change nothing; exit 2 if anything would."
)
prune_option = click.option("--prune", is_flag=True, help="Remove what the files do not name.")


@click.group()
def command() -> None:
    """Load, import, export and check the inventory."""


command.add_command(schema)


@command.command(short_help="Load YAML files and folders in one transaction.")
@click.argument("paths", nargs=-1, required=True)
@prune_option
@dry_run_option
@all_option
@click.pass_context
def load(ctx: click.Context, paths: tuple[str, ...], *, prune: bool, dry_run: bool, show_all: bool) -> int:
    """Load YAML files and folders from PATHS into the database, in one transaction.

    Everything is validated first; every fault is listed with file, line and what was expected, and then nothing is
    changed. Loading twice changes nothing.
    """
    changes = inventory.load(config_of(ctx), paths, prune=prune, dry_run=dry_run, actor=actor(), now=now())
    return _show_changes(changes, dry_run=dry_run, show_all=show_all)


@command.group("import", short_help="Import another system's files: ISC dhcpd.")
def import_() -> None:
    """Import another system's files into the database."""


@import_.command("isc-dhcpd", short_help="Import subnets, hosts and next-servers of ISC dhcpd.")
@click.argument("files", nargs=-1, required=True)
@click.option("--rules", required=True, metavar="FILE", help="YAML file of rules: what place and tier each name has.")
@click.option(
    "--tiers",
    metavar="CSV",
    help="CSV file of tiers with the columns fqdn and role (the rules' tiers_csv can name other columns, and a file "
    "that is read without this option).",
)
@click.option(
    "--hosts",
    multiple=True,
    metavar="FILE",
    help="File such as /etc/hosts with the addresses of names that stand as fixed-address; may be given again.",
)
@prune_option
@dry_run_option
@all_option
@click.pass_context
def isc_dhcpd(
    ctx: click.Context,
    *,
    files: tuple[str, ...],
    rules: str,
    tiers: str | None,
    hosts: tuple[str, ...],
    prune: bool,
    dry_run: bool,
    show_all: bool,
) -> int:
    """Import ISC dhcpd configuration from FILES: subnets, next-server, host blocks, includes.

    What could not be used and every contradiction is listed; nothing is lost silently. Exit 1 if anything could not be
    imported (findings that begin with "error"), with --dry-run too; what could be is.

    The rules say where names stand and what they are for: see examples/wikimedia/rules.yaml in the source, which
    explains each section. dhcpd asks the DNS for the address of a host whose fixed-address is a name; here the files
    given with --hosts have it.
    """
    done = inventory.import_isc_dhcpd(
        config_of(ctx),
        files,
        rules=rules,
        tiers=tiers,
        hosts=hosts,
        prune=prune,
        dry_run=dry_run,
        actor=actor(),
        now=now(),
    )
    _show_findings(done.result.findings, show_all=show_all)
    for line in done.result.counts.lines():
        click.echo(line)
    code = _show_changes(done.changes, dry_run=dry_run, show_all=show_all)
    if done.errors:
        click.echo(f"{counted(done.errors, 'error')}: not everything could be imported; what could be {_is(dry_run)}")
        return EXIT_ERROR
    return code


@command.command(short_help="Write the inventory as YAML files that load back.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_context
def export(ctx: click.Context, folder: Path) -> None:
    """Write the inventory to FOLDER, one YAML file a noun, such that loading them gives the same database."""
    written = inventory.export(config_of(ctx), folder)
    for path in written:
        click.echo(f"wrote {path}")
    if not written:
        click.echo("nothing to export: the inventory is empty, and no file was written", err=True)


@command.command(short_help="Examine the inventory: contradictions, gaps.")
@output_option
@click.pass_context
def check(ctx: click.Context, output: str) -> int:
    """Examine the inventory in the database: contradictions, gaps, what could not boot; exit 1 if there are errors."""
    findings = inventory.check(config_of(ctx))
    rows = [
        {
            "severity": f.severity.value,
            "code": f.code,
            "subject": f.subject,
            "count": f.count,
            "finding": f.text,
            "hint": f.hint,
        }
        for f in findings
    ]
    if output == "table" and rows:
        for finding in findings:
            click.echo(_line(finding))
    else:
        emit(rows, output, empty="the inventory has no faults")
    return EXIT_ERROR if any(finding.severity is Severity.ERROR for finding in findings) else 0


def _show_changes(changes: Sequence[Change], *, dry_run: bool, show_all: bool) -> int:
    words = WOULD if dry_run else DONE
    found = inventory.effective(changes)
    shown = found if show_all else found[:MAX_SHOWN]
    for change in shown:
        details = "; ".join(f"{name}: {old or '-'} -> {new or '-'}" for name, (old, new) in change.fields.items())
        click.echo(
            f"{words[change.action]} {change.noun} {change.name}"
            + (f" ({details})" if change.action == "changed" else "")
        )
    if len(shown) < len(found):
        click.echo(f"... and {len(found) - len(shown)} more (--all shows them)")
    counts = Counter((change.action, change.noun) for change in changes)
    for action, word in words.items():
        parts = [counted(count, noun) for (a, noun), count in counts.items() if a == action]
        if parts:
            click.echo(f"{word}: {', '.join(parts)}")
    if dry_run:
        click.echo("dry run: nothing was changed")
        return EXIT_CHANGES if found else 0
    if not found:
        click.echo("no changes")
    return 0


def _show_findings(findings: Sequence[Finding], *, show_all: bool) -> None:
    shown = findings if show_all else findings[:MAX_SHOWN]
    for finding in shown:
        click.echo(_line(finding))
    if len(shown) < len(findings):
        click.echo(f"... and {counted(len(findings) - len(shown), 'more finding')} (--all shows them)")


def _line(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}: " if finding.line else f"{finding.file}: " if finding.file else ""
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{finding.severity.value}: {place}{finding.code}: {finding.text}{hint}"


def _is(dry_run: bool) -> str:
    return "would be" if dry_run else "is"
