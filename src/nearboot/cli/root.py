"""The ``nearboot`` command: global flags, the table of nouns, and how errors reach people.

Nouns load only when they are used, so that ``nearboot --help`` is quick.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from nearboot import __version__
from nearboot.errors import InputError, NearbootError

NOUNS = {
    "audit": "Show who changed what, and when.",
    "boot-server": "List, drain, restore, probe and watch boot servers.",
    "cache": "Show, check and remove cached files of origins.",
    "config": "Show the configuration in use.",
    "db": "Create, upgrade and check the database.",
    "image": "Show the images that can be booted.",
    "inventory": "Load, import, export and check the inventory.",
    "kea": "Generate and check the configuration of ISC Kea.",
    "lab": "Boot virtual machines end to end in a lab on this machine.",
    "latency": "Load, show and remove latency maps.",
    "location": "Show the places of the inventory.",
    "probe": "Measure latencies: answer probes, send probes and publish maps.",
    "profile": "Show the boot profiles and who boots by them.",
    "provision": "Start, cancel and list provisioning runs.",
    "route": "Show and explain which boot server each place gets.",
    "serve": "Run a daemon: TFTP, HTTP, or the follower of Kea's leases.",
    "server": "Show the servers of the inventory.",
    "subnet": "Show the subnets of the inventory.",
    "tftp": "Read files from TFTP servers.",
    "trace": "Show the timeline of a server's boot.",
}
"""Every noun with its one-line help; the noun's command stands in the module of the same name."""

CHANGING = frozenset({("inventory", "load"), ("inventory", "import"), ("latency", "load")})
"""The commands that take documents to change the database: they say that a document with faults changed nothing."""

EXIT_ERROR = 1
EXIT_CHANGES = 2
EXIT_INTERRUPTED = 130


class NounGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All nouns, in order of the alphabet."""
        return sorted(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the noun's module and take its ``command``."""
        if cmd_name not in NOUNS:
            return None
        module = importlib.import_module(f"nearboot.cli.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Keep the noun and the verb that were called."""
        ctx.meta[__name__] = tuple(args[:2])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command; add to the faults of a document that nothing was changed, where something would be."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            if ctx.meta.get(__name__) in CHANGING:
                error.add_note("nothing was changed")
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the nouns from the table, without importing them."""
        with formatter.section("Nouns"):
            formatter.write_dl(sorted(NOUNS.items()))


@click.group(cls=NounGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="nearboot")
@click.option("--config", "config_file", metavar="FILE", help="Configuration file (default: NEARBOOT_CONFIG, or none).")
@click.pass_context
def root(ctx: click.Context, config_file: str | None) -> None:
    """Boot every server from the nearest healthy boot server."""
    ctx.obj = config_file


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every expected error is one clear message on stderr."""
    try:
        result = root.main(args=arguments, prog_name="nearboot", standalone_mode=False)
    except click.exceptions.Abort:
        return _complain("interrupted", EXIT_INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        error.show()
        return EXIT_ERROR
    except InputError as error:
        print(error, file=sys.stderr)
        count = f"{len(error.faults)} fault{'s' if len(error.faults) != 1 else ''}"
        return _complain("; ".join([count, *getattr(error, "__notes__", [])]), EXIT_ERROR)
    except NearbootError as error:
        return _complain(str(error), EXIT_ERROR)
    except BrokenPipeError:
        sys.stdout = None  # the reader has left; nothing may be flushed to it at exit
        return EXIT_ERROR
    except KeyboardInterrupt:
        return _complain("interrupted", EXIT_INTERRUPTED)
    return result if isinstance(result, int) else 0


def _complain(text: str, code: int) -> int:
    print(f"nearboot: {text}", file=sys.stderr)
    return code
