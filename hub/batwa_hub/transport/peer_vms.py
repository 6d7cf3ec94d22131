"""Another hub's VMs as a VM service, over the API that it has for everybody."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter

from batwa_common.errors import PeerMisbehaved
from batwa_common.wire.base import utc_now
from batwa_common.wire.documented import ListedVm, VmDetails, VmInfoAnswer, VmList
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import VmCommand

from .far import Far

GET_WAIT_S = 35.0
"""What asking a VM may take over there, on top of the ordinary time: the hub asks its agent in turn."""

_LIST = TypeAdapter(VmList)
_INFO = TypeAdapter(VmInfoAnswer)
_OPERATION = TypeAdapter(Operation)
_OPERATIONS = TypeAdapter(tuple[Operation, ...])
_ANYTHING: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class PeerVms:
    """A `VmService` whose VMs are another hub's. Raises peer trouble, and that hub's own errors."""

    def __init__(self, http: Far) -> None:
        self._http = http

    async def list_vms(self) -> Sequence[ListedVm]:
        """`GET /api/vm/list`"""
        return (await self._http.call("GET", "/api/vm/list", _LIST)).vms

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
