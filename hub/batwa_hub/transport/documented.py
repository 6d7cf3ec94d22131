"""The hub's calls to an agent that knows no more than the documented API.

Such an agent has no operations: its endpoints answer when the work is done. So the operation is kept
here while the call lasts; a restart of the hub in the middle loses it, and says so.
"""

import asyncio
import hashlib
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BeforeValidator, TypeAdapter

from batwa_common.errors import BatwaError, OperationEnded, OperationNotFound
from batwa_common.supervisor import Supervisor
from batwa_common.wire.base import Wire, utc_now
from batwa_common.wire.operation import Operation
from batwa_common.wire.problem import Failure
from batwa_common.wire.vm import VM_STATES, Vm, VmCommand, VmInfo, VmState, size_bytes

from .agents import INFO_WAIT_S, AgentHttp

WORK_S = 3600.0
"""How long one documented call may take; launches download images."""


def _size(value: object) -> object:
    return size_bytes(value) if isinstance(value, str) and value else None


Addresses = Annotated[tuple[str, ...], BeforeValidator(lambda value: value or ())]
Bytes = Annotated[int | None, BeforeValidator(_size)]
State = Annotated[VmState, BeforeValidator(lambda value: value if value in VM_STATES else "Unknown")]


class _TheirVm(Wire):
    name: str
    state: State = "Unknown"
    ipv4: Addresses = ()
    release: str | None = None


class _TheirList(Wire):
    vms: tuple[_TheirVm, ...]


class _TheirInfo(Wire):
    state: State = "Unknown"
    image_release: str | None = None
    memory: Bytes = None
    cpus: int | None = None
    disk_size: Bytes = None
    ipv4: Addresses = ()


class _TheirInfoAnswer(Wire):
    info: _TheirInfo


_LIST = TypeAdapter(_TheirList)
_INFO = TypeAdapter(_TheirInfoAnswer)
_ANYTHING: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class Pending:
    """Documented calls in progress, by operation. One for the hub; its tasks belong to *tasks*."""

    def __init__(self, tasks: Supervisor) -> None:
        self.tasks = tasks
        self.by_id: dict[str, tuple[Operation, asyncio.Task[Operation]]] = {}


class DocumentedAgent:
    """An `AgentPort` for agents that only speak the documented API."""

    def __init__(self, http: AgentHttp, pending: Pending) -> None:
        self._http = http
        self._pending = pending

    async def submit(self, operation_id: str, command: VmCommand, *, requested_by: str) -> Operation:
        """Begin the documented call; its end is told by `get_operation`."""
        if operation_id not in self._pending.by_id:
            operation = Operation(
                id=operation_id,
                kind=command.kind,
                vm_name=command.name,
                state="running",
                requested_by=requested_by,
                created_at=utc_now(),
                started_at=utc_now(),
            )
            work = self._pending.tasks.start(
                self._work(operation, command), name=f"documented {operation_id}"
            )
            self._pending.by_id[operation_id] = operation, work
        return self._pending.by_id[operation_id][0]

    async def get_operation(self, operation_id: str, *, after_revision: int, wait_s: float) -> Operation:
        """Wait for the documented call to end."""
        del after_revision  # there is one piece of news: the end
        if operation_id not in self._pending.by_id:
            raise OperationNotFound("the hub was restarted while the agent worked on it")
        operation, work = self._pending.by_id[operation_id]
        done, _ = await asyncio.wait((work,), timeout=wait_s)
        if not done:
            return operation
        del self._pending.by_id[operation_id]
        return work.result()

    async def cancel_operation(self, operation_id: str) -> Operation:
        """Refuse: the documented API cannot."""
        raise OperationEnded(f"agent {self._http.agent_id!r} cannot cancel {operation_id}: it has begun")

    async def get_vm(self, name: str) -> VmInfo:
        """`GET /api/vm/info/{name}`"""
        theirs = (
            await self._http.call("GET", f"/api/vm/info/{quote(name, safe='')}", _INFO, wait_s=INFO_WAIT_S)
        ).info
        return VmInfo(
            id=self._id(name),
            name=name,
            state=theirs.state,
            ipv4=theirs.ipv4,
            cpus=theirs.cpus,
            memory_bytes=theirs.memory,
            disk_bytes=theirs.disk_size,
            image_release=theirs.image_release or "",
        )

    async def list_vms(self) -> tuple[Vm, ...]:
        """`GET /api/vm/list`"""
        theirs = await self._http.call("GET", "/api/vm/list", _LIST, wait_s=INFO_WAIT_S)
        return tuple(
            Vm(id=self._id(vm.name), name=vm.name, state=vm.state, ipv4=vm.ipv4, release=vm.release or "")
            for vm in theirs.vms
        )

    def _id(self, name: str) -> str:
        return f"vm-{hashlib.sha256(f'{self._http.agent_id}/{name}'.encode()).hexdigest()[:12]}"

    async def _work(self, operation: Operation, command: VmCommand) -> Operation:
        body = command.model_dump_json(exclude={"kind", "agent_id"}, exclude_defaults=True).encode()
        if command.kind == "create":
            body = command.model_dump_json(
                include={"name", "cpus", "memory", "disk", "image"}, exclude_none=True
            ).encode()
        try:
            path = f"/api/vm/{command.kind}"
            await self._http.call("POST", path, _ANYTHING, body=body, wait_s=WORK_S)
        except BatwaError as err:
            failure = Failure(code=err.code, status=err.status, detail=str(err))
            return _ended(operation, {"state": "failed", "error": failure})
        return _ended(operation, {"state": "succeeded", "percent": 100.0})


def _ended(operation: Operation, outcome: dict[str, Any]) -> Operation:
    return operation.model_copy(update={"ended_at": utc_now(), "revision": operation.revision + 1, **outcome})
