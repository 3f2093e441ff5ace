"""The flags of ``serve tftp`` that say who is served, and how much one client may cause; each stands for a setting.

@limit_options
def tftp(ctx, *, allow, **limits): config = replace(config, tftp=limited(config.tftp, limits))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import click

from nearboot.config import TftpConfig

F = TypeVar("F", bound=Callable[..., object])

RATE = click.FloatRange(min=0)
OPTIONS = (
    click.option(
        "--allow", multiple=True, metavar="PREFIX", help="Answer clients of this prefix only; may be repeated."
    ),
    click.option("--known-only/--anyone", default=None, help="Answer servers and boot servers of the inventory only."),
    click.option("--requests-per-second", type=RATE, metavar="N", help="Requests of each client address; 0: no limit."),
    click.option("--errors-per-second", type=RATE, metavar="N", help="ERRORs to each client address; 0: no limit."),
    click.option(
        "--unacked-kib", type=click.IntRange(0), metavar="N", help="Unacknowledged KiB a minute to each; 0: no limit."
    ),
    click.option("--sessions", type=click.IntRange(1), metavar="N", help="Transfers at once."),
    click.option(
        "--sessions-per-client", type=click.IntRange(1), metavar="N", help="Transfers at once of one address."
    ),
)


def limit_options(function: F) -> F:
    """Give a command the flags."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def limited(part: TftpConfig, flags: Mapping[str, Any]) -> TftpConfig:
    """The settings with what the flags say; those that were not given say nothing."""
    return replace(part, **{name: value for name, value in flags.items() if value not in (None, ())})
