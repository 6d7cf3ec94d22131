"""Long work across the fleet: kept in the store, carried out by agents, followed to its end.

The hub gives each operation its id, and an agent that is told the same id twice does it once. So
whatever is unsure (a lost answer, a restarted hub or agent) is settled by asking again.
"""

import asyncio
import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog
from sqlalchemy.exc import IntegrityError

from batwa_common.errors import (
    AgentMisbehaved,
    AgentTimeout,
    AgentUnreachable,
    BatwaError,
    IdempotencyKeyReused,
    OperationEnded,
    OperationInterrupted,
    OperationNotFound,
    Unavailable,
)
from batwa_common.supervisor import Supervisor
from batwa_common.vms import POLL_S
from batwa_common.wire.base import utc_now
from batwa_common.wire.operation import Operation
from batwa_common.wire.problem import Failure
from batwa_common.wire.vm import VmCommand
from batwa_hub.store.operations import Job, OperationStore

from .events import Events
from .ports import AgentPorts
from .registry import Registry

log = structlog.stdlib.get_logger(__name__)

_DOUBTFUL = (AgentUnreachable, AgentTimeout, AgentMisbehaved, Unavailable)
"""Trouble after which an operation may still be going on."""
_SURE = (AgentUnreachable, AgentMisbehaved)
"""Trouble at a submission that shows that the agent does not have it."""
_RETRY_S = (0.2, 2.0)
"""First and longest pause between attempts to reach an agent about an operation."""
PROGRESS_S = 1.0
"""How often mere progress reaches the store; changes of state always do, before anybody sees them."""


LOOK_S = 5.0
"""How often an operation that another process follows is looked at, should its events get lost."""


class _Taken(Exception):
    """Another process has claimed the operation: this one seemed to be dead."""


class _Followed:
    """An operation that has not ended, and everyone who waits for news of it."""

    def __init__(self, job: Job, *, may_be_known: bool) -> None:
        self.job = job
        self.may_be_known = may_be_known
        """Whether its agent may have it without having said so: then it is asked until it answers."""
        self.news = asyncio.Condition()
        self.saved_s = 0.0
        self.settled = asyncio.Event()
        """Set when the agent has confirmed or refused it, or could not be reached."""


