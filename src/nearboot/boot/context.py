"""What a template sees: plain text, numbers, lists and mappings, made from a ``HostBoot``; decisions are made here.

Templates get no objects of nearboot's own, so that nothing in the code can be reached from one, and a rename here does
not break a user's template unseen.

==================  ==================================================================================================
``template``        name of this template; ``run``: number of the provisioning run, or none
``server``          name, fqdn, domain, location, tier, model, serial, uuid, interface, mac, mac_hyphen, mac_bare,
                    ipv4, ipv6
``params``          the server's free parameters, by name
``client``          address that asks
``boot_server``     name, ipv4, ipv6, address (of the family that asks, as in a URL), http
``image profile``   slugs; ``installer``: kind of installer
``kernel initrd``   path, and list of paths, below the root, without leading slash
``args cmdline``    kernel arguments as a list, and quoted as one line for this boot loader
``serial``          unit and speed of the model's serial console, or none
``http``            base URL of the boot server, ``callback_url``: where this run's phases are reported
==================  ==================================================================================================

The script that hands a client in iPXE on to another program sees less: template, run, server, params, client,
boot_server, and ``nbp``, the path of that program.

    context(host, NbpFamily.GRUB, "grub.cfg.j2")["cmdline"]
"""

from __future__ import annotations

import re

from nearboot.boot.arguments import boot_args, quoted
from nearboot.boot.host import HostBoot
from nearboot.errors import Fault, InputError
from nearboot.model import Address, NbpFamily
from nearboot.model.url import bracketed

NEXT_SERVER = "${next-server}"
"""iPXE's own word for the server that DHCP named (https://ipxe.org/cfg/next-server)."""

_PATH = re.compile(r"[A-Za-z0-9._+/-]+")


def context(host: HostBoot, family: NbpFamily, template: str) -> dict[str, object]:
    """The variables of a host's template."""
    image = host.image
    args = loader_args(host, family)
    kernel, *initrd = _paths(host)
    return {
        **_known(host, template),
        "image": image.slug if image else "",
        "profile": host.profile.slug if host.profile else "",
        "installer": host.profile.installer.value if host.profile else "none",
        "kernel": kernel,
        "initrd": initrd,
        "args": list(args),
        "cmdline": quoted(family, args),
        "serial": _serial(host),
        "http": host.http_base,
        "callback_url": host.callback_url,
    }


def chain_context(host: HostBoot, template: str, nbp: str) -> dict[str, object]:
    """The variables of the script that goes on with another program: no kernel and no arguments, which may be such
    that iPXE could not carry them."""
    values = _known(host, template)
    boot_server = _boot_server(host)
    return values | {"boot_server": boot_server | {"address": boot_server["address"] or NEXT_SERVER}, "nbp": nbp}


def loader_args(host: HostBoot, family: NbpFamily) -> tuple[str, ...]:
    """The host's arguments and those that only this loader needs.

    BOOTIF tells an initrd which interface booted; PXELINUX adds it by itself (IPAPPEND 2). iPXE hands initrds to a UEFI
    kernel as files of these names.
    """
    args = boot_args(host)
    mac = host.interface.mac if host.interface else None
    if family is not NbpFamily.PXELINUX and mac and not any(arg.startswith("BOOTIF=") for arg in args):
        args = (f"BOOTIF=01-{mac.replace(':', '-')}", *args)
    if family is NbpFamily.IPXE and host.image:
        args = (*(f"initrd=initrd{number}" for number in range(len(host.image.initrd))), *args)
    return args


def _known(host: HostBoot, template: str) -> dict[str, object]:
    """What every script may use, whatever the host boots."""
    return {
        "template": template,
        "run": host.run.id if host.run else None,
        "server": _server(host),
        "params": dict(host.server.params),
        "client": str(host.client) if host.client else "",
        "boot_server": _boot_server(host),
    }


def _paths(host: HostBoot) -> list[str]:
    """Kernel and initrds, relative; no loader but GRUB could quote a path, so one that needs quotes is refused."""
    if host.image is None:
        return [""]
    paths = [host.image.kernel, *host.image.initrd]
    expected = "a path of letters, digits and . _ + - / only"
    faults = [
        Fault(f"image {host.image.slug}", 0, "path", repr(path), expected)
        for path in paths
        if not _PATH.fullmatch(path)
    ]
    if faults:
        raise InputError(faults)
    return [path.lstrip("/") for path in paths]


def _server(host: HostBoot) -> dict[str, object]:
    server, interface = host.server, host.interface
    mac = str(interface.mac) if interface and interface.mac else ""
    return {
        "name": server.name,
        "domain": server.domain,
        "fqdn": server.name if "." in server.name or not server.domain else f"{server.name}.{server.domain}",
        "location": server.location,
        "tier": server.tier or "",
        "model": server.model or "",
        "serial": server.serial,
        "uuid": server.uuid,
        "interface": interface.name if interface else "",
        "mac": mac,
        "mac_hyphen": mac.replace(":", "-"),
        "mac_bare": mac.replace(":", ""),
        "ipv4": _text(interface.ipv4 if interface else None),
        "ipv6": _text(interface.ipv6 if interface else None),
    }


def _boot_server(host: HostBoot) -> dict[str, object]:
    boot = host.boot_server
    address = (boot.ipv6 if host.family == 6 else boot.ipv4) if boot else None
    return {
        "name": boot.name if boot else "",
        "ipv4": _text(boot.ipv4 if boot else None),
        "ipv6": _text(boot.ipv6 if boot else None),
        "address": bracketed(address) if address else "",  # of the family that this boot goes over, as in a URL
        "http": host.http_base,
    }


def _serial(host: HostBoot) -> dict[str, int] | None:
    """The model's serial console as unit and speed: ``ttyS1,115200n8`` gives 1 and 115200."""
    match = re.match(r"ttyS(\d)(?:,(\d+))?", host.model.console if host.model else "")
    if match is None:
        return None
    return {"unit": int(match[1]), "speed": int(match[2] or 9600)}  # the kernel's own default speed


def _text(address: Address | None) -> str:
    return str(address) if address else ""
