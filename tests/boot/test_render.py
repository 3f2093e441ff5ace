"""Rendering: the shipped templates against golden files, and every way in which a user's template can be wrong."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from nearboot.boot.host import HostBoot
from nearboot.boot.render import Renderer, render
from nearboot.boot.request import parse
from nearboot.boot.resolve import Rendered, resolve
from nearboot.errors import InputError
from nearboot.model import HardwareModel, Image, NbpFamily, Slug

GOLDEN = Path(__file__).parent / "golden"


def _rendered(asked: str, host: HostBoot | None, templates: dict[str, str]) -> str:
    answer = resolve(parse(asked), host)
    assert isinstance(answer, Rendered)
    return render(templates, answer.template, answer.context)


CASES = [
    ("pxelinux.cfg", "pxelinux.cfg/01-52-54-00-00-00-1a", True),
    ("grub.cfg", "grub/grub.cfg", True),
    ("grub-stub.cfg", "grub/grub.cfg", False),
    ("boot.ipxe", "boot.ipxe", True),
    ("ipxe-stub.ipxe", "boot.ipxe", False),
]


@pytest.mark.parametrize(("name", "asked", "known"), [pytest.param(*case, id=case[0]) for case in CASES])
def test_shipped_templates_render_as_recorded(
    name: str, asked: str, known: bool, host: HostBoot, templates: dict[str, str]
) -> None:
    """What boot loaders read, byte for byte."""
    assert _rendered(asked, host if known else None, templates) == (GOLDEN / name).read_text()


@pytest.mark.parametrize("bare", [False, True], ids=["full", "bare"])
@pytest.mark.parametrize("known", [False, True], ids=["stub", "host"])
def test_grub_itself_accepts_its_configuration(
    known: bool, bare: bool, host: HostBoot, templates: dict[str, str], tmp_path: Path
) -> None:
    """grub-script-check (Debian: grub-common) parses it as GRUB will."""
    if bare:
        host = replace(host, image=Image(Slug("bare"), "vmlinuz"), model=None, run=None, profile=None)
    path = tmp_path / "grub.cfg"
    path.write_text(_rendered("grub/grub.cfg", host if known else None, templates))
    result = subprocess.run(["grub-script-check", str(path)], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_bare_host_renders_everywhere(host: HostBoot, templates: dict[str, str]) -> None:
    """No initrd, no serial console, no run and no HTTP address: nothing that is absent leaves a trace."""
    host = replace(
        host, image=Image(Slug("bare"), "vmlinuz"), model=HardwareModel(Slug("m")), run=None, boot_server=None
    )
    assert "INITRD" not in _rendered("pxelinux.cfg/default", host, templates)
    assert "SERIAL" not in _rendered("pxelinux.cfg/default", host, templates)
    assert "initrd" not in _rendered("grub/grub.cfg", host, templates)
    assert "kernel /vmlinuz " in _rendered("boot.ipxe", host, templates)


def test_a_client_with_ipxe_is_handed_to_the_program_of_its_profile(host: HostBoot, templates: dict[str, str]) -> None:
    """By the address of the boot server that it asked, of the family that it came over."""
    assert host.profile is not None
    host = replace(host, profile=replace(host.profile, nbp=NbpFamily.PXELINUX), client=IPv6Address("fd77::9"))
    assert "chain tftp://[fd77::1]/pxelinux.0 || goto failed" in _rendered("boot.ipxe", host, templates).splitlines()


def test_the_script_that_hands_on_needs_no_arguments_and_no_boot_server(
    host: HostBoot, templates: dict[str, str]
) -> None:
    """iPXE does not carry the arguments there, so those that it could not carry do no harm."""
    assert host.profile is not None
    profile = replace(host.profile, nbp=NbpFamily.GRUB, args=("a=#b || c",))
    text = _rendered("boot.ipxe", replace(host, profile=profile, boot_server=None), templates)
    assert "chain tftp://${next-server}/grubnetx64.efi || goto failed" in text.splitlines()
    with pytest.raises(InputError):
        _rendered("boot.ipxe", replace(host, profile=replace(profile, nbp=NbpFamily.IPXE)), templates)


def test_append_is_one_line(host: HostBoot, templates: dict[str, str]) -> None:
    """PXELINUX ends APPEND at the end of the line."""
    text = _rendered("pxelinux.cfg/default", host, templates)
    (append,) = [line for line in text.splitlines() if line.startswith("  APPEND ")]
    assert append.endswith("/callback/3q2-7w")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("a\nb\n{{ params.disk }}\n", 3, "'disk'", id="missing-parameter"),
        pytest.param("\n{{ nosuch }}", 2, "'nosuch'", id="missing-variable"),
        pytest.param("{% if nosuch %}x{% endif %}", 1, "'nosuch'", id="missing-in-condition"),
        pytest.param("{{ nosuch.inner.more }}", 1, "'nosuch'", id="missing-parent"),
        pytest.param("x\n{% if %}\n", 2, "a Jinja2 template", id="syntax"),
        pytest.param("x\n{% for a in b %}\n", 2, "a Jinja2 template", id="unclosed"),
        pytest.param("{{ 1 / 0 }}", 1, "ZeroDivisionError", id="arithmetic"),
        pytest.param("{{ 'a' + 1 }}", 1, "TypeError", id="type"),
        pytest.param("x\n{% include 'gone.j2' %}", 2, "no template 'gone.j2'", id="include"),
        pytest.param("x\n{{ 'a=b\\n' | pxelinux_args | nosuchfilter }}", 2, "nosuchfilter", id="filter"),
    ],
)
def test_a_wrong_template_is_named_with_its_line(text: str, line: int, message: str) -> None:
    """An operator gets the place and the name before a machine gets half a configuration."""
    with pytest.raises(InputError) as caught:
        render({"t.j2": text}, "t.j2", {"params": {}})
    (fault,) = caught.value.faults
    assert (fault.file, fault.line) == ("t.j2", line)
    assert message in str(fault)


def test_the_message_of_a_missing_variable_reads_well() -> None:
    """Template, line, variable, in one line."""
    with pytest.raises(InputError) as caught:
        render({"grub.cfg.j2": "set x={{ params.disk }}"}, "grub.cfg.j2", {"params": {"role": "web"}})
    assert str(caught.value) == (
        "grub.cfg.j2:1: disk: found no value ('dict object' has no attribute 'disk'); "
        "expected a variable 'disk', such as a server parameter"
    )


def test_a_fault_in_an_included_template_is_named_there() -> None:
    """Not in the file that includes it."""
    with pytest.raises(InputError) as caught:
        render({"a.j2": "{% include 'b.j2' %}", "b.j2": "x\n{{ gone }}"}, "a.j2", {})
    assert (caught.value.faults[0].file, caught.value.faults[0].line) == ("b.j2", 2)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{{ ''.__class__.__mro__ }}", id="class"),
        pytest.param("{{ server.__init__.__globals__ }}", id="globals"),
        pytest.param("{{ ''['__class__'] }}", id="subscript"),
        pytest.param("{{ server | attr('__class__') }}", id="attr-filter"),
        pytest.param("{{ cycler.__init__.__globals__.os.popen('id').read() }}", id="cycler"),
        pytest.param("{{ '{0.__class__}'.format(server) }}", id="format"),
        pytest.param("{{ server.update({'name': 'x'}) }}", id="mutate-dict"),
        pytest.param("{{ initrd.append('x') }}", id="mutate-list"),
        pytest.param("{% for i in range(10 ** 9) %}x{% endfor %}", id="huge-range"),
        pytest.param("{{ self.__init__ }}", id="self"),
    ],
)
def test_a_template_cannot_leave_the_sandbox(text: str) -> None:
    """No Python internals, no changes to what it was given, no endless loops."""
    variables = {"server": {"name": "web01"}, "initrd": ["a"]}
    with pytest.raises(InputError):
        render({"t.j2": text}, "t.j2", variables)
    assert variables == {"server": {"name": "web01"}, "initrd": ["a"]}


def test_an_overlong_configuration_is_refused() -> None:
    """A template that makes megabytes is broken."""
    with pytest.raises(InputError, match="2000000 characters"):
        render({"t.j2": "{{ 'x' * 2000000 }}"}, "t.j2", {})


def test_filters_quote_for_a_loader() -> None:
    """A parameter can be put on a command line safely."""
    text = "{{ params.extra | grub_args }}|{{ ['a b'] | pxelinux_args }}"
    assert render({"t.j2": text}, "t.j2", {"params": {"extra": "a;b c"}}) == "'a;b' c|\"a b\""


def test_a_template_is_compiled_once() -> None:
    """Compiling takes a thousand times as long as rendering; another value still makes another text."""
    renderer = Renderer({"a.j2": "{{ x }}"})
    first = renderer._environment.get_template("a.j2")
    assert [renderer.render("a.j2", {"x": number}) for number in range(3)] == ["0", "1", "2"]
    assert renderer._environment.get_template("a.j2") is first
