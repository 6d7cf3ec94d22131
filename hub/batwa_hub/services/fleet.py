"""All machines as one VM service: finds the agent a request means, and hands the work to it."""

from collections.abc import Callable, Iterable, Sequence

from batwa_common.errors import AgentNotFound, OperationNotFound, VmAmbiguous, VmNotFound
from batwa_common.scope import Scope
from batwa_common.wire.agent import Agent
from batwa_common.wire.documented import ListedVm, VmDetails
from batwa_common.wire.event import Event
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import CreateVm, Vm, VmCommand

from .inventory import Inventory
from .operations import Operations
from .ports import AgentPorts
from .registry import Registry


class Fleet:
    """A `VmService` over every registered agent, or over those within *scope*.

    What is outside the scope does not exist here: it is in no list, and asked for by name it is not found.
    """

    def __init__(
        self,
        registry: Registry,
        inventory: Inventory,
        operations: Operations,
        ports: AgentPorts,
        *,
        scope: Scope | None = None,
    ) -> None:
        self._registry = registry
        self._inventory = inventory
        self._operations = operations
        self._ports = ports
        self._scope = scope

    def seen_by(self, scope: Scope | None) -> "Fleet":
        """Return these machines as a caller of that scope sees them; costs next to nothing."""
        if scope is None:
            return self
        return Fleet(self._registry, self._inventory, self._operations, self._ports, scope=scope)

    def agents(self) -> Iterable[Agent]:
        """Return every agent, in order of id."""
        return [agent for agent in self._registry.all() if self._sees(agent.agent_id)]

    def agent(self, agent_id: str) -> Agent:
        """Return an agent as callers see it. Raises `AgentNotFound`."""
        return self._registry.get(self._agent(agent_id))

    def list_json(self) -> bytes:
        """Return the body of `GET /api/vm/list`."""
        return self._inventory.list_json(self._visible())

    def event_filter(self) -> Callable[[Event], bool]:
        """Return what tells whether an event is to be shown, for one watcher.

        It remembers which agents were visible: the end of one is shown although its tags are gone.
        """
        known = set(self._visible() or ())

        def shows(event: Event) -> bool:
            if self._scope is None:
                return True
            if (agent_id := self._agent_of(event)) is None:
                return False
            if self._sees(agent_id):
                known.add(agent_id)
                return True
            return event.action == "removed" and agent_id in known

        return shows

    async def list_vms(self, *, within: Scope | None = None) -> Sequence[ListedVm]:
        """Return every VM, from what agents told; asks no machine."""
        visible = self._visible()
        if within is not None:
            rows = [row for row in self._registry.rows() if visible is None or row.agent_id in visible]
            visible = frozenset(row.agent_id for row in rows if within.allows(row.agent_id, row.all_tags))
        return list(self._inventory.listed(visible))

    async def see_vm(self, name: str, *, agent_id: str | None = None) -> ListedVm:
        """Return one VM from what its agent told. Raises `AgentNotFound`, `VmNotFound`, `VmAmbiguous`."""
        return self._inventory.shown(*self.locate(name, agent_id))

    def hypervisor(self, agent_id: str | None) -> str | None:
        """Return what an agent's VMs run on; None if it does not tell, or there is no such agent here."""
        where = self._registry.local_agent_id if agent_id is None else agent_id
        row = self._registry.find_row(where) if self._sees(where) else None
        return row.driver.hypervisor if row and row.driver else None

    async def get_vm(self, name: str, *, agent_id: str | None = None) -> VmDetails:
        """Ask the VM's agent about it. Raises `VmNotFound`, `VmAmbiguous`, and agent trouble."""
        where, vm = self.locate(name, agent_id)
        self._registry.require_online(where)
        info = await self._ports(where).get_vm(vm.name)
        return VmDetails.of(
            info, agent_id=self._registry.public_id(where), agent_hostname=self._registry.hostname(where)
        )

    async def submit(
        self, command: VmCommand, *, requested_by: str, idempotency_key: str | None = None
    ) -> Operation:
        """Have the agent that is meant carry *command* out."""
        if idempotency_key is not None:
            earlier = await self._operations.replay(
                command, requested_by=requested_by, idempotency_key=idempotency_key
            )
            if earlier is not None:
                return self._shown(earlier)
        if isinstance(command, CreateVm):
            where, name = self._agent(command.agent_id), command.name
        else:
            where, vm = self.locate(command.name, command.agent_id)
            name = vm.name
        self._registry.require_online(where)
        return await self._operations.submit(
            command,
            agent_id=where,
            vm_name=name,
            requested_by=requested_by,
            idempotency_key=idempotency_key,
        )

    async def find_operations(self, *, limit: int = 100) -> Sequence[Operation]:
        """Return the newest operations first."""
        return await self._operations.newest(limit, agents=self._visible())

    async def get_operation(
        self, operation_id: str, *, after_revision: int | None = None, wait_s: float = 0
    ) -> Operation:
        """Return an operation, perhaps waiting for news."""
        await self._check(operation_id)
        return await self._operations.get(operation_id, after_revision=after_revision, wait_s=wait_s)

    async def cancel_operation(self, operation_id: str) -> Operation:
        """Ask an operation to stop."""
        await self._check(operation_id)
        return await self._operations.cancel(operation_id)

    def locate(self, name: str, agent_id: str | None) -> tuple[str, Vm]:
        """Return (agent id, VM) of the VM that *name*, a name or an id, means.

        Without *agent_id* the local agent's comes first, then the only one in the fleet. Raises
        `AgentNotFound`, `VmNotFound`, and `VmAmbiguous` with the candidates.
        """
        found = [(owner, vm) for owner, vm in self._inventory.find(name) if self._sees(owner)]
        if agent_id is not None:
            where = self._agent(agent_id)
            found = [(owner, vm) for owner, vm in found if owner == where]
            place = f" on agent {agent_id!r}"
        else:
            local = [(owner, vm) for owner, vm in found if owner == self._registry.local_agent_id]
            found, place = local or found, ""
        if not found:
            raise VmNotFound(f"no VM {name!r}{place}; GET /api/vm/list shows what there is")
        if len(found) > 1:
            candidates = ", ".join(repr(owner) for owner, _ in found)
            raise VmAmbiguous(f"several agents have a VM {name!r}; say which with agent_id: {candidates}")
        return found[0]

    def sees(self, agent_id: str) -> bool:
        """Whether an agent is within the scope, as far as it is known."""
        return self._registry.find_row(agent_id) is None or self._sees(agent_id)

    def _agent(self, agent_id: str | None) -> str:
        where = self._registry.local_agent_id if agent_id is None else agent_id
        if self._registry.find_row(where) is None or not self._sees(where):
            if agent_id is None:
                raise AgentNotFound("no local agent is registered here; name an agent with agent_id")
            raise AgentNotFound(f"no agent {agent_id!r} is registered here")
        return where

    def _sees(self, agent_id: str) -> bool:
        if self._scope is None:
            return True
        row = self._registry.find_row(agent_id)
        return self._scope.allows(agent_id, row.all_tags if row else {})

    def _visible(self) -> frozenset[str] | None:
        """Return the ids of the agents within the scope; None when there is no limit."""
        if self._scope is None:
            return None
        if self._scope.agents is not None and not self._scope.tags:
            return self._scope.agents
        return frozenset(row.agent_id for row in self._registry.rows() if self._sees(row.agent_id))

    def _agent_of(self, event: Event) -> str | None:
        match event.kind:
            case "agent":
                return event.subject
            case "vm":
                return event.subject.partition("/")[0]
            case "operation" if event.data is not None:
                return event.data["agent_id"] or self._registry.local_agent_id
            case _:
                return None

    async def _check(self, operation_id: str) -> None:
        """Raise `OperationNotFound` if the operation is unknown or outside the scope."""
        if self._scope is not None:
            self._shown(await self._operations.get(operation_id, after_revision=None, wait_s=0))

    def _shown(self, operation: Operation) -> Operation:
        if not self._sees(operation.agent_id or self._registry.local_agent_id):
            raise OperationNotFound(f"no operation {operation.id!r} is known here")
        return operation
