"""A machine in memory: the driver's protocol with gates instead of time."""

import asyncio
from collections.abc import Sequence

from batwa_agent.driver import Details, Driver, Listed, OnProgress, Progress, Size
from batwa_common.errors import BatwaError, DriverFailed, VmExists, VmNotFound
from batwa_common.wire.agent import DriverStatus
from batwa_common.wire.vm import CreateVm, VmState


class FakeDriver:
    """VMs are names with states. A call that changes one waits for `gate`, if there is one."""

    def __init__(self, **vms: VmState) -> None:
        self.vms: dict[str, VmState] = dict(vms)
        self.calls: list[str] = []
        self.gate: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.failure: BatwaError | None = None
        """Raised by the next changing call."""
        self.silence: BatwaError | None = None
        """Raised by every list while set."""
        self.frozen: set[str] = set()
        """Instances whose details never come."""
        self.leftover = False
        """Whether a launch that is ended halfway leaves its VM behind."""
        self.argv: Sequence[str] = ("sh",)
        self.names_vm = False

    async def status(self) -> DriverStatus:
        return DriverStatus(name="multipass", version="1.16.3", simulated=True)

    async def list_vms(self) -> list[Listed]:
        if self.silence is not None:
            raise self.silence
        return [Listed(name, state, "") for name, state in self.vms.items()]

    async def size(self, name: str) -> Size:
        self.calls.append(f"size {name}")
        return Size(2, 1 << 30, 5 << 30)

    async def details(self, name: str) -> Details:
        self.calls.append(f"details {name}")
        if name in self.frozen:
            await asyncio.Event().wait()
        state = self._state(name)
        ipv4 = ("10.0.0.7",) if state == "Running" else ()
        return Details(
            state, ipv4, "Ubuntu 24.04 LTS", "24.04 LTS", "abc", 2, (), 900 << 20, None, 4 << 30, None, 0
        )

    async def launch(self, command: CreateVm, on_progress: OnProgress) -> None:
        name = command.name
        self.calls.append(f"launch {name}")
        if name in self.vms:
            raise VmExists(name)
        on_progress(Progress("Retrieving image", 40))
        try:
            await self._pass()
        except asyncio.CancelledError:
            if self.leftover:
                self.vms[name] = "Starting"
            raise
        self.vms[name] = "Running"

    async def start(self, name: str, on_progress: OnProgress) -> None:
        await self._change("start", name, "Running", on_progress)

    async def stop(self, name: str, on_progress: OnProgress, *, force: bool) -> None:
        await self._change("stop --force" if force else "stop", name, "Stopped", on_progress)

    async def restart(self, name: str, on_progress: OnProgress) -> None:
        await self._change("restart", name, "Running", on_progress)

    async def suspend(self, name: str, on_progress: OnProgress) -> None:
        await self._change("suspend", name, "Suspended", on_progress)

    async def delete(self, name: str, *, purge: bool) -> None:
        self.calls.append(f"delete{' --purge' if purge else ''} {name}")
        self._state(name)
        if purge:
            del self.vms[name]
        else:
            self.vms[name] = "Deleted"

    async def recover(self, name: str) -> None:
        self.calls.append(f"recover {name}")
        self.vms[name] = "Stopped"

    def shell(self, name: str) -> Sequence[str]:
        return [*self.argv, name] if self.names_vm else self.argv

    def command(self, name: str, command: Sequence[str]) -> Sequence[str]:
        self.calls.append(f"command {name}")
        return command

    async def _change(self, verb: str, name: str, state: VmState, on_progress: OnProgress) -> None:
        self.calls.append(f"{verb} {name}")
        on_progress(Progress(verb))
        self._state(name)
        await self._pass()
        self.vms[name] = state

    async def _pass(self) -> None:
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if (failure := self.failure) is not None:
            self.failure = None
            raise failure

    def _state(self, name: str) -> VmState:
        if name not in self.vms:
            raise VmNotFound(name)
        return self.vms[name]


CHECKED: Driver = FakeDriver()
"""That it is one: mypy reads this line."""
BROKEN = DriverFailed("start failed: the guest did not boot")
