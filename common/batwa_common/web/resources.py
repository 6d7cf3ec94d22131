"""VMs as the second documented API has them, over any `VmService`; hub and agent both mount them."""

import asyncio
import base64
import binascii
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from aiohttp import ETag, hdrs, web
from pydantic import ValidationError

from batwa_common.errors import InvalidRequest, VmNotFound
from batwa_common.scope import Scope
from batwa_common.vms import VmService
from batwa_common.wire.documented import ListedVm
from batwa_common.wire.operation import Operation
from batwa_common.wire.resource import (
    UNKNOWN,
    DeleteResource,
    NewVmResource,
    StopResource,
    VmActed,
    VmFilter,
    VmRemoved,
    VmResource,
    VmResources,
    VmResourceStatus,
    VmStarted,
    Where,
    same_hypervisor,
)
from batwa_common.wire.vm import DeleteVm, RecoverVm, RestartVm, StartVm, StopVm, SuspendVm

from .body import read, read_query
from .routes import Access, Route
from .vms import carry_out, vms_of

SLICE = 200
"""VMs written before others get their turn on the event loop."""
_AGE = ',"stale_s":'
"""What comes before the age, the last field of a resource's JSON."""

Named = TypeVar("Named", StartVm, StopVm, RestartVm, SuspendVm, DeleteVm, RecoverVm)


async def list_vms(request: web.Request) -> web.Response:
    """GET /api/vm"""
    asked, vms = read_query(request, VmFilter), vms_of(request)
    found = sorted(filter(asked.matches, await vms.list_vms(within=_within(asked))), key=_place)
    page, following = _page(found, asked)
    pieces = await _pieces(vms, page)
    told = f'],"next":{json.dumps(following)}}}'
    tag = _etag([*(piece for piece, _ in pieces), told])
    body = '{"vms":[' + ",".join(f"{piece}{_AGE}{age}" for piece, age in pieces) + told
    return _tagged(request, body, tag)


async def get_vm(request: web.Request) -> web.Response:
    """GET /api/vm/{name}"""
    vms, agent_id = vms_of(request), read_query(request, Where).agent_id
    vm = await vms.see_vm(request.match_info["name"], agent_id=agent_id)
    shown = VmResourceStatus.of(vm, hypervisor=vms.hypervisor(vm.agent_id))
    unaged = shown.model_copy(update={"stale_s": 0.0, "uptime": None})
    return _tagged(request, shown.model_dump_json(), _etag([unaged.model_dump_json()]))


async def create_vm(request: web.Request) -> web.Response:
    """POST /api/vm"""
    where, asked = read_query(request, Where), await read(request, NewVmResource)
    vms, command = vms_of(request), asked.command(where.agent_id)
    if asked.hypervisor is not None:
        must_offer(asked.hypervisor, vms.hypervisor(command.agent_id))

    def made(operation: Operation) -> VmResource:
        return VmResource.made(operation, command, hypervisor=vms.hypervisor(operation.agent_id))

    return await carry_out(request, command, made)


async def delete_vm(request: web.Request) -> web.Response:
    """DELETE /api/vm/{name}"""
    asked = await read(request, DeleteResource)
    return await carry_out(request, _named(request, DeleteVm, purge=asked.delete_disk), VmRemoved.of)


async def start_vm(request: web.Request) -> web.Response:
    """POST /api/vm/{name}/start"""
    return await carry_out(request, _named(request, StartVm), VmStarted.of)


async def stop_vm(request: web.Request) -> web.Response:
    """POST /api/vm/{name}/stop"""
    asked = await read(request, StopResource)
    return await carry_out(request, _named(request, StopVm, force=asked.force), VmActed.of)


