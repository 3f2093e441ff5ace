"""``nearboot lab run``: a real boot of every machine of a topology, from DHCP to the last call-back, and its traces.

In order: boot files, network namespaces, boot servers (TFTP and HTTP) in their namespaces, a health check across the
lab's network, routes, the Kea configuration and Kea, machines. Then it follows until each machine is provisioned, and
compares every read with the boot server that the route chose.

    outcome = asyncio.run(LabRun(config, topology, progress=progress).run())
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from nearboot.app import kea, provision
from nearboot.app.daemon import READY
from nearboot.app.database import database, reading
from nearboot.app.leases import follow_file
from nearboot.app.settings import folder
from nearboot.app.trace import of_server
from nearboot.config import Config
from nearboot.errors import ConfigError, NotFoundError, ToolError
from nearboot.inventory import store
from nearboot.kea.finding import Severity
from nearboot.kea.runner import daemon_argv, daemon_env
from nearboot.kea.settings import KeaSettings
from nearboot.lab.console import Milestone, MilestoneKind
from nearboot.lab.facts import complete
from nearboot.lab.host_runner import host_facts, missing_packages
from nearboot.lab.machine import choose_accel
from nearboot.lab.material_runner import prepare
from nearboot.lab.plan import BRIDGE
from nearboot.lab.runner import Lab
from nearboot.lab.topology import parse
from nearboot.model import Phase, Prefix
from nearboot.provisioning.trace import Trace

POLL_S = 0.5
KEA_STARTED = re.compile(r"DHCP[46]_STARTED")


class Progress(Protocol):
    """Who shows how far a lab is."""

    def say(self, text: str) -> None:
        """One fact."""

    def show(self, states: Sequence[MachineState]) -> None:
        """All machines, as they stand now."""


@dataclass(slots=True)
class MachineState:
    """What is known of a machine while the lab runs. ``elapsed_s`` counts from its start."""

    name: str
    firmware: str
    phase: Phase = Phase.POWER_ON
    boot_servers: tuple[str, ...] = ()
    console: str = ""
    elapsed_s: float = 0.0
    done: bool = False
    problem: str = ""
    milestones: list[Milestone] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a lab ended: a trace for each machine, and what was not as it must be (empty: all is well)."""

    traces: tuple[Trace, ...]
    problems: tuple[str, ...]
    took_s: tuple[tuple[str, float], ...]  # machine, seconds from power-on to provisioned


def topologies(config: Config) -> list[str]:
    """The names of the topologies that there are."""
    return sorted(path.stem for path in folder(config, "topology").glob("*.yaml"))


def find_topology(config: Config, name: str) -> tuple[str, str]:
    """A topology's file and its text, by path or by name; NotFoundError with those that there are."""
    for path in (Path(name), folder(config, "topology") / f"{name}.yaml"):
        if path.is_file() and path.suffix in (".yaml", ".yml"):
            return str(path), path.read_text(encoding="utf-8")
    raise NotFoundError("topology", name, topologies(config))


