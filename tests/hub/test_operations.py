"""Operations across a fleet whose agents answer late, wrongly, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from batwa_common.errors import (
    AgentMisbehaved,
    AgentTimeout,
    AgentUnreachable,
    BatwaError,
    IdempotencyKeyReused,
    OperationEnded,
    OperationNotFound,
    VmExists,
)
from batwa_common.supervisor import Supervisor
from batwa_common.vms import raise_failure
from batwa_common.wire.agent import RegisterAgent
from batwa_common.wire.base import utc_now
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import CreateVm, Vm, VmCommand, VmInfo
from batwa_hub.services.events import Events
from batwa_hub.services.operations import Operations
from batwa_hub.services.registry import Registry
from batwa_hub.store.agents import AgentStore
from batwa_hub.store.database import Database
from batwa_hub.store.operations import OperationStore

from .fleet_fakes import vm


class FakeAgent:
    """Keeps operations as an agent does; `trouble` is raised instead of the next answers."""

    def __init__(self) -> None:
        self.known: dict[str, Operation] = {}
        self.trouble: list[BatwaError] = []
        self.submitted: list[str] = []
        self.news = asyncio.Event()

    async def submit(self, operation_id: str, command: VmCommand, *, requested_by: str) -> Operation:
        self._fail_if_scripted()
        self.submitted.append(operation_id)
        if operation_id not in self.known:
            self.known[operation_id] = Operation(
                id=operation_id,
                kind=command.kind,
                vm_name=command.name,
                state="running",
                requested_by=requested_by,
                created_at=utc_now(),
            )
        return self.known[operation_id]

    async def get_operation(self, operation_id: str, *, after_revision: int, wait_s: float) -> Operation:
        self._fail_if_scripted()
        async with asyncio.timeout(wait_s):
            while (now := self.known.get(operation_id)) and now.revision <= after_revision:
                self.news.clear()
                await self.news.wait()
        if now is None:
            raise OperationNotFound
        return now

    async def cancel_operation(self, operation_id: str) -> Operation:
        self.tell(operation_id, state="cancelled")
        return self.known[operation_id]

    async def get_vm(self, name: str) -> VmInfo:
        raise NotImplementedError(name)

    async def list_vms(self) -> tuple[Vm, ...]:
        return ()

    def tell(self, operation_id: str, **changes: object) -> None:
        now = self.known[operation_id]
        self.known[operation_id] = now.model_copy(update={"revision": now.revision + 1, **changes})
        self.news.set()

    def _fail_if_scripted(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)


@pytest.fixture
def agent() -> FakeAgent:
    return FakeAgent()


@asynccontextmanager
async def serving(database: Database, agent: FakeAgent, **limits: float) -> AsyncIterator[Operations]:
    """Operations as a hub has them; leaving the block is the hub's end."""
    events = Events(database, keep=1000)
    registry = Registry(AgentStore(database), events, stale_after_s=30, local_agent_id="local")
    request = RegisterAgent(agent_id="oslo", hostname="o", api_url="http://127.0.0.1:9")
    await registry.register(request, key_id="k")
    async with Supervisor() as tasks:
        operations = Operations(
            OperationStore(database), registry, lambda _: agent, events, tasks, confirm_s=5, **limits
        )
        await operations.resume()
        yield operations


async def submit(operations: Operations, key: str | None = None, **more: object) -> Operation:
    command = CreateVm.model_validate({"name": "a", **more})
    return await operations.submit(
        command, agent_id="oslo", vm_name="a", requested_by="ann", idempotency_key=key
    )


async def end_of(operations: Operations, operation: Operation) -> Operation:
    async with asyncio.timeout(10):
        while not operation.has_ended:
            operation = await operations.get(operation.id, after_revision=operation.revision, wait_s=5)
    return operation


async def test_an_operation_is_followed_to_its_end(database: Database, agent: FakeAgent) -> None:
    async with serving(database, agent) as operations:
        first = await submit(operations)
        agent.tell(first.id, phase="Starting", percent=50.0)
        agent.tell(first.id, state="succeeded", vm=vm("a"))
        ended = await end_of(operations, first)

        assert (ended.state, ended.vm, ended.requested_by) == ("succeeded", vm("a"), "ann")
        assert (await operations.get(first.id, after_revision=None, wait_s=0)) == ended