def acting(shape: type[Named]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of `POST /api/vm/{name}/<verb>` for a verb that takes nothing more."""

    async def act(request: web.Request) -> web.Response:
        return await carry_out(request, _named(request, shape), VmActed.of)

    return act


def _named(request: web.Request, shape: type[Named], **more: bool) -> Named:
    """Return the command for the VM in the path. Raises `VmNotFound` for what cannot be a name."""
    name, agent_id = request.match_info["name"], read_query(request, Where).agent_id
    try:
        return shape.model_validate({"name": name, "agent_id": agent_id, **more})
    except ValidationError:
        raise VmNotFound(f"no VM {name!r}; GET /api/vm shows what there is") from None


def must_offer(asked: str, offered: str | None) -> None:
    """Raise `InvalidRequest` if the hypervisor *asked* for is not the one *offered*."""
    offers = offered or "kvm"  # an agent that does not tell is a Multipass on Linux
    if same_hypervisor(asked) != same_hypervisor(offers):
        raise InvalidRequest(f"hypervisor: {asked!r} is not offered there; what is: {offers!r}")


def _within(asked: VmFilter) -> Scope | None:
    if asked.agent_id is None and asked.tag is None:
        return None
    name, _, value = (asked.tag or "").partition("=")
    agents = None if asked.agent_id is None else frozenset({asked.agent_id})
    return Scope(agents, {name: value} if name else {})


def _place(vm: ListedVm) -> tuple[str, str]:
    return vm.agent_id or "", vm.name


def _page(found: Sequence[ListedVm], asked: VmFilter) -> tuple[Sequence[ListedVm], str | None]:
    """Return the VMs after the cursor, and the cursor after them if there are more."""
    if asked.cursor is not None:
        after = _position(asked.cursor)
        found = [vm for vm in found if _place(vm) > after]
    if asked.limit is None or len(found) <= asked.limit:
        return found, None
    page = found[: asked.limit]
    return page, base64.urlsafe_b64encode(json.dumps(_place(page[-1])).encode()).decode()


def _position(cursor: str) -> tuple[str, str]:
    try:
        agent_id, name = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return str(agent_id), str(name)
    except (binascii.Error, TypeError, ValueError) as err:
        raise InvalidRequest("cursor: not one of ours; send `next` of the answer before as it came") from err


async def _pieces(vms: VmService, page: Iterable[ListedVm]) -> list[tuple[str, str]]:
    """Return each VM's JSON up to its age, and from its age on."""
    runs_on: dict[str | None, str | None] = {}
    pieces: list[tuple[str, str]] = []
    for vm in page:
        if vm.agent_id not in runs_on:
            runs_on[vm.agent_id] = vms.hypervisor(vm.agent_id)
        shown = VmResource.of(vm, hypervisor=runs_on[vm.agent_id] or UNKNOWN)
        told, _, age = shown.model_dump_json().rpartition(_AGE)
        pieces.append((told, age))
        if len(pieces) % SLICE == 0:
            await asyncio.sleep(0)
    return pieces


def _etag(texts: Iterable[str]) -> ETag:
    """Return the tag of what *texts* say; leave out ages and uptimes, which no two answers share."""
    told = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    return ETag(told[:32], is_weak=True)


def _tagged(request: web.Request, body: str, tag: ETag) -> web.Response:
    """Answer with *body*, or with 304 to who has it already."""
    known = request.if_none_match or ()
    if any(each.value in {tag.value, "*"} for each in known):
        response = web.Response(status=304)
    else:
        response = web.Response(body=body.encode(), content_type="application/json")
    response.etag = tag
    response.headers[hdrs.CACHE_CONTROL] = "no-cache"
    return response


ROUTES = [
    Route("GET", "/api/vm", list_vms, Access.VIEWER, query=VmFilter, gives=VmResources),
    Route("POST", "/api/vm", create_vm, Access.OPERATOR, NewVmResource, Where, VmResource),
    Route("GET", "/api/vm/{name}", get_vm, Access.VIEWER, query=Where, gives=VmResourceStatus),
    Route("DELETE", "/api/vm/{name}", delete_vm, Access.OPERATOR, DeleteResource, Where, VmRemoved),
    Route("POST", "/api/vm/{name}/start", start_vm, Access.OPERATOR, None, Where, VmStarted),
    Route("POST", "/api/vm/{name}/stop", stop_vm, Access.OPERATOR, StopResource, Where, VmActed),
    Route("POST", "/api/vm/{name}/restart", acting(RestartVm), Access.OPERATOR, None, Where, VmActed),
    Route("POST", "/api/vm/{name}/suspend", acting(SuspendVm), Access.OPERATOR, None, Where, VmActed),
    Route("POST", "/api/vm/{name}/recover", acting(RecoverVm), Access.OPERATOR, None, Where, VmActed),
]
