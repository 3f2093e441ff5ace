"""The kernel's arguments: which ones a host gets, and how each boot loader wants them written.

An argument is held as the kernel will see it, without quotes; quoting happens last, for one boot loader. Sources:
Linux ``lib/cmdline.c`` (``next_arg``), GRUB manual "Quoting" and ``grub-core/lib/cmdline.c``, syslinux
``core/cmdline.inc``, iPXE ``core/exec.c``.

    >>> quoted(NbpFamily.GRUB, ("quiet", "ds=nocloud;s=http://10.0.0.1/"))
    "quiet 'ds=nocloud;s=http://10.0.0.1/'"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from nearboot.boot.host import HostBoot
from nearboot.errors import Fault, InputError
from nearboot.model import NbpFamily

MAX_COMMAND_LINE = 2047
"""Bytes of a kernel command line: COMMAND_LINE_SIZE of x86 and arm64 is 2048 with its NUL, as is syslinux's buffer."""

_ENDS = ("--", "---")  # the kernel stops at "--", debian-installer copies what follows "---" to the installed system


def boot_args(host: HostBoot) -> tuple[str, ...]:
    """The kernel arguments of a host: its image's, its profile's, its model's console, and what nearboot adds.

    A console in image or profile overrides the model's. What nearboot adds stands before ``--`` and ``---``.
    """
    given: list[str] = []
    for texts in (host.image.args if host.image else (), host.profile.args if host.profile else ()):
        given += [word for text in texts for word in words(text)]
    added = []
    if host.model and host.model.console and not any(word.startswith("console=") for word in given):
        added.append(f"console={host.model.console}")
    added.append(f"nearboot.server={host.server.name}")
    if host.callback_url:
        added.append(f"nearboot.callback={host.callback_url}")
    end = next((place for place, word in enumerate(given) if word in _ENDS), len(given))
    return (*given[:end], *added, *given[end:])


def words(text: str) -> tuple[str, ...]:
    """Split text as the kernel does: at white space outside double quotes; quotes around an argument or value go."""
    return tuple(_unquoted(word) for word in _WORD.findall(text))


def quoted(family: NbpFamily, args: Iterable[str]) -> str:
    """One line of arguments as this boot loader must read it so that the kernel sees ``args``.

    ``InputError`` for what the loader cannot carry, and for a line that the kernel would cut off.
    """
    args = tuple(args)
    quote, refusals = _STYLES[family]
    faults = [
        Fault("kernel arguments", 0, "args", repr(arg), expected)
        for arg in args
        for pattern, expected in refusals
        if pattern.search(arg)
    ]
    length = len(" ".join(map(_kernel, args)).encode())
    if length > MAX_COMMAND_LINE:
        found = f"{length} bytes of kernel arguments"
        faults.append(Fault("kernel arguments", 0, "args", found, f"at most {MAX_COMMAND_LINE}"))
    if faults:
        raise InputError(faults)
    return " ".join(map(quote, args))


def _unquoted(word: str) -> str:
    if word.startswith('"'):
        word = word[1:].removesuffix('"')
    name, equals, value = word.partition("=")
    if value.startswith('"'):
        value = value[1:].removesuffix('"')
    return name + equals + value


def _kernel(arg: str) -> str:
    """Quote white space for the kernel: the loader hands the line on as it is."""
    if not re.search(r"\s", arg):
        return arg
    name, equals, value = arg.partition("=")
    if equals and not re.search(r"\s", name):
        return f'{name}="{value}"'
    return f'"{arg}"'


def _grub(arg: str) -> str:
    """Single quotes, in which nothing is special; GRUB itself puts double quotes around what holds a space."""
    return arg if _GRUB_PLAIN.fullmatch(arg) else "'" + arg.replace("'", "'\\''") + "'"


_WORD = re.compile(r'(?:[^\s"]|"[^"]*(?:"|\Z))+')
_GRUB_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./~-]+")

_ONE_LINE = (re.compile(r"[\x00-\x1f\x7f]"), "no control characters: a command line is one line")
_NO_QUOTE = (re.compile(r'"'), "no double quote inside an argument: the kernel has no way to escape one")
# GRUB escapes backslashes and both quotes once more for the kernel, which does not take the escapes off again.
_NO_BACKSLASH = (re.compile(r"[\\']"), "no backslash or single quote: GRUB would hand it on with one more backslash")
_NO_SETTING = (re.compile(r"\$\{"), "no '${': iPXE would replace it by a setting")
_NO_OPERATOR = (
    re.compile(r"(?:\A|\s)(?:\|\||&&|#)"),
    "no word that starts with '||', '&&' or '#': iPXE ends the command there",
)

_Refusal = tuple[re.Pattern[str], str]
_STYLES: Mapping[NbpFamily, tuple[Callable[[str], str], tuple[_Refusal, ...]]] = {
    NbpFamily.GRUB: (_grub, (_ONE_LINE, _NO_QUOTE, _NO_BACKSLASH)),
    NbpFamily.PXELINUX: (_kernel, (_ONE_LINE, _NO_QUOTE)),
    NbpFamily.IPXE: (_kernel, (_ONE_LINE, _NO_QUOTE, _NO_SETTING, _NO_OPERATOR)),
}
