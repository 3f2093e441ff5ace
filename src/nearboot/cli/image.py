"""``nearboot image``: the bootable systems of the inventory."""

from __future__ import annotations

import click

from nearboot.app.database import reading
from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import config_of
from nearboot.inventory import store


@click.group()
def command() -> None:
    """Show the images of the inventory."""


@command.command("list", short_help="List images, their files and their use.")
@output_option
@click.pass_context
def list_(ctx: click.Context, output: str) -> None:
    """List the images with their files below the boot root, and the profiles that boot them."""
    with reading(config_of(ctx)) as session:
        images, profiles = store.images(session), store.profiles(session)
    rows = [
        {
            "slug": image.slug,
            "arch": image.arch,
            "kernel": image.kernel,
            "initrd": image.initrd,
            "args": image.args,
            "profiles": [profile.slug for profile in profiles if profile.image == image.slug],
        }
        for image in images
    ]
    emit(rows, output, empty="no images yet: nearboot inventory load PATH")
