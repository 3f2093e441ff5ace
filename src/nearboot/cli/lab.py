"""``nearboot lab``: virtual machines booted end to end on this machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import click

from nearboot.app import lab
from nearboot.cli.output import emit_document, output_option
from nearboot.cli.root import EXIT_ERROR
from nearboot.cli.shell import actor, config_of
from nearboot.provisioning.trace_text import as_dict, as_lines


@click.group()
def command() -> None:
    """Boot virtual machines end to end in a lab on this machine."""


@command.command("list")
@click.pass_context
def list_(ctx: click.Context) -> None:
    """List the topologies that there are."""
    for name in lab.topologies(config_of(ctx)):
        click.echo(name)


@command.command(short_help="Boot the machines of a topology; show traces.")
@click.argument("topology")
@click.option(
    "--timeout", "timeout_s", default=600.0, show_default=True, help="Seconds that the machines have to boot."
)
@output_option
@click.pass_context
def run(ctx: click.Context, topology: str, timeout_s: float, output: str) -> int:
    """Boot the machines of TOPOLOGY (a name, or a YAML file) and show their traces.

    Needs root, for network namespaces; everything is taken away again, also when interrupted. Exit code 1 with the
    reason if a machine is not provisioned, or was served by another boot server than its route says.
    """
    progress = LiveProgress() if sys.stderr.isatty() else PlainProgress()
    with progress:
        running = lab.LabRun(config_of(ctx), topology, progress=progress, timeout_s=timeout_s, actor=actor())
        outcome = asyncio.run(running.run())
    if output == "table":
        for trace in outcome.traces:
            click.echo("\n".join([*as_lines(trace), ""]))
        for name, took in outcome.took_s:
            click.echo(f"{name}: provisioned {took:.0f} s after power-on")
    else:
        emit_document([as_dict(trace) for trace in outcome.traces], output)
    for problem in outcome.problems:
        click.echo(f"problem: {problem}", err=True)
    return EXIT_ERROR if outcome.problems else 0


class PlainProgress:
    """Progress as lines on stderr, one for each change: for pipes and CI."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put back."""

    def say(self, text: str) -> None:
        """One fact, one line."""
        click.echo(f"lab: {text}", err=True)

    def show(self, states: Sequence[lab.MachineState]) -> None:
        """A line for each machine that has come further."""
        for state in states:
            text = f"{state.phase.value}" + (f" from {', '.join(state.boot_servers)}" if state.boot_servers else "")
            text = state.problem or text
            if self._shown.get(state.name) != text:
                self._shown[state.name] = text
                click.echo(f"lab: {state.elapsed_s:6.1f} s  {state.name} ({state.firmware}): {text}", err=True)


class LiveProgress:
    """Progress as a table that renews itself, on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - rich loads only where a terminal shows it
        from rich.live import Live  # noqa: PLC0415

        self._console = Console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=4, transient=False)

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """One fact, above the table."""
        self._console.print(f"lab: {text}", highlight=False, markup=False)

    def show(self, states: Sequence[lab.MachineState]) -> None:
        """All machines, one a row."""
        from rich.table import Table  # noqa: PLC0415 - as above
        from rich.text import Text  # noqa: PLC0415

        table = Table("machine", "firmware", "phase", "boot server", "time", "console")
        for state in states:
            colour = "red" if state.problem else "green" if state.done else "yellow"
            table.add_row(
                state.name,
                state.firmware,
                Text(state.phase.value, style=colour),
                ", ".join(state.boot_servers) or "-",
                f"{state.elapsed_s:.0f} s",
                Text(state.problem or state.console, overflow="ellipsis", no_wrap=True),
            )
        self._live.update(table)
