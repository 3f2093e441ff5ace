"""``nearboot profile``: the boot profiles of the inventory."""

from __future__ import annotations

from collections import Counter

import click

from nearboot.app.database import reading
from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import config_of
from nearboot.inventory import store
from nearboot.model.profile import profile_of


@click.group()
def command() -> None:
    """Show the boot profiles of the inventory."""


@command.command("list", short_help="List boot profiles and whom they are for.")
@output_option
@click.pass_context
def list_(ctx: click.Context, output: str) -> None:
    """List the profiles with their image, whom they are for, and how many servers boot by them now."""
    with reading(config_of(ctx)) as session:
        profiles, servers = store.profiles(session), store.servers(session)
    used = Counter(profile for server in servers if (profile := profile_of(server, profiles)))
    rows = [
        {
            "slug": profile.slug,
            "image": profile.image,
            "tier": profile.tier,
            "model": profile.model,
            "nbp": profile.nbp,
            "installer": profile.installer,
            "args": profile.args,
            "servers": used[profile],
        }
        for profile in profiles
    ]
    emit(rows, output, empty="no boot profiles yet: nearboot inventory load PATH")
