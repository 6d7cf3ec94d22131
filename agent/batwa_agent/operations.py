"""Everything that changes a VM, as operations: accepted on disk, done one per VM, settled after a restart."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from batwa_common.errors import (
    AgentNotFound,
    BatwaError,
    IdempotencyKeyReused,
    InvalidRequest,
    OperationCancelled,
    OperationEnded,
    OperationInterrupted,
    OperationNotFound,
    VmBusy,
    VmExists,
)
from batwa_common.supervisor import Supervisor
from batwa_common.web.vms import AnyCommand
from batwa_common.wire.base import utc_now
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import CreateVm

from .admission import admit
from .driver import Driver, Progress
from .execution import carry_out, undo_launch
from .inventory import Inventory
from .news import News
from .operation_log import failure, revised
from .operation_store import OperationStore, Record
from .settlement import Patience, Sight, objection, reached

log = structlog.stdlib.get_logger(__name__)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_LOST_REVISIONS = 1 << 20
"""Progress is not written to disk; an operation found after a restart jumps past what may have been told."""


@dataclass(frozen=True)
class Limits:
    """How much at once, how much is kept, how long an interrupted operation is looked at."""

    parallel_launches: int = 1
    parallel_actions: int = 16
    keep: int = 500
    look_every_s: float = 2.0
    patience: Patience = field(default=Patience(looks=5, moving_s=600.0))


class _Job:
    """An operation in memory."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.news = News()
        self.saving = asyncio.Lock()
        self.call: asyncio.Task[None] | None = None
        self.may_cancel = isinstance(record.command, CreateVm)

    @property
    def operation(self) -> Operation:
        return self.record.operation

    @property
    def command(self) -> AnyCommand:
        return self.record.command


