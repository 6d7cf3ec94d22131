"""/api/remote/{peer_id}/vm: the VMs of another hub, or of one agent of this hub."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from aiohttp import web

from batwa_common.web.body import read, respond
from batwa_common.web.resources import must_offer
from batwa_common.web.routes import CALLER, Access, Route
from batwa_common.web.vms import AnyCommand, carry_out, follow
from batwa_common.wire.base import Wire
from batwa_common.wire.operation import Operation, OperationQuery
from batwa_common.wire.peer import RemoteActed, RemoteRemoved, RemoteVmList
from batwa_common.wire.resource import DeleteResource, NewVmResource, StopResource, VmActed, VmResourceStatus
from batwa_common.wire.vm import DeleteVm, StartVm, StopVm
from batwa_hub.hub import HUB
from batwa_hub.services.peering.hub_port import HubVms
from batwa_hub.services.peering.places import Place


class _Meant(NamedTuple):
    """What a request is about."""

    place: Place
    vms: HubVms


def _meant(request: web.Request) -> _Meant:
    hub, caller = request.app[HUB], request[CALLER]
    place = hub.places.find(request.match_info["peer_id"], caller.scope)
    return _Meant(place, hub.remote.service(place, on_behalf_of=caller.name))


async def list_vms(request: web.Request) -> web.Response:
    """GET /api/remote/{peer_id}/vm"""
    hub, caller = request.app[HUB], request[CALLER]
    place = hub.places.find(request.match_info["peer_id"], caller.scope)
    found = await hub.remote.list(place, on_behalf_of=caller.name)
    status = "online" if found.known else "unknown"
    told = RemoteVmList(vms=found.vms, peer_id=place.id, status=status, stale_s=found.stale_s)
    return respond(told)


async def get_vm(request: web.Request) -> web.Response:
    """GET /api/remote/{peer_id}/vm/{vm_id}"""
    return respond(await _meant(request).vms.resource(request.match_info["vm_id"]))


async def create_vm(request: web.Request) -> web.Response:
    """POST /api/remote/{peer_id}/vm"""
    asked, meant = await read(request, NewVmResource), _meant(request)
    if asked.hypervisor is not None:
        must_offer(asked.hypervisor, meant.vms.hypervisor(None))
    return await _carried_out(request, meant, asked.command(None), _acted(meant.place.id, ""))


async def start_vm(request: web.Request) -> web.Response:
    """POST /api/remote/{peer_id}/vm/{vm_id}/start"""
    meant = _meant(request)
    vm = await meant.vms.resource(request.match_info["vm_id"])
    return await _carried_out(request, meant, StartVm(name=vm.id), _acted(meant.place.id, vm.id))


async def stop_vm(request: web.Request) -> web.Response:
    """POST /api/remote/{peer_id}/vm/{vm_id}/stop"""
    asked, meant = await read(request, StopResource), _meant(request)
    vm = await meant.vms.resource(request.match_info["vm_id"])
    command = StopVm(name=vm.id, force=asked.force)
    return await _carried_out(request, meant, command, _acted(meant.place.id, vm.id))


async def delete_vm(request: web.Request) -> web.Response:
    """DELETE /api/remote/{peer_id}/vm/{vm_id}"""
    asked, meant = await read(request, DeleteResource), _meant(request)
    vm = await meant.vms.resource(request.match_info["vm_id"])

    def removed(operation: Operation) -> RemoteRemoved:
        return RemoteRemoved(peer_id=meant.place.id, vm_id=vm.id, name=operation.vm_name)

    return await _carried_out(request, meant, DeleteVm(name=vm.id, purge=asked.delete_disk), removed)


async def get_operation(request: web.Request) -> web.Response:
    """GET /api/remote/{peer_id}/operations/{id}; with `after_revision` and `wait_s` it waits for news."""
    return await follow(request, _meant(request).vms)


async def cancel_operation(request: web.Request) -> web.Response:
    """DELETE /api/remote/{peer_id}/operations/{id}"""
    return respond(await _meant(request).vms.cancel_operation(request.match_info["id"]), status=202)


async def _carried_out(
    request: web.Request, meant: _Meant, command: AnyCommand, answer: Callable[[Operation], Wire]
) -> web.Response:
    followed_at = f"/api/remote/{quote(meant.place.id)}/operations"
    return await carry_out(request, command, answer, at=meant.vms, followed_at=followed_at)


def _acted(peer_id: str, vm_id: str) -> Callable[[Operation], RemoteActed]:
    def acted(operation: Operation) -> RemoteActed:
        done = VmActed.of(operation)
        known = vm_id or (operation.vm.id if operation.vm else operation.vm_name)
        return RemoteActed(peer_id=peer_id, vm_id=known, name=done.name, status=done.status)

    return acted


_VMS = "/api/remote/{peer_id}/vm"
_OPERATION = "/api/remote/{peer_id}/operations/{id}"

ROUTES = [
    Route("GET", _VMS, list_vms, Access.VIEWER, gives=RemoteVmList),
    Route("POST", _VMS, create_vm, Access.OPERATOR, NewVmResource, gives=RemoteActed),
    Route("GET", f"{_VMS}/{{vm_id}}", get_vm, Access.VIEWER, gives=VmResourceStatus),
    Route("DELETE", f"{_VMS}/{{vm_id}}", delete_vm, Access.OPERATOR, DeleteResource, gives=RemoteRemoved),
    Route("POST", f"{_VMS}/{{vm_id}}/start", start_vm, Access.OPERATOR, gives=RemoteActed),
    Route("POST", f"{_VMS}/{{vm_id}}/stop", stop_vm, Access.OPERATOR, StopResource, gives=RemoteActed),
    Route("GET", _OPERATION, get_operation, Access.VIEWER, query=OperationQuery, gives=Operation),
    Route("DELETE", _OPERATION, cancel_operation, Access.OPERATOR, gives=Operation, status=202),
]
