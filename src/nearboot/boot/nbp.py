"""Which network boot program each client architecture gets: a table, by address family and by transport.

Not Kea's classes (built from these rules elsewhere) and not the files themselves. Architecture types are IANA's
"Processor Architecture Types" (https://www.iana.org/assignments/dhcpv6-parameters; RFC 4578 section 2.1, RFC 5970
section 3.3): 0 x86 BIOS, 6 IA32 UEFI, 7 x64 UEFI, 9 EBC (but x64 in the text of RFC 4578, so that x64 firmware sends
either), 11 ARM 64-bit UEFI, 15, 16 and 19 IA32, x64 and ARM 64-bit UEFI booting over HTTP.

    >>> [rule.path for rule in rules4() if 7 in rule.archs]
    ['grubnetx64.efi']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nearboot.model import NbpRule

IPXE_SCRIPT = "boot.ipxe"
"""What a client that already runs iPXE (user class ``iPXE``, DHCPv4 option 175) gets instead of an NBP, or it would
load iPXE again and again."""

_BIOS = NbpRule("pxe-bios", (0,), "pxelinux.0")
_UEFI_X64 = NbpRule("uefi-x64", (7, 9), "grubnetx64.efi")  # grubnetx64.efi.signed of Debian's grub-efi-amd64-signed
_UEFI_ARM64 = NbpRule("uefi-arm64", (11,), "grubnetaa64.efi")  # monolithic/grubnetaa64.efi of grub-efi-arm64-bin
# Over HTTP Debian's signed GRUB stops at its prompt without a request for its configuration; iPXE goes on.
_HTTP_X64 = NbpRule("http-x64", (16,), "ipxe.efi", http=True)

_IPXE = NbpRule("ipxe", (), IPXE_SCRIPT)  # whatever the architecture

_RULES4 = (_BIOS, _UEFI_X64, _UEFI_ARM64, _HTTP_X64, _IPXE)
_RULES6 = (_UEFI_X64, _UEFI_ARM64, _HTTP_X64, _IPXE)  # BIOS ROMs have no PXE over IPv6


def rules4(paths: Mapping[str, str] | None = None) -> tuple[NbpRule, ...]:
    """The rules for DHCPv4 (option 93); ``paths`` names other files, by rule name."""
    return _with_paths(_RULES4, paths or {})


def rules6(paths: Mapping[str, str] | None = None) -> tuple[NbpRule, ...]:
    """The rules for DHCPv6 (option 61); ``paths`` names other files, by rule name."""
    return _with_paths(_RULES6, paths or {})


def nbp_of(arch: int) -> str:
    """The NBP of a client architecture over TFTP and IPv4."""
    return next(rule.path for rule in _RULES4 if arch in rule.archs)


def nbp_paths(paths: Mapping[str, str] | None = None) -> frozenset[str]:
    """Every file that is an NBP: a read of one of them shows a host in the phase NBP."""
    return frozenset(rule.path for rule in (*rules4(paths), *rules6(paths)) if rule.archs)


def _with_paths(rules: tuple[NbpRule, ...], paths: Mapping[str, str]) -> tuple[NbpRule, ...]:
    return tuple(replace(rule, path=paths.get(rule.name, rule.path)) for rule in rules)
