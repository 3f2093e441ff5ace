"""Kernel arguments: chosen, split and quoted."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.boot.arguments import boot_args, quoted, words
from nearboot.boot.host import HostBoot
from nearboot.errors import InputError
from nearboot.model import Image, NbpFamily, Slug

GRUB, PXELINUX, IPXE = NbpFamily.GRUB, NbpFamily.PXELINUX, NbpFamily.IPXE


def test_arguments_come_from_image_profile_model_and_nearboot(host: HostBoot) -> None:
    """In this order, so that the later ones win where the kernel takes the last."""
    assert boot_args(host) == (
        "quiet",
        "dyndbg=file a.c +p",
        "ds=nocloud;s=http://10.0.0.1/a?b=1&c=$d",
        "console=ttyS1,115200n8",
        "nearboot.server=web01",
        "nearboot.callback=http://10.77.0.1:8080/callback/3q2-7w",
    )


def test_a_console_in_the_profile_overrides_the_models(host: HostBoot) -> None:
    """The last console= becomes /dev/console, so a second one must not follow."""
    image = Image(Slug("x"), "vmlinuz", args=("console=tty0",))
    consoles = [arg for arg in boot_args(replace(host, image=image)) if arg.startswith("console=")]
    assert consoles == ["console=tty0"]


@pytest.mark.parametrize("end", ["--", "---"])
def test_what_nearboot_adds_stands_before_the_end_of_kernel_arguments(host: HostBoot, end: str) -> None:
    """After -- they would go to init, after --- into the installed system."""
    image = Image(Slug("x"), "vmlinuz", args=("auto=true", end, "quiet"))
    args = boot_args(replace(host, image=image, profile=None, run=None, model=None))
    assert args == ("auto=true", "nearboot.server=web01", end, "quiet")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("ro quiet", ("ro", "quiet"), id="two"),
        pytest.param('a="b c" d', ("a=b c", "d"), id="quoted-value"),
        pytest.param('"a=b c"', ("a=b c",), id="quoted-argument"),
        pytest.param("  a\n b\t", ("a", "b"), id="white-space"),
        pytest.param('a="b c', ("a=b c",), id="open-quote"),
        pytest.param("", (), id="empty"),
    ],
)
def test_text_is_split_as_the_kernel_does(text: str, expected: tuple[str, ...]) -> None:
    """Linux lib/cmdline.c, next_arg."""
    assert words(text) == expected


@pytest.mark.parametrize(
    ("family", "arg", "expected"),
    [
        pytest.param(GRUB, "console=ttyS0,115200n8", "console=ttyS0,115200n8", id="grub-plain"),
        pytest.param(GRUB, "ds=nocloud;s=http://a/", "'ds=nocloud;s=http://a/'", id="grub-semicolon"),
        pytest.param(GRUB, "u=http://a/?b&c", "'u=http://a/?b&c'", id="grub-ampersand"),
        pytest.param(GRUB, "a=$b", "'a=$b'", id="grub-dollar"),
        pytest.param(GRUB, "a=b c", "'a=b c'", id="grub-space"),
        pytest.param(GRUB, "x={}|<>#*", "'x={}|<>#*'", id="grub-others"),
        pytest.param(PXELINUX, "ds=nocloud;s=$a&b", "ds=nocloud;s=$a&b", id="pxelinux-literal"),
        pytest.param(PXELINUX, "a=b c", 'a="b c"', id="pxelinux-space"),
        pytest.param(PXELINUX, "two words", '"two words"', id="pxelinux-no-value"),
        pytest.param(IPXE, "u=http://a/?b&c;d", "u=http://a/?b&c;d", id="ipxe-literal"),
        pytest.param(IPXE, "a=b c", 'a="b c"', id="ipxe-space"),
    ],
)
def test_an_argument_is_quoted_for_its_loader(family: NbpFamily, arg: str, expected: str) -> None:
    """GRUB reads a shell-like language; the others hand the line on as it is."""
    assert quoted(family, [arg]) == expected


@pytest.mark.parametrize(
    ("family", "arg"),
    [
        pytest.param(GRUB, "a=b\nreboot", id="grub-newline"),
        pytest.param(GRUB, "a='b'", id="grub-single-quote"),
        pytest.param(GRUB, "a=b\\c", id="grub-backslash"),
        pytest.param(PXELINUX, "a=b\nLABEL x", id="pxelinux-newline"),
        pytest.param(PXELINUX, 'a=b"c', id="pxelinux-double-quote"),
        pytest.param(IPXE, "mac=${net0/mac}", id="ipxe-setting"),
        pytest.param(IPXE, "||", id="ipxe-or"),
        pytest.param(IPXE, "a=b && reboot", id="ipxe-and"),
        pytest.param(IPXE, "#x", id="ipxe-comment"),
        pytest.param(PXELINUX, "a=" + "b" * 2046, id="too-long"),
    ],
)
def test_what_a_loader_cannot_carry_is_refused(family: NbpFamily, arg: str) -> None:
    """A machine that boots with another command line than intended is worse than an error before it boots."""
    with pytest.raises(InputError, match="expected"):
        quoted(family, ["quiet", arg])


_ARGS = st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="'\"\\"), min_size=1))


@given(_ARGS)
def test_grub_quoting_reads_back_as_posix_words(args: list[str]) -> None:
    """GRUB's single quotes are those of the POSIX shell."""
    assert shlex.split(quoted(GRUB, args)) == args


@given(_ARGS)
def test_pxelinux_line_is_split_by_the_kernel_into_the_same_arguments(args: list[str]) -> None:
    """Nothing that stands in an argument makes it two."""
    assert list(words(quoted(PXELINUX, args))) == args
