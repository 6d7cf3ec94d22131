"""This machine as a VM service: its inventory, its driver and its operations behind one protocol."""

from collections.abc import Sequence

from batwa_common.errors import VmNotFound
from batwa_common.scope import Scope
from batwa_common.web.vms import AnyCommand
from batwa_common.wire.documented import ListedVm, VmDetails
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import Vm, VmInfo

from .driver import Driver
from .inventory.inventory import Inventory
from .inventory.watcher import Watcher
from .operations.operations import Operations


class Machine:
    """Implements `batwa_common.vms.VmService`; as its own VMs are local to it, `agent_id` is None in them."""

    def __init__(
        self, *, driver: Driver, inventory: Inventory, watcher: Watcher, operations: Operations
    ) -> None:
        self._driver = driver
        self._inventory = inventory
        self._watcher = watcher
        self._operations = operations

    def vm(self, name_or_id: str) -> Vm:
        """Return a VM as last seen. Raises `VmNotFound`, and `Unavailable` before the first list."""
        self._watcher.must_know()
        if (vm := self._inventory.find(name_or_id)) is None:
            raise VmNotFound(
                f"There is no VM '{name_or_id}' on this machine; list the VMs to see their names."
            )
        return vm

    async def list_vms(self, *, within: Scope | None = None) -> Sequence[ListedVm]:
        """See `VmService`. Raises `DriverUnavailable` or `Unavailable` before the first list."""
        del within  # one machine: there is nothing to choose
        self._watcher.must_know()
        return [self._listed(vm) for vm in self._inventory.vms.values()]

    async def see_vm(self, name: str, *, agent_id: str | None = None) -> ListedVm:
        """See `VmService`."""
        del agent_id  # as above
        return self._listed(self.vm(name))

    def hypervisor(self, agent_id: str | None) -> str | None:
        """See `VmService`."""
        del agent_id  # as above
        status = self._watcher.driver_status
        return status.hypervisor if status is not None else None

    def _listed(self, vm: Vm) -> ListedVm:
        age_s = round(self._watcher.age_s, 3)
        return ListedVm(**vm.model_dump(), agent_id=None, agent_hostname="local", stale_s=age_s)

    async def get_vm(self, name: str, *, agent_id: str | None = None) -> VmDetails:
        """See `VmService`. Asks the instance, so it may be slow."""
        vm = await self._with_size(self.vm(name))
        details = (await self._driver.details(vm.name))._asdict()
        given = vm.model_dump(include={"cpus", "memory_bytes", "disk_bytes"}, exclude_none=True)
        # what the instance tells of its sizes is less than what it was given: the kernel keeps some
        known = {key: value for key, value in details.items() if value not in {None, ""}} | given
        return VmDetails.of(VmInfo(**{**vm.model_dump(), **known}), agent_id=agent_id, agent_hostname="local")

    async def _with_size(self, vm: Vm) -> Vm:
        if vm.cpus is not None or vm.state == "Deleted":
            return vm
        return vm.model_copy(update=(await self._driver.size(vm.name))._asdict())

    async def submit(
        self, command: AnyCommand, *, requested_by: str, idempotency_key: str | None = None
    ) -> Operation:
        """See `VmService`. Raises `DriverUnavailable` at once while Multipass is known not to answer."""
        return await self._operations.submit(
            command, requested_by=requested_by, idempotency_key=idempotency_key
        )

    async def put(self, operation_id: str, command: AnyCommand, *, requested_by: str) -> Operation:
        """Accept *command* under an id of the hub's, or tell how far it is if it is known already."""
        return await self._operations.put(operation_id, command, requested_by=requested_by)

    async def find_operations(self, *, limit: int = 100) -> Sequence[Operation]:
        """See `VmService`."""
        return self._operations.find(limit)

    async def get_operation(
        self, operation_id: str, *, after_revision: int | None = None, wait_s: float = 0
    ) -> Operation:
        """See `VmService`."""
        return await self._operations.get(operation_id, after_revision=after_revision, wait_s=wait_s)

    async def cancel_operation(self, operation_id: str) -> Operation:
        """See `VmService`."""
        return await self._operations.cancel(operation_id)
