"""All machines as one VM service: finds the agent a request means, and hands the work to it."""

from collections.abc import Sequence

from batwa_common.errors import AgentNotFound, VmAmbiguous, VmNotFound
from batwa_common.wire.documented import ListedVm, VmDetails
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import CreateVm, Vm, VmCommand

from .inventory import Inventory
from .operations import Operations
from .ports import AgentPorts
from .registry import Registry


class Fleet:
    """A `VmService` over every registered agent."""

    def __init__(
        self, registry: Registry, inventory: Inventory, operations: Operations, ports: AgentPorts
    ) -> None:
        self._registry = registry
        self._inventory = inventory
        self._operations = operations
        self._ports = ports

    async def list_vms(self) -> Sequence[ListedVm]:
        """Return every VM, from what agents told; asks no machine."""
        return list(self._inventory.listed())

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
                return earlier
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
        return await self._operations.newest(limit)

    async def get_operation(
        self, operation_id: str, *, after_revision: int | None = None, wait_s: float = 0
    ) -> Operation:
        """Return an operation, perhaps waiting for news."""
        return await self._operations.get(operation_id, after_revision=after_revision, wait_s=wait_s)

    async def cancel_operation(self, operation_id: str) -> Operation:
        """Ask an operation to stop."""
        return await self._operations.cancel(operation_id)

    def locate(self, name: str, agent_id: str | None) -> tuple[str, Vm]:
        """Return (agent id, VM) of the VM that *name*, a name or an id, means.

        Without *agent_id* the local agent's comes first, then the only one in the fleet. Raises
        `AgentNotFound`, `VmNotFound`, and `VmAmbiguous` with the candidates.
        """
        found = self._inventory.find(name)
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

    def _agent(self, agent_id: str | None) -> str:
        where = self._registry.local_agent_id if agent_id is None else agent_id
        if self._registry.find_row(where) is None:
            if agent_id is None:
                raise AgentNotFound("no local agent is registered here; name an agent with agent_id")
            raise AgentNotFound(f"no agent {agent_id!r} is registered here")
        return where