class Operations:
    """Every operation of the fleet.

    Args:
        store: Where they are kept.
        registry: Who the agents are.
        ports: How agents are called.
        events: Where changes are told.
        tasks: Owns one task per operation that has not ended.
        confirm_s: How long a submission may wait for its agent's confirmation.
        lost_after_s: How long an agent may be unreachable before its operations are given up.
        keep: Ended operations kept.
        on_end: Told of each that has ended here.
        owner: Names this process among those that share the store; each operation is followed by one.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self,
        store: OperationStore,
        registry: Registry,
        ports: AgentPorts,
        events: Events,
        tasks: Supervisor,
        *,
        confirm_s: float = 15.0,
        lost_after_s: float = 600.0,
        keep: int = 10_000,
        on_end: Callable[[Operation], None] = lambda _operation: None,
        owner: str = "",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._registry = registry
        self._ports = ports
        self._events = events
        self._tasks = tasks
        self._confirm_s = confirm_s
        self._lost_after_s = lost_after_s
        self._keep = keep
        self._on_end = on_end
        self._owner = owner
        self._elsewhere: dict[str, set[asyncio.Event]] = {}
        self._now = now
        self._followed: dict[str, _Followed] = {}

    async def resume(self, living: Collection[str] = ()) -> None:
        """Go on with what had not ended when a process stopped that is not among the *living*."""
        await self._store.prune(self._keep)
        await self.claim(living)

    async def claim(self, living: Collection[str]) -> None:
        """Follow what no process does any more that is among the *living*."""
        for job in await self._store.claim(self._owner, living=living):
            if job.operation.id not in self._followed:
                self._follow(job, may_be_known=True)

    async def release(self) -> None:
        """Leave everything to the other processes: this one stops."""
        await self._store.release(self._owner)

    def heard_of(self, operation_id: str) -> None:
        """Another process has news of an operation."""
        for news in self._elsewhere.get(operation_id, ()):
            news.set()

    async def replay(
        self, command: VmCommand, *, requested_by: str, idempotency_key: str
    ) -> Operation | None:
        """Return the operation that this key made before; None if it is new.

        Raises `IdempotencyKeyReused` if it came with another command.
        """
        earlier = await self._store.find(_id(requested_by, idempotency_key))
        return self._same(earlier, command) if earlier else None

    async def submit(
        self,
        command: VmCommand,
        *,
        agent_id: str,
        vm_name: str,
        requested_by: str,
        idempotency_key: str | None,
    ) -> Operation:
        """Store an operation and have its agent confirm it.

        Raises `IdempotencyKeyReused`, and `AgentTimeout` if the agent does not confirm in time; the
        operation then goes on being followed. A refusal by the agent is in the operation.
        """
        operation_id = _id(requested_by, idempotency_key)
        operation = Operation(
            id=operation_id,
            kind=command.kind,
            vm_name=vm_name,
            agent_id=agent_id,
            agent_hostname=self._registry.hostname(agent_id),
            state="queued",
            requested_by=requested_by,
            created_at=utc_now(),
        )
        job = Job(operation, command)
        try:
            await self._store.add(job, owner=self._owner)
        except IntegrityError:  # the same key at the same moment
            return self._same(await self._find(operation_id), command)
        await self._tell(job)
        followed = self._follow(job, may_be_known=False)
        try:
            async with asyncio.timeout(self._confirm_s):
                await followed.settled.wait()
        except TimeoutError:
            raise AgentTimeout(
                f"agent {agent_id!r} has not confirmed within {self._confirm_s:g} s; "
                f"GET /api/operations/{operation_id} tells how it ends"
            ) from None
        return self._public(followed.job)

    async def newest(self, limit: int, *, agents: frozenset[str] | None = None) -> Sequence[Operation]:
        """Return the newest operations first, without their logs; with *agents* only those on them."""
        return [
            self._public(self._latest(job)).model_copy(update={"log": ()})
            for job in await self._store.newest(limit, agents=agents)
        ]

    async def get(self, operation_id: str, *, after_revision: int | None, wait_s: float) -> Operation:
        """Return an operation, waiting up to *wait_s* for news. Raises `OperationNotFound`."""
        followed = self._followed.get(operation_id)
        if followed is None:
            return self._public(await self._elsewheres(operation_id, after_revision, wait_s))
        if after_revision is not None and wait_s > 0:
            async with followed.news:
                try:
                    async with asyncio.timeout(wait_s):
                        await followed.news.wait_for(
                            lambda: (
                                followed.job.operation.revision > after_revision
                                or followed.job.operation.has_ended
                            )
                        )
                except TimeoutError:
                    pass  # no news is an answer: the operation as it is
        return self._public(followed.job)

    async def cancel(self, operation_id: str) -> Operation:
        """Ask the agent to stop it. Raises `OperationNotFound`, `OperationEnded`, and agent trouble."""
        job = self._latest(await self._find(operation_id))
        if job.operation.has_ended:
            raise OperationEnded(f"the operation has ended already: it {job.operation.state}")
        await self._ports(job.agent_id).cancel_operation(operation_id)
        return self._public(self._latest(job))

    async def _elsewheres(self, operation_id: str, after_revision: int | None, wait_s: float) -> Job:
        """Return a job that is not followed here, waiting for news of it."""
        news, deadline_s = asyncio.Event(), self._now() + wait_s
        waiting = self._elsewhere.setdefault(operation_id, set())
        waiting.add(news)
        try:
            while True:
                news.clear()
                operation = (job := await self._find(operation_id)).operation
                is_news = after_revision is None or operation.revision > after_revision
                left_s = deadline_s - self._now()
                if is_news or operation.has_ended or left_s <= 0:
                    return job
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left_s, LOOK_S)):
                        await news.wait()
        finally:
            waiting.discard(news)
            if not waiting:
                self._elsewhere.pop(operation_id, None)

    def count_by_state(self) -> Counter[str]:
        """Return how many that have not ended are in each state."""
        return Counter(followed.job.operation.state for followed in self._followed.values())

    def _same(self, earlier: Job, command: VmCommand) -> Operation:
        if earlier.command != command:
            raise IdempotencyKeyReused("this Idempotency-Key came before with another request; use a new key")
        return self._public(self._latest(earlier))

    async def _find(self, operation_id: str) -> Job:
        if (job := await self._store.find(operation_id)) is None:
            raise OperationNotFound(f"no operation {operation_id!r} is known here")
        return job

    def _latest(self, job: Job) -> Job:
        followed = self._followed.get(job.operation.id)
        return followed.job if followed else job

    def _public(self, job: Job) -> Operation:
        return job.operation.model_copy(update={"agent_id": self._registry.public_id(job.agent_id)})

    def _follow(self, job: Job, *, may_be_known: bool) -> _Followed:
        followed = self._followed[job.operation.id] = _Followed(job, may_be_known=may_be_known)
        self._tasks.spawn(self._carry_out(followed), name=f"operation {job.operation.id}")
        return followed

    async def _carry_out(self, followed: _Followed) -> None:
        pause_s, reached_s = _RETRY_S[0], self._now()
        try:
            while not followed.job.operation.has_ended:
                try:
                    await self._step(followed)
                    pause_s, reached_s = _RETRY_S[0], self._now()
                except _DOUBTFUL as err:
                    followed.may_be_known |= followed.job.submitted or not isinstance(err, _SURE)
                    sure = not followed.may_be_known
                    if sure or self._now() - reached_s > self._lost_after_s:
                        await self._fail(followed, err)
                    else:
                        await asyncio.sleep(pause_s)
                        pause_s = min(pause_s * 2, _RETRY_S[1])
                except BatwaError as err:
                    await self._fail(followed, err)
        except _Taken:
            log.warning("operation.taken", operation=followed.job.operation.id)
        finally:
            followed.settled.set()
            self._followed.pop(followed.job.operation.id, None)

    async def _step(self, followed: _Followed) -> None:
        job = followed.job
        port = self._ports(job.agent_id)
        if not job.submitted:
            command = job.command.model_copy(update={"agent_id": None, "name": job.operation.vm_name})
            remote = await port.submit(job.operation.id, command, requested_by=job.operation.requested_by)
            await self._merge(followed, remote, revision=-1)
            return
        try:
            remote = await port.get_operation(
                job.operation.id, after_revision=job.operation.revision, wait_s=POLL_S
            )
        except OperationNotFound as err:
            raise OperationInterrupted(
                f"agent {job.agent_id!r} no longer knows this operation; see what the VM is now"
            ) from err
        await self._merge(followed, remote, revision=job.operation.revision)

    async def _merge(self, followed: _Followed, remote: Operation, *, revision: int) -> None:
        if remote.revision == revision:
            return
        mine = followed.job.operation
        merged = remote.model_copy(
            update={
                "agent_id": mine.agent_id,
                "agent_hostname": mine.agent_hostname,
                "requested_by": mine.requested_by,
                "created_at": mine.created_at,
            }
        )
        await self._update(followed, replace(followed.job, operation=merged, submitted=True))

    async def _fail(self, followed: _Followed, err: BatwaError) -> None:
        operation = followed.job.operation
        failure = Failure(code=err.code, status=err.status, detail=str(err))
        failed = operation.model_copy(
            update={
                "state": "failed",
                "error": failure,
                "ended_at": utc_now(),
                "revision": operation.revision + 1,
            }
        )
        await self._update(followed, replace(followed.job, operation=failed))

    async def _update(self, followed: _Followed, job: Job) -> None:
        before = followed.job
        settled = (before.operation.state, before.submitted) != (job.operation.state, job.submitted)
        if settled or self._now() - followed.saved_s >= PROGRESS_S:
            if not await self._store.save(job, owner=self._owner):
                raise _Taken
            followed.saved_s = self._now()
        followed.job = job
        followed.settled.set()
        async with followed.news:
            followed.news.notify_all()
        await self._tell(job)
        if job.operation.has_ended:
            self._log_end(job.operation)
            self._on_end(job.operation)

    def _log_end(self, operation: Operation) -> None:
        log.info(
            "operation.ended",
            operation=operation.id,
            kind=operation.kind,
            vm=operation.vm_name,
            agent=operation.agent_id,
            state=operation.state,
            code=operation.error.code if operation.error else None,
        )

    async def _tell(self, job: Job) -> None:
        data = self._public(job).model_dump(mode="json", exclude={"log"})
        await self._events.publish("operation", "changed", job.operation.id, data)


def _id(requested_by: str, idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return f"op-{secrets.token_hex(12)}"
    named = hashlib.sha256(f"{requested_by}\0{idempotency_key}".encode())
    return f"op-{named.hexdigest()[:24]}"
