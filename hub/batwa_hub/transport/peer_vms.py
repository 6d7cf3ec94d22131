"""Another hub's VMs as a VM service, over the API that it has for everybody."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter

from batwa_common.errors import InvalidRequest, PeerMisbehaved, VmAmbiguous, VmNotFound
from batwa_common.scope import Scope
from batwa_common.wire.base import utc_now
from batwa_common.wire.documented import ListedVm, VmDetails, VmInfoAnswer, VmList
from batwa_common.wire.operation import Operation
from batwa_common.wire.resource import VmResource, VmResources, VmResourceStatus
from batwa_common.wire.vm import VmCommand

from .far import Far

GET_WAIT_S = 35.0
"""What asking a VM may take over there, on top of the ordinary time: the hub asks its agent in turn."""

_LIST = TypeAdapter(VmList)
_RESOURCES = TypeAdapter(VmResources)
_RESOURCE = TypeAdapter(VmResourceStatus)
_INFO = TypeAdapter(VmInfoAnswer)
_OPERATION = TypeAdapter(Operation)
_OPERATIONS = TypeAdapter(tuple[Operation, ...])
_ANYTHING: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class PeerVms:
    """A `VmService` whose VMs are another hub's. Raises peer trouble, and that hub's own errors."""

    def __init__(self, http: Far) -> None:
        self._http = http

    async def resources(self) -> tuple[VmResource, ...]:
        """`GET /api/vm`"""
        return (await self._http.call("GET", "/api/vm", _RESOURCES)).vms

    async def resource(self, name: str) -> VmResourceStatus:
        """`GET /api/vm/{name}`"""
        return await self._http.call("GET", f"/api/vm/{quote(name, safe='')}", _RESOURCE)

    def hypervisor(self, agent_id: str | None) -> str | None:
        """Return None: each of that hub's VMs tells its own."""
        del agent_id
        return None

    async def list_vms(self, *, within: Scope | None = None) -> Sequence[ListedVm]:
        """`GET /api/vm/list`"""
        if within is not None:
            raise InvalidRequest("another hub's VMs cannot be chosen by agents of this one")
        return (await self._http.call("GET", "/api/vm/list", _LIST)).vms

    async def see_vm(self, name: str, *, agent_id: str | None = None) -> ListedVm:
        """Find one VM in the list. Raises `VmNotFound`, `VmAmbiguous`."""
        found = [vm for vm in await self.list_vms() if name in {vm.name, vm.id}]
        if agent_id is not None:
            found = [vm for vm in found if vm.agent_id == agent_id]
        if not found:
            raise VmNotFound(f"no VM {name!r} at {self._http.who}")
        if len(found) > 1:
            raise VmAmbiguous(f"several agents of {self._http.who} have a VM {name!r}; name it by its id")
        return found[0]

    async def get_vm(self, name: str, *, agent_id: str | None = None) -> VmDetails:
        """`GET /api/vm/info/{name}`"""
        path = f"/api/vm/info/{quote(name, safe='')}"
        query = {} if agent_id is None else {"agent_id": agent_id}
        return (await self._http.call("GET", path, _INFO, query=query, wait_s=GET_WAIT_S)).info

    async def submit(
        self, command: VmCommand, *, requested_by: str, idempotency_key: str | None = None
    ) -> Operation:
        """`POST /api/vm/{verb}` with `Prefer: respond-async`"""
        headers = {"Prefer": "respond-async"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        told = await self._http.call(
            "POST",
            f"/api/vm/{command.kind}",
            _ANYTHING,
            body=command.model_dump_json(exclude={"kind"}, exclude_none=True).encode(),
            headers=headers,
        )
        if "state" not in told:  # it was done before the answer, which is then the documented one
            return _done(command, requested_by)
        try:
            return Operation.model_validate(told)
        except ValueError as err:
            raise PeerMisbehaved(f"{self._http.who} answered with something that is no operation") from err

    async def find_operations(self, *, limit: int = 100) -> Sequence[Operation]:
        """`GET /api/operations`"""
        return await self._http.call("GET", "/api/operations", _OPERATIONS, query={"limit": str(limit)})

    async def get_operation(
        self, operation_id: str, *, after_revision: int | None = None, wait_s: float = 0
    ) -> Operation:
        """`GET /api/operations/{id}`, waiting there for news"""
        query = {"wait_s": str(wait_s)}
        if after_revision is not None:
            query["after_revision"] = str(after_revision)
        path = f"/api/operations/{quote(operation_id, safe='')}"
        return await self._http.call("GET", path, _OPERATION, query=query, wait_s=wait_s)

    async def cancel_operation(self, operation_id: str) -> Operation:
        """`DELETE /api/operations/{id}`"""
        path = f"/api/operations/{quote(operation_id, safe='')}"
        return await self._http.call("DELETE", path, _OPERATION)


def _done(command: VmCommand, requested_by: str) -> Operation:
    now = utc_now()
    return Operation(
        id="",
        kind=command.kind,
        vm_name=command.name,
        state="succeeded",
        requested_by=requested_by,
        created_at=now,
        ended_at=now,
    )
