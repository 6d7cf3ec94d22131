"""The documented VM endpoints and operations over any `VmService`; hub and agent both mount them."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from batwa_common.errors import InvalidRequest
from batwa_common.vms import VmService, ended, raise_failure
from batwa_common.wire.base import Wire
from batwa_common.wire.documented import Done, VmCreated, VmInfoAnswer, VmList
from batwa_common.wire.operation import Operation, OperationQuery, OperationsQuery
from batwa_common.wire.resource import Where
from batwa_common.wire.vm import (
    CreateVm,
    DeleteVm,
    RecoverVm,
    RestartVm,
    StartVm,
    StopVm,
    SuspendVm,
)

from .body import read, read_query, respond, respond_all
from .routes import CALLER, Access, Caller, Listing, Route
from .serve import STOPPING

VMS: web.AppKey[Callable[[Caller], VmService]] = web.AppKey("vms")
"""Returns the VMs that a caller may see."""

WAIT_S = 3600.0
"""How long a documented endpoint waits for its operation before it answers 202 with it."""

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_DONE = {
    "create": "created successfully",
    "start": "started",
    "stop": "stopped",
    "restart": "restarted",
    "suspend": "suspended",
    "delete": "deleted",
    "recover": "recovered",
}

AnyCommand = CreateVm | StartVm | StopVm | RestartVm | SuspendVm | DeleteVm | RecoverVm


def vms_of(request: web.Request) -> VmService:
    """Return the VMs that the caller of *request* may see."""
    return request.app[VMS](request[CALLER])


def acting(shape: type[AnyCommand]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of `POST /api/vm/<verb>`: submit the command, wait, answer as documented."""

    async def act(request: web.Request) -> web.Response:
        return await carry_out(request, await read(request, shape), _documented)

    return act


async def carry_out(
    request: web.Request,
    command: AnyCommand,
    answer: Callable[[Operation], Wire],
    *,
    at: VmService | None = None,
    followed_at: str = "/api/operations",
) -> web.Response:
    """Submit *command*; answer 202 at once if the caller prefers that, else with *answer* when it is done.

    It is done *at* another service than the caller's own if one is given, whose operations are *followed_at*.
    """
    vms = vms_of(request) if at is None else at
    operation = await vms.submit(
        command, requested_by=request[CALLER].name, idempotency_key=_idempotency_key(request)
    )
    if not _prefers_async(request):
        operation = await or_stopping(request, ended(vms, operation, within_s=WAIT_S), operation)
    where = {"Location": f"{followed_at}/{operation.id}"}
    if not operation.has_ended:
        return respond(operation, status=202, headers={**where, "Preference-Applied": "respond-async"})
    raise_failure(operation)
    return respond(answer(operation), headers=where)


async def or_stopping(request: web.Request, work: Awaitable[Operation], otherwise: Operation) -> Operation:
    """Return what *work* gives, or *otherwise* when the daemon begins to stop first."""
    task = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(request.app[STOPPING].wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else otherwise
    finally:
        task.cancel()
        stopping.cancel()
        await asyncio.gather(task, stopping, return_exceptions=True)


def _documented(operation: Operation) -> Wire:
    message = f"VM '{operation.vm_name}' {_DONE[operation.kind]}"
    if operation.kind != "create":
        return Done(message=message)
    return VmCreated(
        message=message,
        vm_name=operation.vm_name,
        agent_id=operation.agent_id,
        agent_hostname=operation.agent_hostname,
    )


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest("Idempotency-Key must be 1 to 255 visible ASCII characters")
    return key


def _prefers_async(request: web.Request) -> bool:
    wishes = ",".join(request.headers.getall("Prefer", ())).lower().replace(";", ",").split(",")
    return "respond-async" in {wish.strip() for wish in wishes}


async def list_vms(request: web.Request) -> web.Response:
    """GET /api/vm/list"""
    return respond(VmList(vms=tuple(await vms_of(request).list_vms())))


async def get_vm(request: web.Request) -> web.Response:
    """GET /api/vm/info/{vm_name}"""
    name, agent_id = request.match_info["vm_name"], read_query(request, Where).agent_id
    return respond(VmInfoAnswer(info=await vms_of(request).get_vm(name, agent_id=agent_id)))


async def list_operations(request: web.Request) -> web.Response:
    """GET /api/operations"""
    limit = read_query(request, OperationsQuery).limit
    return respond_all(tuple(await vms_of(request).find_operations(limit=limit)))


async def get_operation(request: web.Request) -> web.Response:
    """GET /api/operations/{id}; with `after_revision` and `wait_s` it waits for news."""
    return await follow(request, vms_of(request))


async def follow(request: web.Request, vms: VmService) -> web.Response:
    """Answer with one of the operations of *vms*, perhaps after waiting for news of it."""
    asked, operation_id = read_query(request, OperationQuery), request.match_info["id"]
    now = await vms.get_operation(operation_id)
    if asked.after_revision is None:
        return respond(now)
    news = vms.get_operation(operation_id, after_revision=asked.after_revision, wait_s=asked.wait_s)
    return respond(await or_stopping(request, news, now))


async def cancel_operation(request: web.Request) -> web.Response:
    """DELETE /api/operations/{id}"""
    return respond(await vms_of(request).cancel_operation(request.match_info["id"]), status=202)


def _acting(path: str, shape: type[AnyCommand], gives: type[Wire] = Done) -> Route:
    return Route("POST", path, acting(shape), Access.OPERATOR, takes=shape, gives=gives)


ROUTES = [
    Route("GET", "/api/vm/info/{vm_name}", get_vm, Access.VIEWER, query=Where, gives=VmInfoAnswer),
    _acting("/api/vm/create", CreateVm, VmCreated),
    _acting("/api/vm/start", StartVm),
    _acting("/api/vm/stop", StopVm),
    _acting("/api/vm/restart", RestartVm),
    _acting("/api/vm/suspend", SuspendVm),
    _acting("/api/vm/delete", DeleteVm),
    _acting("/api/vm/recover", RecoverVm),
    Route(
        "GET",
        "/api/operations",
        list_operations,
        Access.VIEWER,
        query=OperationsQuery,
        gives=Listing(Operation),
    ),
    Route("GET", "/api/operations/{id}", get_operation, Access.VIEWER, query=OperationQuery, gives=Operation),
    Route("DELETE", "/api/operations/{id}", cancel_operation, Access.OPERATOR, gives=Operation, status=202),
]
