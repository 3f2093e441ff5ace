"""What a request is answered with: rules in order, the first that fits decides, and its name goes into the answer.

No files and no templates are read here; whether a static file exists is for the caller to see. One path for TFTP and
HTTP:

    request = parse(path)
    answer = resolve(request, host)     # host: found by request.keys, or None
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nearboot.boot.context import chain_context, context
from nearboot.boot.host import HostBoot
from nearboot.boot.nbp import nbp_of
from nearboot.boot.request import BootRequest, KeyKind
from nearboot.model import NbpFamily, Reason

TEMPLATES: Mapping[NbpFamily, str] = {
    NbpFamily.PXELINUX: "pxelinux.cfg.j2",
    NbpFamily.GRUB: "grub.cfg.j2",
    NbpFamily.IPXE: "boot.ipxe.j2",
}
"""The template of each boot loader's configuration."""

STUBS: Mapping[NbpFamily, str] = {NbpFamily.GRUB: "grub-stub.cfg.j2", NbpFamily.IPXE: "ipxe-stub.ipxe.j2"}
"""What a client of unknown address gets: it asks again, by its MAC. PXELINUX needs none, it starts with its MAC."""

CHAIN = "ipxe-chain.ipxe.j2"
CHAINED: Mapping[tuple[NbpFamily, str], str] = {
    (NbpFamily.PXELINUX, "x86_64"): nbp_of(0),
    (NbpFamily.GRUB, "x86_64"): nbp_of(7),
    (NbpFamily.GRUB, "arm64"): nbp_of(11),
}
"""What a client goes on with that runs iPXE (network cards and QEMU bring it) while its profile names another, by the
architecture of its image. PXELINUX is for x86 alone: an ARM host whose profile names it boots by iPXE itself."""
ALSO_CALLED: Mapping[str, str] = {"amd64": "x86_64", "aarch64": "arm64"}
"""What Debian and Linux call these architectures."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A configuration to be made from a template."""

    template: str
    context: Mapping[str, object]
    reason: Reason


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file below the root, if there is one."""

    path: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing to send: ERROR 1, or 404. For most boot loaders that is a normal step down their ladder."""

    reason: Reason


Answer = Rendered | StaticFile | Missing


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, when it fits, and what it answers."""

    code: str
    fits: Callable[[BootRequest, HostBoot | None], bool]
    answer: Callable[[BootRequest, HostBoot | None, str], Answer]


def resolve(request: BootRequest, host: HostBoot | None) -> Answer:
    """Decide by the first of ``RULES`` that fits; its name is the code of the answer's reason."""
    rule = next(rule for rule in RULES if rule.fits(request, host))
    return rule.answer(request, host, rule.code)


def _by_client(request: BootRequest) -> bool:
    return bool(request.keys) and request.keys[0].kind is KeyKind.CLIENT


def _of_network(request: BootRequest) -> bool:
    return bool(request.keys) and all(key.kind is KeyKind.NETWORK for key in request.keys)


def _has_image(host: HostBoot | None) -> bool:
    return host is not None and host.image is not None


def _static(request: BootRequest, host: HostBoot | None, code: str) -> Answer:
    return StaticFile(request.path, _reason(code, "not a configuration: a file below the root", request, host))


def _network(request: BootRequest, host: HostBoot | None, code: str) -> Answer:
    return Missing(
        _reason(code, "a shortened address names a network, and hosts are configured one by one", request, host)
    )


def _stub(request: BootRequest, host: HostBoot | None, code: str) -> Answer:
    assert request.family is not None
    template = STUBS[request.family]
    values = {"template": template, "asked": request.path}
    return Rendered(
        template, values, _reason(code, "no server has this address: the client shall ask by MAC", request, host)
    )


def _unknown(request: BootRequest, host: HostBoot | None, code: str) -> Answer:
    return Missing(_reason(code, f"no server in the inventory has {_names(request)}", request, host))


def _imageless(request: BootRequest, host: HostBoot | None, code: str) -> Answer:
    assert host is not None
    text = f"{host.server.name} has no boot profile: none fits its tier and model"
    return Missing(_reason(code, text, request, host))


def _chained(host: HostBoot | None) -> str | None:
    if host is None or host.image is None or host.profile is None or host.profile.nbp is None:
        return None
    return CHAINED.get((host.profile.nbp, ALSO_CALLED.get(host.image.arch, host.image.arch)))


def _chain(request: BootRequest, host: HostBoot | None, code: str) -> Answer:
    nbp = _chained(host)
    assert host is not None and host.profile is not None and host.profile.nbp is not None and nbp is not None
    values = chain_context(host, CHAIN, nbp)
    text = f"{host.server.name} runs iPXE, and its profile asks for {host.profile.nbp.value}"
    return Rendered(CHAIN, values, _reason(code, text, request, host))


def _host(request: BootRequest, host: HostBoot | None, code: str) -> Answer:
    assert host is not None and request.family is not None
    template = TEMPLATES[request.family]
    values = context(host, request.family, template)
    return Rendered(template, values, _reason(code, f"configuration of {host.server.name}", request, host))


def _names(request: BootRequest) -> str:
    return " or ".join("the client's address" if key.kind is KeyKind.CLIENT else key.value for key in request.keys)


def _reason(code: str, text: str, request: BootRequest, host: HostBoot | None) -> Reason:
    key = request.keys[0] if request.keys else None
    data: dict[str, str | int | float | bool | None] = {
        "path": request.path,
        "server": host.server.name if host else None,
    }
    if key:
        data |= {"key": key.kind.value, "value": key.value}
    if request.notes:
        data["repaired"] = "; ".join(request.notes)
    return Reason(code, text, data)


RULES: tuple[Rule, ...] = (
    Rule("static-file", lambda request, host: not request.is_config, _static),
    Rule("network-not-host", lambda request, host: _of_network(request), _network),
    Rule("stub", lambda request, host: host is None and _by_client(request) and request.family in STUBS, _stub),
    Rule("unknown-host", lambda request, host: host is None, _unknown),
    Rule("no-image", lambda request, host: not _has_image(host), _imageless),
    Rule("chain", lambda request, host: request.family is NbpFamily.IPXE and _chained(host) is not None, _chain),
    Rule("host-config", lambda request, host: True, _host),
)