class Operations:
    """The operations of this machine.

    Args:
        driver: Does the work.
        inventory: Says which VMs there are; must be kept fresh by *look*.
        store: Where they survive.
        tasks: Supervises one task per unfinished operation.
        look: Asks the driver for its list now; False if it does not answer.
        must_answer: Raises if Multipass is known not to answer; a new operation is then refused.
        publish: Called before an operation is called done: whoever then asks the hub finds its effect.
        agent_id: This agent's; commands for another one are refused.

    """

    def __init__(
        self,
        *,
        driver: Driver,
        inventory: Inventory,
        store: OperationStore,
        tasks: Supervisor,
        look: Callable[[], Awaitable[bool]],
        must_answer: Callable[[], None],
        publish: Callable[[], Awaitable[None]],
        agent_id: str,
        limits: Limits | None = None,
    ) -> None:
        self._driver = driver
        self._inventory = inventory
        self._store = store
        self._tasks = tasks
        self._look = look
        self._must_answer = must_answer
        self._publish = publish
        self._agent_id = agent_id
        self._limits = limits or Limits()
        self._jobs: dict[str, _Job] = {}
        self._admitting = asyncio.Lock()
        self._launches = asyncio.Semaphore(self._limits.parallel_launches)
        self._actions = asyncio.Semaphore(self._limits.parallel_actions)

    async def begin(self) -> None:
        """Load what is on disk; run what was queued and settle what was running."""
        for record in await self._store.load():
            job = self._jobs[record.operation.id] = _Job(record)
            if job.operation.has_ended:
                continue
            again = revised(job.operation, revision=job.operation.revision + _LOST_REVISIONS)
            job.record = record.model_copy(update={"operation": again})
            self._start(job, self._run(job) if again.state == "queued" else self._settle(job))

    async def submit(
        self, command: AnyCommand, *, requested_by: str, idempotency_key: str | None = None
    ) -> Operation:
        """Accept *command* under an id of ours. See `VmService.submit`."""
        if idempotency_key is None:
            return await self.put(f"op-{secrets.token_hex(12)}", command, requested_by=requested_by)
        digest = hashlib.sha256(f"{requested_by}\0{idempotency_key}".encode()).hexdigest()
        return await self.put(f"op-{digest[:24]}", command, requested_by=requested_by)

    async def put(self, operation_id: str, command: AnyCommand, *, requested_by: str) -> Operation:
        """Accept *command* under *operation_id*, or return the operation of that id as it is.

        Raises `IdempotencyKeyReused` if that one was for another command, and what `VmService.submit` raises.
        """
        if not _ID.fullmatch(operation_id):
            raise InvalidRequest("an operation id is 1 to 64 letters, digits, dots, underscores and hyphens")
        if command.agent_id not in {None, self._agent_id}:
            raise AgentNotFound(f"this is agent '{self._agent_id}', not '{command.agent_id}'")
        command = command.model_copy(update={"agent_id": None})
        async with self._admitting:
            if (known := self._jobs.get(operation_id)) is not None:
                return _same(known.record, command)
            job = _Job(self._admitted(operation_id, command, requested_by))
            await self._store.save(job.record)
            self._jobs[operation_id] = job
        log.info("operation.accepted", operation=operation_id, kind=command.kind, vm=job.operation.vm_name)
        self._start(job, self._run(job))
        return job.operation

    def find(self, limit: int) -> list[Operation]:
        """Return the newest operations first, without their logs."""
        newest = sorted(self._jobs.values(), key=lambda job: job.operation.created_at, reverse=True)
        return [job.operation.model_copy(update={"log": ()}) for job in newest[:limit]]

    async def get(self, operation_id: str, *, after_revision: int | None, wait_s: float) -> Operation:
        """Return an operation, waiting for news of it. See `VmService.get_operation`."""
        job = self._job(operation_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while _is_old(job.operation, after_revision):
                    await job.news.wait()
        return job.operation

    async def cancel(self, operation_id: str) -> Operation:
        """Cancel what is queued, and undo a create under way. See `VmService.cancel_operation`."""
        job = self._job(operation_id)
        async with job.saving:
            if job.operation.has_ended:
                raise OperationEnded(f"the operation {operation_id} has ended: {job.operation.state}")
            if job.operation.state == "queued":
                ended = {"state": "cancelled", "ended_at": utc_now()}
                await self._save(job, line="Cancelled before it began", **ended)
                return job.operation
            if not job.may_cancel:
                raise OperationEnded(
                    f"this {job.operation.kind} of VM '{job.operation.vm_name}' can no longer be cancelled;"
                    " wait until it ends"
                )
            if not job.record.cancel_requested:
                job.record = job.record.model_copy(update={"cancel_requested": True})
                await self._save(job, phase="Cancelling", percent=None, line="Asked to cancel")
        if job.call is not None:
            job.call.cancel()
        return job.operation

    def _job(self, operation_id: str) -> _Job:
        if (job := self._jobs.get(operation_id)) is None:
            raise OperationNotFound(f"there is no operation '{operation_id}' here")
        return job

    def _admitted(self, operation_id: str, command: AnyCommand, requested_by: str) -> Record:
        self._must_answer()
        vm = self._inventory.find(command.name)
        name = command.name if vm is None else vm.name
        for job in self._jobs.values():
            if job.operation.vm_name == name and not job.operation.has_ended:
                raise VmBusy(
                    f"VM '{name}' is busy: operation {job.operation.id} ({job.operation.kind}) is"
                    f" {job.operation.state}. Wait until it ends."
                )
        admit(command, vm)
        operation = Operation(
            id=operation_id,
            kind=command.kind,
            vm_name=name,
            state="queued",
            requested_by=requested_by,
            created_at=utc_now(),
        )
        return Record(operation=operation, command=command)

    def _start(self, job: _Job, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.spawn(work, name=f"operation {job.operation.id}")

    async def _run(self, job: _Job) -> None:
        async with self._launches if isinstance(job.command, CreateVm) else self._actions:
            async with job.saving:
                if job.operation.has_ended:  # cancelled while it was queued
                    return
                await self._save(job, state="running", started_at=utc_now(), line="Started")
            await self._end(job, self._do(job))

    async def _do(self, job: _Job) -> None:
        if isinstance(job.command, CreateVm):
            await self._launch(job)
        else:
            await carry_out(self._driver, job.command, job.operation.vm_name, self._reporter(job))

    async def _launch(self, job: _Job) -> None:
        name = job.operation.vm_name
        # Looked at again right before: from here on a VM of that name is this operation's own.
        if not await self._look():
            self._must_answer()
        if self._inventory.find(name) is not None:
            raise VmExists(f"VM '{name}' exists already; choose another name.")
        job.call = asyncio.create_task(carry_out(self._driver, job.command, name, self._reporter(job)))
        if job.record.cancel_requested:
            job.call.cancel()
        await asyncio.wait((job.call,))
        async with job.saving:
            job.may_cancel = False
        if job.record.cancel_requested:
            await self._undo(job)
        await job.call

    async def _undo(self, job: _Job) -> None:
        looks = self._limits.patience.looks
        every_s = self._limits.look_every_s / 2
        name = job.operation.vm_name
        await undo_launch(name, self._driver, self._inventory, self._look, looks=looks, look_every_s=every_s)
        raise OperationCancelled

    async def _settle(self, job: _Job) -> None:
        job.may_cancel = False
        self._note(job, "Finding out what became of it", None)
        await self._end(job, self._undo(job) if job.record.cancel_requested else self._watch(job))

    async def _watch(self, job: _Job) -> None:
        """Look until the VM is as asked, or is so clearly not that the operation failed."""
        name, patience = job.operation.vm_name, self._limits.patience
        loop = asyncio.get_running_loop()
        sight: Sight | None = None
        began = 0.0
        while True:
            if await self._look():
                vm = self._inventory.find(name)
                state = vm.state if vm is not None else None
                began = loop.time() if sight is None else began
                same = sight.same_looks + 1 if sight is not None and sight.state == state else 1
                sight = Sight(state, same, loop.time() - began)
                if reached(job.command, sight, patience):
                    return
                if (reason := objection(job.command, name, sight, patience)) is not None:
                    raise OperationInterrupted(reason)
            await asyncio.sleep(self._limits.look_every_s)

    async def _end(self, job: _Job, work: Coroutine[Any, Any, None]) -> None:
        changes = await _outcome(work)
        await self._publish()
        if changes["state"] == "succeeded":
            changes["vm"] = self._inventory.find(job.operation.vm_name)
        async with job.saving:
            await self._save(job, ended_at=utc_now(), line=_last_words(changes), percent=None, **changes)
        log.info("operation.ended", operation=job.operation.id, state=job.operation.state)
        await self._forget_old()

    async def _save(self, job: _Job, **changes: Any) -> None:
        """Make one change, on disk before it is seen. Call with `job.saving` held."""
        await self._store.save(job.record.model_copy(update={"operation": revised(job.operation, **changes)}))
        # progress may have come meanwhile: the change goes on top of it
        job.record = job.record.model_copy(update={"operation": revised(job.operation, **changes)})
        job.news.tell()

    def _reporter(self, job: _Job) -> Callable[[Progress], None]:
        def report(progress: Progress) -> None:
            if not job.record.cancel_requested:
                self._note(job, progress.phase, progress.percent)

        return report

    def _note(self, job: _Job, phase: str, percent: float | None) -> None:
        before = job.operation
        if (phase, percent) != (before.phase, before.percent):
            line = phase if phase != before.phase else None
            after = revised(before, line=line, phase=phase, percent=percent)
            job.record = job.record.model_copy(update={"operation": after})
            job.news.tell()

    async def _forget_old(self) -> None:
        ended = [job.operation for job in self._jobs.values() if job.operation.has_ended]
        if len(ended) > self._limits.keep:
            ended.sort(key=lambda operation: operation.created_at)
            old = [operation.id for operation in ended[: -self._limits.keep]]
            for operation_id in old:
                del self._jobs[operation_id]
            await self._store.remove(old)


def _same(record: Record, command: AnyCommand) -> Operation:
    if record.command != command:
        raise IdempotencyKeyReused(
            f"operation {record.operation.id} was asked for with another command; use a new key"
        )
    return record.operation


def _is_old(operation: Operation, after_revision: int | None) -> bool:
    return not operation.has_ended and after_revision is not None and operation.revision <= after_revision


async def _outcome(work: Coroutine[Any, Any, None]) -> dict[str, Any]:
    try:
        await work
    except OperationCancelled:
        return {"state": "cancelled"}
    except BatwaError as err:
        return {"state": "failed", "error": failure(err)}
    except Exception:
        log.exception("operation.bug")
        return {
            "state": "failed",
            "error": failure(BatwaError("Something broke in the agent; its log has it.")),
        }
    return {"state": "succeeded"}


def _last_words(changes: dict[str, Any]) -> str:
    error = changes.get("error")
    return str(changes["state"]).capitalize() if error is None else f"Failed: {error.detail}"
