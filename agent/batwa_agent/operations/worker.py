"""Do an operation, or find out what became of one that a dying agent left."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from batwa_agent.driver import Driver, Progress
from batwa_agent.inventory.inventory import Inventory
from batwa_common.errors import OperationCancelled, OperationInterrupted, VmExists
from batwa_common.wire.vm import CreateVm, RestartVm

from .execution import carry_out, undo_launch
from .job import Job
from .settlement import Patience, Sight, objection, reached


@dataclass(frozen=True)
class Looking:
    """How an interrupted operation is looked at."""

    every_s: float
    patience: Patience


class Worker:
    """Does jobs on a driver.

    Args:
        driver: Does the work.
        inventory: Says which VMs there are; *look* makes it fresh.
        look: Asks the driver for its list now; False if it does not answer.
        must_answer: Raises if Multipass is known not to answer.
        looking: How often and how long to look.

    """

    def __init__(
        self,
        driver: Driver,
        inventory: Inventory,
        *,
        look: Callable[[], Awaitable[bool]],
        must_answer: Callable[[], None],
        looking: Looking,
    ) -> None:
        self._driver = driver
        self._inventory = inventory
        self._look = look
        self._must_answer = must_answer
        self._looking = looking

    async def do(self, job: Job) -> None:
        """Do *job*. Raises what the driver raises, and `OperationCancelled` if it was undone."""
        if isinstance(job.command, CreateVm):
            await self._launch(job)
        else:
            await carry_out(self._driver, job.command, job.operation.vm_name, job.report)
            if isinstance(job.command, RestartVm):
                self._inventory.restarted.add(job.operation.vm_name)

    async def settle(self, job: Job) -> None:
        """Look until the VM is as *job* wanted it. Raises `OperationInterrupted` once it clearly is not."""
        job.report(Progress("Finding out what became of it"))
        sight: Sight | None = None
        began = time.monotonic()
        while not job.record.cancel_requested:
            if await self._look():
                began = time.monotonic() if sight is None else began
                sight = self._see(job.operation.vm_name, sight, time.monotonic() - began)
                if self._is_settled(job, sight):
                    break
            await asyncio.sleep(self._looking.every_s)
        await self._undo_if_asked(job)

    async def _launch(self, job: Job) -> None:
        name = job.operation.vm_name
        if not await self._look():
            self._must_answer()
        if self._inventory.find(name) is not None:
            raise VmExists(f"VM '{name}' exists already; choose another name.")
        async with job.saving:
            await job.save("launched")  # from here on a VM of that name is this operation's own
        if not job.record.cancel_requested:
            job.call = asyncio.create_task(carry_out(self._driver, job.command, name, job.report))
            await _ended(job.call)
        await self._undo_if_asked(job)
        if job.call is not None:
            await job.call

    async def _undo_if_asked(self, job: Job) -> None:
        async with job.saving:
            job.can_be_undone = False
        if job.record.cancel_requested:
            await undo_launch(
                job.operation.vm_name,
                self._driver,
                self._inventory,
                self._look,
                looks=self._looking.patience.looks,
                look_every_s=self._looking.every_s / 2,
            )
            raise OperationCancelled

    def _see(self, name: str, before: Sight | None, waited_s: float) -> Sight:
        vm = self._inventory.find(name)
        state = vm.state if vm is not None else None
        same_looks = before.same_looks + 1 if before is not None and before.state == state else 1
        return Sight(state, same_looks, waited_s)

    def _is_settled(self, job: Job, sight: Sight) -> bool:
        patience = self._looking.patience
        if reached(job.command, sight, patience):
            return True
        if (reason := objection(job.command, job.operation.vm_name, sight, patience)) is not None:
            raise OperationInterrupted(reason)
        return False


async def _ended(call: asyncio.Task[None]) -> None:
    """Wait until *call* has ended, however; if we are cancelled, so is it."""
    try:
        await asyncio.wait((call,))
    finally:
        if not call.done():
            call.cancel()
            await asyncio.wait((call,))
        if not call.cancelled():
            call.exception()  # looked at, so that nobody reports it as never retrieved
