"""Runs the Kea daemons: to try a configuration file (``kea-dhcp4 -t``), and to serve with one.

The daemon is found in PATH or in the folders of system programs. A configuration that names interfaces of another
machine, or of a network namespace, is tried in a copy in which those names are ``lo``: Kea refuses a file with an
unknown interface, and nothing else in a file depends on it. That needs no privilege and no namespace (containers often
forbid them), and is said in the result. Every file that names only ``*`` or interfaces that exist is tried as it is.

    verdict = await validate(4, Path("kea-dhcp4.conf"))
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nearboot.errors import InputError, PeerError, ToolError
from nearboot.kea.client import status_get
from nearboot.kea.config import render
from nearboot.kea.document import control_socket, folders, load, named_interfaces, with_loopback

PACKAGES = {4: "kea-dhcp4-server", 6: "kea-dhcp6-server"}
_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
_INTERFACES = Path("/sys/class/net")
_PROGRESS = re.compile(r"^\d{4}-\d\d-\d\d \S+ +(INFO|WARN|DEBUG) ")
_TEST_TIMEOUT_S = 120.0  # 100,000 reservations take 3 s


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ``-t`` said of a file. ``substituted`` are the interfaces that were tried as ``lo``."""

    family: int
    path: Path
    version: str
    status: int  # the daemon's exit status
    output: str
    substituted: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Tell whether Kea accepts the file."""
        return self.status == 0

    @property
    def problems(self) -> tuple[str, ...]:
        """Return the lines of Kea's output that say what is wrong, without those about its progress."""
        return tuple(line for line in self.output.splitlines() if line and not _PROGRESS.search(line))


async def validate(family: int, path: Path, *, timeout_s: float = _TEST_TIMEOUT_S) -> Verdict:
    """Run ``kea-dhcpN -t`` on a file; ``ToolError`` if Kea is not installed or does not end."""
    program, version = daemon(family), await kea_version(family)
    with tempfile.TemporaryDirectory(prefix="nearboot-kea-") as folder:
        run_dir = Path(folder)
        tried, substituted = _tried_file(path, run_dir)
        status, output = await _run([program, "-t", str(tried)], _trial_env(run_dir, tried), timeout_s)
    return Verdict(family, path, version, status, output.replace(str(tried), str(path)), substituted)


async def kea_version(family: int) -> str:
    """Return the version of the installed daemon, such as ``2.2.0``."""
    status, output = await _run([daemon(family), "-v"], dict(os.environ), 10.0)
    if status != 0:
        raise ToolError(f"kea-dhcp{family}", f"-v ended with status {status}", output)
    return output.strip().splitlines()[0] if output.strip() else ""


def daemon(family: int, *, system_path: str = _SYSTEM_PATH) -> str:
    """Return the path of kea-dhcp4 or kea-dhcp6, from PATH or else from ``system_path``.

    ``ToolError`` with the package's name where it is not installed.
    """
    name = f"kea-dhcp{family}"
    found = shutil.which(name) or shutil.which(name, path=system_path)
    if found is None:
        raise ToolError(name, f"not installed (Debian and Ubuntu: apt-get install {PACKAGES[family]})")
    return found


def daemon_argv(
    family: int, config_path: Path, *, port: int | None = None, reply_port: int | None = None
) -> tuple[str, ...]:
    """Return the command line of a daemon in the foreground; the ports are for tests without root."""
    ports = [f"-p{port}"] if port is not None else []
    ports += [f"-P{reply_port}"] if reply_port is not None else []
    return (daemon(family), "-c", str(config_path), *ports)


def daemon_env(run_dir: Path, *, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a daemon that keeps its files in ``run_dir`` (of mode 0750: Kea 2.6 insists).

    Kea 2.6.3 and later open logs, sockets and lease files only in the folders named here (CVE-2025-32802).
    """
    folder = str(run_dir)
    return {
        **(os.environ if inherited is None else inherited),
        "KEA_PIDFILE_DIR": folder,
        "KEA_LOCKFILE_DIR": "none",
        "KEA_LOG_FILE_DIR": folder,
        "KEA_CONTROL_SOCKET_DIR": folder,
        "KEA_DHCP_DATA_DIR": folder,
    }


@asynccontextmanager
async def serving(
    family: int,
    config_path: Path,
    run_dir: Path,
    *,
    prefix: Sequence[str] = (),
    port: int | None = None,
    reply_port: int | None = None,
    extra_env: Mapping[str, str] | None = None,
    timeout_s: float = 20.0,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a daemon, wait until its control channel answers, and end it when the block is left.

    ``prefix`` is put before the command line, such as ``("ip", "netns", "exec", "site-a")``.
    """
    argv = (*prefix, *daemon_argv(family, config_path, port=port, reply_port=reply_port))
    environment = daemon_env(run_dir) | dict(extra_env or {})
    console = run_dir / f"kea-dhcp{family}.console"
    with console.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *argv, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(timeout_s):
            await _ready(process, _control_socket(config_path))
        yield process
    except TimeoutError as error:
        raise ToolError(argv[0], f"not ready after {timeout_s} s", console.read_text(errors="replace")) from error
    except _EndedEarlyError as error:
        raise ToolError(argv[0], str(error), console.read_text(errors="replace")) from error
    finally:
        await _end(process)


class _EndedEarlyError(Exception):
    pass


async def _ready(process: asyncio.subprocess.Process, socket_path: Path) -> None:
    while True:
        if process.returncode is not None:
            raise _EndedEarlyError(f"ended at once with status {process.returncode}")
        try:
            await status_get(socket_path)
        except PeerError:
            await asyncio.sleep(0.02)
        else:
            return


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(10.0):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _control_socket(config_path: Path) -> Path:
    found = control_socket(load(config_path.read_text(), file=str(config_path)))
    if found is None:
        raise ToolError("kea", f"{config_path} has no control-socket")
    return Path(found)


def _tried_file(path: Path, run_dir: Path) -> tuple[Path, tuple[str, ...]]:
    """The file to try: the given one, or a copy where it names interfaces that this machine does not have."""
    try:
        config = load(path.read_text(), file=str(path))
    except InputError:
        return path, ()  # Kea's own words about its syntax are the better ones
    missing = tuple(name for name in named_interfaces(config) if not (_INTERFACES / name).exists())
    if not missing:
        return path, ()
    copy = run_dir / path.name
    copy.write_text(render(with_loopback(config, frozenset(missing))))
    return copy, missing


def _trial_env(run_dir: Path, tried: Path) -> dict[str, str]:
    """The environment for ``-t``: the folders that the file itself names are allowed, for it is not our choice here."""
    environment = daemon_env(run_dir)
    for name in ("KEA_LOG_FILE_DIR", "KEA_CONTROL_SOCKET_DIR", "KEA_DHCP_DATA_DIR"):
        del environment[name]
    try:
        return environment | folders(load(tried.read_text(), file=str(tried)))
    except InputError:
        return environment


async def _run(argv: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise ToolError(argv[0], f"did not end in {timeout_s} s") from error
    finally:
        await _end(process)
    return process.returncode or 0, output.decode(errors="replace")
