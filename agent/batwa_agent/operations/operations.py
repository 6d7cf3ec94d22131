"""Everything that changes a VM, as operations: accepted on disk, done one per VM, settled after a restart."""

import asyncio
import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog

from batwa_agent.inventory.inventory import Inventory
from batwa_common.errors import (
    AgentNotFound,
    BatwaError,
    IdempotencyKeyReused,
    InvalidRequest,
    OperationCancelled,
    OperationEnded,
    OperationNotFound,
    VmBusy,
)
from batwa_common.supervisor import Supervisor
from batwa_common.web.vms import AnyCommand
from batwa_common.wire.base import utc_now
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import CreateVm

from .admission import admit
from .job import Job
from .log import failure, revised
from .store import OperationStore, Record
from .worker import Worker

log = structlog.stdlib.get_logger(__name__)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
PARALLEL_ACTIONS = 16
"""Starts, stops and the like at once; more are queued."""
TELL_S = 2.0
"""How long the end of an operation waits for the hub to have its effect."""
_LOST_REVISIONS = 1 << 20
"""Progress is not written to disk; an operation found after a restart jumps past what may have been told."""


class Operations:
    """The operations of this machine.

    Args:
        worker: Does the work.
        inventory: Says which VMs there are.
        store: Where operations survive.
        tasks: Supervises one task per unfinished operation.
        must_answer: Raises if Multipass is known not to answer; a new operation is then refused.
        look: Looks at the VM of that name once its operation is done.
        tell_hub: Waits up to so many seconds until the hub knows what there is, and returns whether it
            does: whoever sees an operation's end and asks the hub finds its effect.
        agent_id: This agent's; commands for another one are refused.
        parallel_launches: Creates at once; more are queued.
        keep: Ended operations remembered.
        on_end: Told of each that has ended.
    """

    def __init__(
        self,
        *,
        worker: Worker,
        inventory: Inventory,
        store: OperationStore,
        tasks: Supervisor,
        must_answer: Callable[[], None],
        look: Callable[[str], Awaitable[None]],
        tell_hub: Callable[[float], Awaitable[bool]],
        agent_id: str,
        parallel_launches: int = 1,
        keep: int = 500,
        on_end: Callable[[Operation], None] = lambda _operation: None,
    ) -> None:
        self._worker = worker
        self._inventory = inventory
        self._store = store
        self._tasks = tasks
        self._must_answer = must_answer
        self._look = look
        self._tell_hub = tell_hub
        self._agent_id = agent_id
        self._keep = keep
        self._on_end = on_end
        self._jobs: dict[str, Job] = {}
        self._admitting = asyncio.Lock()
        self._launches = asyncio.Semaphore(parallel_launches)
        self._actions = asyncio.Semaphore(PARALLEL_ACTIONS)

    async def begin(self) -> None:
        """Load what is on disk; run what was queued and settle what was running."""
        for record in await self._store.load():
            job = self._jobs[record.operation.id] = Job(record, self._store)
            if job.operation.has_ended:
                continue
            again = revised(job.operation, revision=job.operation.revision + _LOST_REVISIONS)
            job.record = record.model_copy(update={"operation": again})
            self._start(job, self._settle(job) if _may_have_begun(record) else self._run(job))

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
            job = Job(self._admitted(operation_id, command, requested_by), self._store)
            await self._store.save(job.record)
            self._jobs[operation_id] = job
        log.info("operation.accepted", operation=operation_id, kind=command.kind, vm=job.operation.vm_name)
        self._start(job, self._run(job))
        return job.operation

    def count_by_state(self) -> Counter[str]:
        """Return how many that have not ended are in each state: what is queued is the queue's depth."""
        return Counter(each.operation.state for each in self._jobs.values() if not each.operation.has_ended)

    def find(self, limit: int) -> list[Operation]:
        """Return the newest operations first, without their logs."""
        newest = sorted(self._jobs.values(), key=lambda job: job.operation.created_at, reverse=True)
        return [job.operation.model_copy(update={"log": ()}) for job in newest[:limit]]

    async def get(self, operation_id: str, *, after_revision: int | None, wait_s: float) -> Operation:
        """Return an operation, waiting for news of it. See `VmService.get_operation`."""
        job, clock = self._job(operation_id), asyncio.get_running_loop().time
        until_s = clock() + wait_s
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until_s):
                while _is_old(job.operation, after_revision):
                    await job.news.wait()
        if job.operation.has_ended and not job.is_told:  # the hub was away when it ended
            job.is_told = await self._tell_hub(max(until_s - clock(), TELL_S))
        return job.operation

    async def cancel(self, operation_id: str) -> Operation:
        """Cancel what is queued, and undo a create under way. See `VmService.cancel_operation`."""
        job = self._job(operation_id)
        async with job.saving:
            if job.operation.has_ended:
                raise OperationEnded(f"the operation {operation_id} has ended: {job.operation.state}")
            if job.operation.state == "queued":
                await job.save(state="cancelled", ended_at=utc_now(), line="Cancelled before it began")
                return job.operation
            if not job.can_be_undone:
                raise OperationEnded(
                    f"this {job.operation.kind} of VM '{job.operation.vm_name}' can no longer be cancelled;"
                    " wait until it ends"
                )
            if not job.record.cancel_requested:
                await job.save("cancel_requested", phase="Cancelling", percent=None, line="Asked to cancel")
        if job.call is not None:
            job.call.cancel()
        return job.operation

    def _job(self, operation_id: str) -> Job:
        if (job := self._jobs.get(operation_id)) is None:
            raise OperationNotFound(f"there is no operation '{operation_id}' here")
        return job

    def _admitted(self, operation_id: str, command: AnyCommand, requested_by: str) -> Record:
        self._must_answer()
        is_new = isinstance(command, CreateVm)
        vm = self._inventory.vms.get(command.name) if is_new else self._inventory.find(command.name)
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

    def _start(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.spawn(work, name=f"operation {job.operation.id}")

    async def _run(self, job: Job) -> None:
        async with self._launches if isinstance(job.command, CreateVm) else self._actions:
            async with job.saving:
                if job.operation.has_ended:  # cancelled while it was queued
                    return
                await job.save(state="running", started_at=utc_now(), line="Started")
            await self._end(job, self._worker.do(job))

    async def _settle(self, job: Job) -> None:
        await self._end(job, self._worker.settle(job))

    async def _end(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        changes = await _outcome(work)
        await self._look(job.operation.vm_name)
        job.is_told = await self._tell_hub(TELL_S)
        if changes["state"] == "succeeded":
            changes["vm"] = self._inventory.find(job.operation.vm_name)
        await self._make_room()
        async with job.saving:
            await job.save(ended_at=utc_now(), line=_last_words(changes), percent=None, **changes)
        log.info("operation.ended", operation=job.operation.id, state=job.operation.state)
        self._on_end(job.operation)

    async def _make_room(self) -> None:
        """Forget the oldest that ended, so that one more may."""
        ended = [job.operation for job in self._jobs.values() if job.operation.has_ended]
        ended.sort(key=lambda operation: operation.created_at, reverse=True)
        old = [operation.id for operation in ended[self._keep - 1 :]]
        for operation_id in old:
            del self._jobs[operation_id]
        if old:
            await self._store.remove(old)


def _may_have_begun(record: Record) -> bool:
    if isinstance(record.command, CreateVm):
        return record.launched
    return record.operation.state == "running"


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
