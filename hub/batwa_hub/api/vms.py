"""/api/vm: the shared endpoints over the fleet, with the list served as ready-made bytes."""

from aiohttp import web

from batwa_common.web import resources, vms
from batwa_common.web.routes import Access, Route
from batwa_common.wire.documented import VmList

from .access import fleet_of


async def list_vms(request: web.Request) -> web.Response:
    """GET /api/vm/list"""
    return web.Response(body=fleet_of(request).list_json(), content_type="application/json")


ROUTES = [
    Route("GET", "/api/vm/list", list_vms, Access.VIEWER, gives=VmList),
    *vms.ROUTES,
    *resources.ROUTES,
]