async def test_a_refusal_is_the_operations_failure(database: Database, agent: FakeAgent) -> None:
    agent.trouble = [VmExists("there is one already")]
    async with serving(database, agent) as operations:
        ended = await submit(operations)

    with pytest.raises(VmExists, match="there is one already"):
        raise_failure(ended)


@pytest.mark.parametrize("trouble", [AgentUnreachable("no route"), AgentMisbehaved("html")], ids=str)
async def test_an_agent_that_cannot_be_told_fails_it_at_once(
    database: Database, agent: FakeAgent, trouble: BatwaError
) -> None:
    agent.trouble = [trouble]
    async with serving(database, agent) as operations:
        ended = await submit(operations)

    assert ended.error is not None and ended.error.code == trouble.code


async def test_a_lost_answer_is_settled_by_asking_again(database: Database, agent: FakeAgent) -> None:
    agent.trouble = [AgentTimeout("broke off")]
    async with serving(database, agent) as operations:
        first = await submit(operations)
        agent.tell(first.id, state="succeeded")
        await end_of(operations, first)

    assert agent.submitted == [first.id]


async def test_an_agent_that_hung_may_have_it_and_is_asked_also_when_it_is_offline(
    database: Database, agent: FakeAgent
) -> None:
    agent.trouble = [AgentTimeout("broke off"), AgentUnreachable("silent"), AgentUnreachable("silent")]
    async with serving(database, agent) as operations:
        first = await submit(operations)
        agent.tell(first.id, state="succeeded")

        assert (await end_of(operations, first)).state == "succeeded"


async def test_an_agent_away_for_a_while_is_waited_for(database: Database, agent: FakeAgent) -> None:
    async with serving(database, agent) as operations:
        first = await submit(operations)
        agent.trouble = [AgentUnreachable("restarting"), AgentTimeout("still")]
        agent.tell(first.id, state="succeeded")

        assert (await end_of(operations, first)).state == "succeeded"


async def test_an_agent_away_for_too_long_is_given_up(database: Database, agent: FakeAgent) -> None:
    async with serving(database, agent, lost_after_s=0.1) as operations:
        first = await submit(operations)
        agent.trouble = [AgentUnreachable("gone")] * 50
        agent.tell(first.id, phase="Starting")
        ended = await end_of(operations, first)

    assert ended.error is not None and ended.error.code == "agent-unreachable"


async def test_an_agent_that_lost_its_memory_interrupts_it(database: Database, agent: FakeAgent) -> None:
    async with serving(database, agent) as operations:
        first = await submit(operations)
        agent.tell(first.id, phase="Starting")
        agent.known.clear()
        ended = await end_of(operations, first)

    assert ended.error is not None and ended.error.code == "operation-interrupted"


async def test_a_restarted_hub_goes_on_following(database: Database, agent: FakeAgent) -> None:
    async with serving(database, agent) as operations:
        first = await submit(operations)
    agent.tell(first.id, state="succeeded")
    async with serving(database, agent) as operations:
        assert (await end_of(operations, first)).state == "succeeded"

    assert agent.submitted == [first.id]


async def test_one_key_is_one_operation(database: Database, agent: FakeAgent) -> None:
    async with serving(database, agent) as operations:
        told = await asyncio.gather(*(submit(operations, "k") for _ in range(5)))
        assert len({operation.id for operation in told}) == 1
        with pytest.raises(IdempotencyKeyReused):
            await submit(operations, "k", cpus=4)
        command = CreateVm(name="a")
        replay = await operations.replay(command, requested_by="ann", idempotency_key="k")
        assert replay is not None and replay.id == told[0].id
        assert await operations.replay(command, requested_by="bob", idempotency_key="k") is None


async def test_what_has_ended_cannot_be_cancelled(database: Database, agent: FakeAgent) -> None:
    async with serving(database, agent) as operations:
        first = await submit(operations)
        await operations.cancel(first.id)
        assert (await end_of(operations, first)).state == "cancelled"
        with pytest.raises(OperationEnded):
            await operations.cancel(first.id)
        with pytest.raises(OperationNotFound):
            await operations.cancel("op-unknown")


async def test_only_the_newest_ended_ones_are_kept(database: Database, agent: FakeAgent) -> None:
    async with serving(database, agent) as operations:
        for _ in range(5):
            first = await submit(operations)
            agent.tell(first.id, state="succeeded")
            await end_of(operations, first)
    async with serving(database, agent, keep=2) as operations:
        kept = await operations.newest(10)
        assert (len(kept), kept[0].id) == (2, first.id)
