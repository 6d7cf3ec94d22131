"""/api/agent/keys: the keys agents come with."""

from aiohttp import web

from batwa_common.web.body import read, respond, respond_all
from batwa_common.web.routes import Access, Listing, Route
from batwa_common.wire.agent import AgentKey, IssuedAgentKey, NewAgentKey
from batwa_common.wire.documented import Done
from batwa_hub.hub import HUB


async def issue(request: web.Request) -> web.Response:
    """POST /api/agent/keys"""
    asked = await read(request, NewAgentKey)
    return respond(await request.app[HUB].keys.issue(asked.name, asked.agent_id))


async def list_keys(request: web.Request) -> web.Response:
    """GET /api/agent/keys"""
    return respond_all(await request.app[HUB].keys.find_all())


async def revoke(request: web.Request) -> web.Response:
    """DELETE /api/agent/keys/{id}"""
    key_id = request.match_info["id"]
    await request.app[HUB].keys.revoke(key_id)
    return respond(Done(message=f"Agent key '{key_id}' revoked"))


ROUTES = [
    Route("POST", "/api/agent/keys", issue, Access.ADMIN, takes=NewAgentKey, gives=IssuedAgentKey),
    Route("GET", "/api/agent/keys", list_keys, Access.ADMIN, gives=Listing(AgentKey)),
    Route("DELETE", "/api/agent/keys/{id}", revoke, Access.ADMIN, gives=Done),
]