class LabRun:
    """One run of a topology."""

    def __init__(self, config: Config, topology: str, *, progress: Progress, timeout_s: float, actor: str) -> None:
        if missing := missing_packages():
            raise ToolError("lab", f"needs Debian packages that are not installed: {' '.join(missing)}")
        file, text = find_topology(config, topology)
        with reading(config) as session:
            self._topology = complete(
                parse(text, file),
                file,
                servers=store.servers(session),
                models=store.models(session),
                boot_servers=store.boot_servers(session),
            )
        self._config = config
        self._run_dir = Path(config.state_dir).resolve() / "lab" / self._topology.name
        self._progress, self._timeout_s, self._actor = progress, timeout_s, actor
        self._states = {
            m.name: MachineState(m.name, str(m.firmware and m.firmware.value)) for m in self._topology.machines
        }

    async def run(self) -> Outcome:
        """Build, boot, follow, compare, take away; the lab is gone when this returns or raises."""
        materials = await asyncio.to_thread(prepare, self._run_dir.parent, self._progress.say)
        accel = choose_accel(host_facts(), os.environ.get("NEARBOOT_LAB_ACCEL"))
        stop = asyncio.Event()
        async with Lab(self._topology, self._run_dir, accel=accel, say=self._progress.say) as lab:
            await self._start_boot_servers(lab, materials.root)
            await self._check_health(lab)
            how = await self._start_kea(lab)
            with database(self._config) as engine:
                files = (Path(how.lease_file4), Path(how.lease_file6))
                follower = asyncio.gather(*(follow_file(engine, file, stop, skip_existing=False) for file in files))
                try:
                    await self._boot(lab)
                finally:
                    stop.set()
                    await follower
            await self._end_boot_servers(lab)
        return self._outcome()

    async def _start_boot_servers(self, lab: Lab, root: Path) -> None:
        for node in self._topology.boot_servers:
            self._progress.say(f"starting boot server {node.name}: TFTP and HTTP")
            for daemon in ("tftp", "http"):
                argv = self._nearboot("serve", daemon, "--boot-server", node.name, "--root", str(root))
                where = lab.boot_server(node.name)
                await lab.start(f"{node.name}-{daemon}", where, argv, env=self._env(), ready=re.compile(READY))

    async def _end_boot_servers(self, lab: Lab) -> None:
        """End them in order, so that every event is in the book before it is read."""
        names = [f"{node.name}-{daemon}" for node in self._topology.boot_servers for daemon in ("tftp", "http")]
        await asyncio.gather(*(lab.end(name) for name in names))

    async def _check_health(self, lab: Lab) -> None:
        """Probe from the site where Kea stands, as the controller of that site would."""
        site = self._topology.kea[0]
        argv = self._nearboot("boot-server", "check", *(n.name for n in self._topology.boot_servers), "--vantage", site)
        self._progress.say(f"probing the boot servers from {site}: a real read from each")
        try:
            await lab.run(lab.site(site), ("env", *(f"{key}={value}" for key, value in self._env().items()), *argv))
        except ToolError as error:
            self._progress.say(f"not every boot server is healthy\n{error.detail.rstrip()}")

    async def _start_kea(self, lab: Lab) -> KeaSettings:
        how = self._kea_settings()
        folder_ = self._run_dir / "kea"
        generated = await asyncio.to_thread(
            kea.generate, self._config, folder_, how, actor=self._actor, now=datetime.now(UTC)
        )
        errors = [str(finding) for item in generated for finding in item.findings if finding.severity is Severity.ERROR]
        if errors:
            raise ConfigError("the generated Kea configuration would not work:\n" + "\n".join(errors))
        for file in (how.lease_file4, how.lease_file6):
            Path(file).unlink(missing_ok=True)  # a lease of an earlier run would be told again
        for site in self._topology.kea:
            for family, item in zip((4, 6), generated, strict=True):
                self._progress.say(f"starting kea-dhcp{family} at {site}")
                argv, env = daemon_argv(family, item.path), daemon_env(self._kea_dir(), inherited={})
                await lab.start(f"kea{family}-{site}", lab.site(site), argv, env=env, ready=KEA_STARTED)
        return how

    def _kea_dir(self) -> Path:
        path = self._run_dir / "kea"
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o750)  # Kea 2.6 and later insist
        return path

    def _kea_settings(self) -> KeaSettings:
        """Kea on the bridge of its site, with all its files in the run folder. Short names: a socket's path has 107."""
        site = self._topology.site(self._topology.kea[0])
        attached: dict[Prefix, str] = {}
        if site.ipv6 is not None:
            attached[site.ipv6.network] = BRIDGE
        path = self._kea_dir()
        return replace(
            kea.settings(self._config),
            interfaces4=(BRIDGE,),
            interfaces6=(BRIDGE,) if site.ipv6 else (),
            attached=attached,
            control_socket4=str(path / "4.sock"),
            control_socket6=str(path / "6.sock"),
            lease_file4=str(path / "leases4.csv"),
            lease_file6=str(path / "leases6.csv"),
            log_output4="stdout",
            log_output6="stdout",
        )

    async def _boot(self, lab: Lab) -> None:
        names, why = list(self._states), f"lab {self._topology.name}"
        provision.start(self._config, names, reason=why, actor=self._actor, now=datetime.now(UTC))
        for name in names:
            self._progress.say(f"power on {name} ({self._states[name].firmware})")
            await lab.start_machine(name)
        began = asyncio.get_running_loop().time()
        listener = asyncio.create_task(self._listen(lab))
        try:
            while not listener.done():
                elapsed = asyncio.get_running_loop().time() - began
                await asyncio.to_thread(self._refresh, elapsed)
                self._progress.show(list(self._states.values()))
                if all(state.done or state.problem for state in self._states.values()):
                    break
                if elapsed > self._timeout_s:
                    self._give_up()
                    break
                await asyncio.wait([listener], timeout=POLL_S)
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
        await asyncio.to_thread(self._refresh, None)
        self._progress.show(list(self._states.values()))

    async def _listen(self, lab: Lab) -> None:
        async for event in lab.events():
            state, milestone = self._states[event.machine], event.milestone
            state.milestones.append(milestone)
            state.console = milestone.text
            if milestone.kind is MilestoneKind.FATAL:
                state.problem = f"its console says: {milestone.text}"

    def _refresh(self, elapsed: float | None) -> None:
        """Bring the states to what the database says."""
        for state in self._states.values():
            found = of_server(self._config, state.name, run_id=None, now=datetime.now(UTC))
            if found is None or state.done:
                continue
            state.phase, state.boot_servers = found.run.phase, found.boot_servers
            state.elapsed_s = state.elapsed_s if elapsed is None else elapsed
            state.done = found.complete
            if found.run.outcome == "failed":
                state.problem = f"it reported: {found.run.problem}"

    def _give_up(self) -> None:
        for state in self._states.values():
            if not state.done and not state.problem:
                last = state.console or "nothing"
                state.problem = f"not provisioned within {self._timeout_s:.0f} s; its console said last: {last}"

    def _outcome(self) -> Outcome:
        problems, traces = [], []
        for state in self._states.values():
            found = of_server(self._config, state.name, run_id=None, now=datetime.now(UTC))
            if state.problem:
                problems.append(f"{state.name}: {state.problem}")
            if found is None:
                problems.append(f"{state.name}: no event was recorded")
                continue
            traces.append(found)
            if not found.complete and not state.problem:
                problems.append(f"{state.name}: it is not provisioned: {found.missing.text if found.missing else '?'}")
            problems += [
                f"{state.name}: {wrong.subject} came from {wrong.boot_server}, the route says {wrong.expected}"
                for wrong in found.mismatches
            ]
        took = tuple((state.name, state.elapsed_s) for state in self._states.values() if state.done)
        return Outcome(tuple(traces), tuple(problems), took)

    def _nearboot(self, *words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "nearboot", *words)

    def _env(self) -> dict[str, str]:
        """What the daemons need of the environment: where the database and the shipped folders are."""
        wanted = ("NEARBOOT_CONFIG", "NEARBOOT_DATABASE_URL", "NEARBOOT_STATE_DIR", "PYTHONPATH")
        known = {name: os.environ[name] for name in wanted if name in os.environ}
        return known | {"NEARBOOT_STATE_DIR": self._config.state_dir, "NEARBOOT_DATABASE_URL": self._config.database}
