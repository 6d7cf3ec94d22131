"""Terminals, recordings and commands of all machines: finds the agent that a request means, and asks it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import structlog

from batwa_common.errors import AgentNotFound, BatwaError, Conflict, InvalidRequest, NotFound
from batwa_common.wire.documented import ListedVm
from batwa_common.wire.exec import Exec, ExecFilter, ExecMany, ExecManyResult, ExecResult, VmExecResult
from batwa_common.wire.recording import Recording, Recordings
from batwa_common.wire.terminal import OpenTerminal, Terminal, TerminalList

from .fleet import Fleet
from .ports import ShellPort
from .registry import Registry

log = structlog.stdlib.get_logger(__name__)

ASK_S = 3.0
"""How long an agent may take to list what it has; the others' answers do not wait longer for it."""
MOST_VMS = 1000
"""A command runs in no more at a time."""
HAS_SHELLS = "shells"
"""The feature of agents that have terminals as objects, recordings and commands."""

T = TypeVar("T")
H = TypeVar("H", Terminal, Recording)


class Terminals:
    """What agents have of it; nothing is kept here.

    Every call takes the fleet as its caller sees it: what is outside does not exist.

    Args:
        registry: Who the agents are.
        shells: Returns how to call the agent of that id.
    """

    def __init__(self, registry: Registry, shells: Callable[[str], ShellPort]) -> None:
        self._registry = registry
        self._shells = shells

    async def open(self, fleet: Fleet, order: OpenTerminal, *, by: str) -> Terminal:
        """Open a terminal with nobody attached. Raises what `Fleet.locate` and the agent raise."""
        where, vm = fleet.locate(order.vm_name, order.agent_id)
        port = self._port(where)
        self._registry.opened_terminal(where)
        order = order.model_copy(update={"vm_name": vm.name})
        return self._shown(where, await port.open(order, by=by))

    async def find(self, fleet: Fleet) -> TerminalList:
        """Return all, asking only agents that may have some, all at once, for `ASK_S` at most."""
        asked = [where for where in self._with_shells(fleet) if self._registry.may_have_terminals(where)]
        answers = await self._ask_all(asked, lambda where: self._shells(where).terminals())
        found = [self._shown(where, each) for where, told in answers for each in told or ()]
        return TerminalList(
            terminals=tuple(found), unanswered=tuple(where for where, told in answers if told is None)
        )

    async def get(self, fleet: Fleet, terminal_id: str) -> Terminal:
        """Return one. Raises `NotFound` and agent trouble."""
        where = self.where(fleet, terminal_id, kind="terminal")
        return self._shown(where, await self._port(where).terminal(terminal_id))

    async def end(self, fleet: Fleet, terminal_id: str) -> Terminal:
        """End one, for everybody. Raises `NotFound` and agent trouble."""
        where = self.where(fleet, terminal_id, kind="terminal")
        return self._shown(where, await self._port(where).end(terminal_id))

    async def recordings(self, fleet: Fleet) -> Recordings:
        """Return all, newest first."""
        asked = self._with_shells(fleet)
        answers = await self._ask_all(asked, lambda where: self._shells(where).recordings())
        found = [self._shown(where, each) for where, told in answers if told for each in told.recordings]
        return Recordings(
            recordings=tuple(sorted(found, key=lambda each: each.created_at, reverse=True)),
            unanswered=tuple(where for where, told in answers if told is None),
        )

    async def recording(self, fleet: Fleet, recording_id: str) -> Recording:
        """Return one. Raises `NotFound` and agent trouble."""
        where = self.where(fleet, recording_id, kind="recording")
        return self._shown(where, await self._port(where).recording(recording_id))

    async def remove_recording(self, fleet: Fleet, recording_id: str) -> None:
        """Remove one for good. Raises `NotFound`, `Conflict` and agent trouble."""
        where = self.where(fleet, recording_id, kind="recording")
        await self._port(where).remove_recording(recording_id)

    async def run(self, fleet: Fleet, name: str, asked: Exec) -> ExecResult:
        """Run a command in one VM. Raises what `Fleet.locate` and the agent raise."""
        where, vm = fleet.locate(name, asked.agent_id)
        return await self._port(where).run(vm.name, asked)

    async def run_many(self, fleet: Fleet, asked: ExecMany) -> ExecManyResult:
        """Run a command in every VM that is meant; what goes wrong in one is told with that one.

        Raises `InvalidRequest` if more than `MOST_VMS` are meant.
        """
        tags = {agent.agent_id: agent.tags for agent in fleet.agents()}
        listed = await fleet.list_vms()
        vms = [vm for vm in listed if _is_meant(asked.filter, vm, self._real_id(vm), tags)]
        if len(vms) > MOST_VMS:
            raise InvalidRequest(f"{len(vms)} VMs are meant and {MOST_VMS} are the most; narrow the filter.")
        one = Exec.model_validate(asked.model_dump(exclude={"filter", "concurrency"}))
        width = asyncio.Semaphore(asked.concurrency)
        vms.sort(key=lambda vm: (self._real_id(vm), vm.name))
        return ExecManyResult(
            results=tuple(await asyncio.gather(*(self._run_one(vm, one, width) for vm in vms)))
        )

    def where(self, fleet: Fleet, name: str, *, kind: str) -> str:
        """Return the agent that the id of a terminal or recording names. Raises `NotFound`."""
        where, tilde, _ = name.rpartition("~")
        try:
            if tilde:
                return fleet.agent(where).agent_id
        except AgentNotFound:
            pass  # no difference for the caller, who may not know that it exists
        raise NotFound(f"there is no {kind} {name!r}")

    async def _run_one(self, vm: ListedVm, asked: Exec, width: asyncio.Semaphore) -> VmExecResult:
        about = {"vm_name": vm.name, "agent_id": vm.agent_id, "agent_hostname": vm.agent_hostname}
        async with width:
            try:
                told = await self._port(self._real_id(vm)).run(vm.name, asked)
            except BatwaError as err:
                return VmExecResult(**about, error=str(err), code=err.code)
        return VmExecResult(**about, **told.model_dump())

    def _port(self, where: str) -> ShellPort:
        self._registry.require_online(where)
        if HAS_SHELLS not in self._registry.row(where).features:
            raise Conflict(f"agent {where!r} cannot do that; update batwa-agent there")
        return self._shells(where)

    def _with_shells(self, fleet: Fleet) -> list[str]:
        return [
            agent.agent_id
            for agent in fleet.agents()
            if HAS_SHELLS in agent.features and agent.status == "online"
        ]

    async def _ask_all(
        self, agents: Iterable[str], ask: Callable[[str], Awaitable[T]]
    ) -> list[tuple[str, T | None]]:
        async def one(where: str) -> tuple[str, T | None]:
            try:
                async with asyncio.timeout(ASK_S):
                    return where, await ask(where)
            except (TimeoutError, BatwaError) as err:
                log.info("agent.unanswered", agent=where, reason=str(err))
                return where, None

        return list(await asyncio.gather(*(one(where) for where in agents)))

    def _shown(self, where: str, thing: H) -> H:
        registry = self._registry
        seen_as = {"agent_id": registry.public_id(where), "agent_hostname": registry.hostname(where)}
        return thing.model_copy(update=seen_as)

    def _real_id(self, vm: ListedVm) -> str:
        return self._registry.local_agent_id if vm.agent_id is None else vm.agent_id


def _is_meant(asked: ExecFilter, vm: ListedVm, where: str, tags: dict[str, dict[str, str]]) -> bool:
    tag, _, value = (asked.tag or "").partition("=")
    return (
        (asked.names is None or not {vm.name, vm.id}.isdisjoint(asked.names))
        and asked.state in {None, vm.state}
        and vm.state != "Deleted"
        and asked.agent_id in {None, where}
        and (not tag or tags.get(where, {}).get(tag) == value)
        and (asked.q is None or asked.q.lower() in vm.name.lower())
    )
