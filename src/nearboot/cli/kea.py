"""``nearboot kea``: generate and check the configuration of ISC Kea."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from nearboot.app import kea
from nearboot.cli.root import EXIT_ERROR
from nearboot.cli.shell import actor, config_of, now
from nearboot.kea.finding import Severity

folder_argument = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def command() -> None:
    """Generate and check the configuration of ISC Kea."""


@command.command(short_help="Write Kea's configuration from the inventory.")
@click.option(
    "-o",
    "--output",
    "--output-dir",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to.",
)
@click.pass_context
def generate(ctx: click.Context, folder: Path) -> int:
    """Write kea-dhcp4.conf and kea-dhcp6.conf from the inventory and the routes of this moment.

    The same database gives the same bytes. Exit code 1 if our own checks find an error; kea check asks Kea as well.
    """
    config = config_of(ctx)
    generated = kea.generate(config, folder, kea.settings(config), actor=actor(), now=now())
    for item in generated:
        count = item.survey
        click.echo(
            f"{item.path}: {'written' if item.changed else 'unchanged'}; {count.subnets} subnets, "
            f"{count.hosts} hosts with {count.interfaces} interfaces, {count.reserved_addresses} addresses and "
            f"{count.reserved_names} names reserved"
        )
        for interface, why in count.unreserved:
            click.echo(f"  not reserved: {interface}: {why}")
        for prefix in count.subnets_without_server:
            click.echo(f"  no boot server: {prefix}")
        for name in count.odd_ports:
            click.echo(f"  {name} does not listen on port 69, which DHCPv4 cannot say")
        for finding in item.findings:
            click.echo(f"  {finding}")
    return _status(finding.severity for item in generated for finding in item.findings)


@command.command(short_help="Check configuration files: own checks, then Kea's.")
@folder_argument
@click.option("--without-kea", is_flag=True, help="Run our own checks only.")
def check(folder: Path, without_kea: bool) -> int:
    """Check the files in FOLDER: our own checks, then kea-dhcp4 -t and kea-dhcp6 -t; exit 1 if one refuses."""
    refused = False
    checked = kea.check(folder, ask_kea=not without_kea)
    for item in checked:
        errors = [finding for finding in item.findings if finding.severity is Severity.ERROR]
        for finding in item.findings:
            click.echo(f"{item.path}: {finding}")
        click.echo(f"{item.path}: our checks: {f'{len(errors)} errors' if errors else 'passed'}")
        verdict = item.verdict
        if verdict is not None:
            said = "accepts it" if verdict.accepted else f"refuses it\n{verdict.output.rstrip()}"
            tried = f" (interfaces tried as lo: {', '.join(verdict.substituted)})" if verdict.substituted else ""
            click.echo(f"{item.path}: kea-dhcp{verdict.family} {verdict.version} -t {said}{tried}")
            refused |= not verdict.accepted
    return EXIT_ERROR if refused else _status(finding.severity for item in checked for finding in item.findings)


def _status(severities: Iterable[Severity]) -> int:
    return EXIT_ERROR if Severity.ERROR in severities else 0
