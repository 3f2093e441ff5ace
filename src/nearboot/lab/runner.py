"""A running lab: builds the network of a topology, runs daemons and machines in it, and takes everything away again.

It does not know what the daemons are: they come as argv and environment from the composition root. Whatever happens (an
error, a dead daemon, SIGINT, SIGTERM), leaving the ``async with`` block ends every process and deletes every namespace;
logs and serial consoles stay in the run folder.

    async with Lab(topology, Path("run"), accel=accel) as lab:
        await lab.start("kea", lab.site("ams"), ["kea-dhcp4", "-c", "kea.json"], ready=re.compile("STARTED"))
        await lab.start_machine("web-ams-01")
        async for event in lab.events(): print(event.machine, event.milestone)
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from nearboot.errors import NotFoundError, ToolError
from nearboot.lab.advert_runner import READY as ADVERT_READY
from nearboot.lab.advert_runner import command as advert_command
from nearboot.lab.console import Console, Milestone, MilestoneKind
from nearboot.lab.host_runner import check_privileges
from nearboot.lab.leftover_runner import STATE_DIR, Ledger
from nearboot.lab.link_runner import READY as LINK_READY
from nearboot.lab.link_runner import command as link_command
from nearboot.lab.machine import OVMF_VARS, Accel, MachineFiles
from nearboot.lab.machine import command as machine_command
from nearboot.lab.plan import BRIDGE, boot_namespace, machine_tap, site_namespace, steps, wires
from nearboot.lab.process_runner import Child, Ready, run
from nearboot.lab.topology import Site, Topology
from nearboot.model import Firmware

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class MachineEvent:
    """A milestone of one machine."""

    machine: str
    milestone: Milestone


class Lab:
    """One lab, from building its network to taking it away; use it as an async context manager, once."""

    def __init__(
        self,
        topology: Topology,
        run_dir: Path,
        *,
        accel: Accel = Accel.TCG,
        say: Callable[[str], None] = lambda _: None,
        state_dir: Path = STATE_DIR,
    ) -> None:
        self.topology, self.run_dir = topology, run_dir
        self._accel, self._say = accel, say
        self._ledger = Ledger(state_dir, topology.name)
        self._locked = ExitStack()
        self._children: dict[str, Child] = {}  # in the order of their starts
        self._watches: set[asyncio.Task[None]] = set()
        self._expected: set[Child] = set()  # those whose end is no failure
        self._logged: set[Path] = set()  # a daemon that is started again goes on in its log
        self._machines: set[str] = set()  # those that run
        self._events: asyncio.Queue[MachineEvent | None] = asyncio.Queue()
        self._owner: asyncio.Task[object] | None = None
        self._failure: ToolError | None = None
        self._closing = False

    async def __aenter__(self) -> Self:
        """Clear what an earlier run left, build the network and start the links."""
        check_privileges()
        self._locked.enter_context(self._ledger)
        self._owner = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._interrupt, number)
        try:
            for thing in await self._ledger.clear():
                self._say(f"cleared {thing}, left by an earlier run")
            self._say(f"building the network of {self.topology.name}")
            for step in steps(self.topology):
                await run(*step.argv)
            for wire in wires(self.topology):
                self._say(f"starting {wire.name} delay_ms={wire.link.delay_ms:g}")
                argv = link_command(wire, python=sys.executable)
                await self.start(wire.name, None, argv, ready=re.compile(LINK_READY))
            for site in self.topology.sites:
                await self._advertise(site)
        except BaseException as error:
            await self._leave(error)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take everything away; raise what made the lab fail, if it was not the block itself."""
        await self._leave(error)

    def site(self, name: str) -> str:
        """Give the namespace of a site's router: for Kea, and for looking at things from that site."""
        self._known("site", name, [site.name for site in self.topology.sites])
        return site_namespace(self.topology.name, name)

    def boot_server(self, name: str) -> str:
        """Give the namespace of a boot server's host."""
        self._known("boot server", name, [node.name for node in self.topology.boot_servers])
        return boot_namespace(self.topology.name, name)

    def log(self, name: str) -> Path:
        """Give the log file of a daemon or link."""
        return self.run_dir / "logs" / f"{name}.log"

    def serial(self, machine: str) -> Path:
        """Give the file with all that a machine's serial console has shown."""
        return self.run_dir / "serial" / f"{machine}.log"

    async def start(
        self,
        name: str,
        namespace: str | None,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        ready: Ready | None = None,
        timeout_s: float = 30.0,
    ) -> Child:
        """Start a daemon and wait until it is ready. From then on its death ends the lab with its last lines."""
        self._vacant(name)
        child = await Child.start(name, argv, namespace=namespace, log=self._opened(self.log(name)), env=env)
        self._adopt(child, argv)
        if ready is not None:
            await child.ready(ready, timeout_s)
        self._watch(child, self._daemon_ended)
        return child

    async def run(self, namespace: str, argv: Sequence[str]) -> str:
        """Run a command in a namespace to its end; give what it printed."""
        return await run("ip", "netns", "exec", namespace, *argv)

    async def end(self, name: str) -> None:
        """End a daemon, link or machine on purpose: a fault to be survived, not the end of the lab."""
        self._known("process", name, list(self._children))
        child = self._children.pop(name)
        self._expected.add(child)
        await child.stop()
        self._ledger.forget(name)

    async def start_machine(self, name: str) -> None:
        """Start a virtual machine, which boots from the network at once; its milestones come as events."""
        self._known("machine", name, [machine.name for machine in self.topology.machines])
        self._vacant(name)
        machine = next(machine for machine in self.topology.machines if machine.name == name)
        tap = machine_tap(self.topology, name)
        argv = machine_command(machine, tap=tap.interface, files=self._files(name, machine.firmware), accel=self._accel)
        console, began = Console(), time.monotonic()

        def listen(chunk: bytes) -> None:
            for milestone in console.feed(chunk, time.monotonic() - began):
                self._events.put_nowait(MachineEvent(name, milestone))

        async def ended(child: Child, status: int) -> None:
            self._machines.discard(name)
            if status and child not in self._expected:
                self._fail(child.death("while the lab ran"))
            milestone = Milestone(MilestoneKind.POWER_OFF, time.monotonic() - began, f"QEMU ended with status {status}")
            self._events.put_nowait(MachineEvent(name, milestone))

        child = await Child.start(
            name, argv, namespace=tap.namespace, log=self._opened(self.serial(name)), listener=listen
        )
        self._machines.add(name)
        self._adopt(child, argv)
        self._watch(child, ended)

    async def events(self) -> AsyncIterator[MachineEvent]:
        """Give the milestones of all machines as they come; ends when no machine runs any more."""
        while self._machines or not self._events.empty():
            event = await self._events.get()
            if event is not None:
                yield event

    async def stop(self) -> None:
        """Take everything away; leaving the block does so as well."""
        self._closing = True
        self._expected.update(self._children.values())
        await asyncio.gather(*(child.stop() for child in self._children.values()))
        await asyncio.gather(*self._watches)
        self._children.clear()
        await self._ledger.clear()

    async def _advertise(self, site: Site) -> None:
        """A site's gateway tells of its prefix, as gateways do; BIOS machines wait for it."""
        if site.ipv6:
            argv = advert_command(interface=BRIDGE, prefix=site.ipv6.network, python=sys.executable)
            await self.start(f"advert-{site.name}", self.site(site.name), argv, ready=re.compile(ADVERT_READY))

    def _opened(self, log: Path) -> BinaryIO:
        log.parent.mkdir(parents=True, exist_ok=True)
        mode = "ab" if log in self._logged else "wb"
        self._logged.add(log)
        return cast(BinaryIO, log.open(mode, buffering=0))

    def _vacant(self, name: str) -> None:
        if name in self._children and self._children[name].status is None:
            raise ToolError(name, "runs in this lab already")

    def _adopt(self, child: Child, argv: Sequence[str]) -> None:
        self._children[child.name] = child
        self._ledger.record(child.name, child.pid, argv)

    def _watch(self, child: Child, ended: Callable[[Child, int], object]) -> None:
        async def watch() -> None:
            status = await child.wait()
            result = ended(child, status)
            if asyncio.iscoroutine(result):
                await result

        task = asyncio.create_task(watch())
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)

    def _daemon_ended(self, child: Child, _status: int) -> None:
        if child not in self._expected:
            self._fail(child.death("while the lab ran"))

    def _files(self, name: str, firmware: Firmware | None) -> MachineFiles:
        if firmware is not Firmware.UEFI:
            return MachineFiles()
        target = self.run_dir / "machines" / f"{name}.vars.fd"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(OVMF_VARS, target)
        except FileNotFoundError as error:
            raise ToolError("lab", f"{OVMF_VARS} not found; apt-get install ovmf") from error
        return MachineFiles(uefi_vars=target.resolve())

    def _known(self, noun: str, name: str, names: Sequence[str]) -> None:
        if name not in names:
            raise NotFoundError(noun, name, names)

    def _interrupt(self, number: signal.Signals) -> None:
        self._fail(ToolError(f"lab {self.topology.name}", f"interrupted by {number.name}; all of it was taken away"))

    def _fail(self, failure: ToolError) -> None:
        """Note the first failure and wake the block, which is inside some ``await``."""
        if self._closing or self._failure:
            return
        self._failure = failure
        if self._owner:
            self._owner.cancel()

    async def _leave(self, error: BaseException | None) -> None:
        """Take everything away, unmoved by further signals and cancellations, and say why the lab failed."""
        self._closing = True
        cleanup = asyncio.create_task(self.stop())
        cancelled = False
        while not cleanup.done():
            try:
                await asyncio.shield(cleanup)
            except asyncio.CancelledError:
                cancelled = True
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        self._locked.close()
        problem = cleanup.exception()
        if self._failure:
            if self._owner:
                self._owner.uncancel()
            raise self._failure from (problem or error)
        if problem:
            raise problem from error
        if cancelled and error is None:
            raise asyncio.CancelledError
