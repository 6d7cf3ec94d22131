"""The agent's whole HTTP surface, one line each, and who may use it: whoever has the agent's key."""

import hmac

from aiohttp import web

from batwa_common.errors import BatwaError, InvalidApiKey, NotAuthenticated
from batwa_common.web import metrics, resources, vms
from batwa_common.web.body import read, respond
from batwa_common.web.metrics import scraper
from batwa_common.web.routes import CALLER, Access, Caller, Route
from batwa_common.wire.documented import VmList
from batwa_common.wire.operation import Operation, SubmitOperation

from .agent import AGENT, Agent
from .exec import routes as exec_api
from .recordings import routes as recording_api
from .terminals import routes as terminals


async def guard(request: web.Request, access: Access) -> Caller:
    """Return who calls. Raises `NotAuthenticated` without a key, `InvalidApiKey` with a wrong one.

    The hub answers for its users and names them in `X-Batwa-User`.
    """
    if access is Access.ANYONE:
        return Caller("")
    if access is Access.METRICS:
        return scraper(request, request.app[AGENT].metrics_token)
    given = request.headers.get("X-API-Key") or _bearer(request)
    if not given:
        raise NotAuthenticated("This agent wants its API key in the header X-API-Key.")
    if not hmac.compare_digest(given.encode(), request.app[AGENT].api_key.encode()):
        raise InvalidApiKey("That is not this agent's API key.")
    return Caller(request.headers.get("X-Batwa-User", "hub")[:255], role="operator", terminals=True)


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def health(request: web.Request) -> web.Response:
    """GET /health"""
    return web.json_response({"status": "ok", "agent_id": request.app[AGENT].agent_id})


async def is_alive(_request: web.Request) -> web.Response:
    """GET /healthz"""
    return web.json_response({"status": "ok"})


async def is_ready(request: web.Request) -> web.Response:
    """GET /readyz: 200 when work can be given to Multipass, else 503 with the reasons."""
    reasons = _reasons(request.app[AGENT])
    return web.json_response({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)


def _reasons(agent: Agent) -> list[str]:
    try:
        agent.watcher.must_answer()
    except BatwaError as err:
        return [str(err)]
    return []


async def put_operation(request: web.Request) -> web.Response:
    """PUT /api/operations/{id}"""
    order = await read(request, SubmitOperation)
    asked_by = order.requested_by or request[CALLER].name
    machine = request.app[AGENT].machine
    return respond(await machine.put(request.match_info["id"], order.command, requested_by=asked_by))


ROUTES = [
    Route("GET", "/health", health, Access.ANYONE),
    Route("GET", "/healthz", is_alive, Access.ANYONE),
    Route("GET", "/readyz", is_ready, Access.ANYONE),
    *metrics.ROUTES,
    Route("GET", "/api/vm/list", vms.list_vms, Access.VIEWER, gives=VmList),
    Route(
        "PUT", "/api/operations/{id}", put_operation, Access.OPERATOR, takes=SubmitOperation, gives=Operation
    ),
    *terminals.ROUTES,
    *exec_api.ROUTES,
    *recording_api.ROUTES,
    *vms.ROUTES,
    *resources.ROUTES,
]
