"""/api/agent: agents introduce themselves, stay known, and are listed."""

from aiohttp import web

from batwa_common.errors import InvalidApiKey
from batwa_common.web.body import read, respond, respond_all
from batwa_common.web.routes import CALLER, Access, Listing, Route
from batwa_common.wire.agent import Agent, AgentSelf, Heartbeat, HeartbeatAnswer, RegisterAgent
from batwa_common.wire.documented import AgentAnswer, Done, Registered
from batwa_common.wire.join import ChangeAgent, ReplaceKey
from batwa_hub.hub import HUB

from .access import address_of, agent_key, fleet_of
from .audited import PROVED, Actor

MAX_INVENTORY_BYTES = 8 << 20
"""Bound of a heartbeat with a whole inventory: some 20,000 VMs."""


async def register(request: web.Request) -> web.Response:
    """POST /api/agent/register"""
    hub, asked = request.app[HUB], await read(request, RegisterAgent)
    key = await agent_key(request, agent_id=asked.agent_id, given=asked.api_key)
    hub.destinations.check(asked.api_url, agent_id=asked.agent_id, told_from=address_of(request))
    request[PROVED] = Actor(f"agent {asked.agent_id}", "agent")
    agent = await hub.agents.register(asked, key_id=key.id, waiting=not key.approved)
    await hub.keys.settle(key)
    return respond(Registered(message=f"Agent '{agent.agent_id}' registered successfully", agent=agent))


async def heartbeat(request: web.Request) -> web.Response:
    """POST /api/agent/heartbeat"""
    beat = await read(request, Heartbeat, limit_bytes=MAX_INVENTORY_BYTES)
    if request[CALLER].agent_id != beat.agent_id:
        raise InvalidApiKey(f"this API key is not agent {beat.agent_id!r}'s")
    return respond(await request.app[HUB].agents.beat(beat))


async def list_agents(request: web.Request) -> web.Response:
    """GET /api/agent/list"""
    return respond_all(list(fleet_of(request).agents()))


async def get_agent(request: web.Request) -> web.Response:
    """GET /api/agent/info/{agent_id}"""
    return respond(AgentAnswer(agent=fleet_of(request).agent(request.match_info["agent_id"])))


async def unregister(request: web.Request) -> web.Response:
    """DELETE /api/agent/unregister/{agent_id}"""
    agent_id = request.match_info["agent_id"]
    await request.app[HUB].agents.unregister(agent_id)
    return respond(Done(message=f"Agent '{agent_id}' unregistered successfully"))


async def who_am_i(request: web.Request) -> web.Response:
    """GET /api/agent/self"""
    key = await agent_key(request, agent_id=None)
    return respond(AgentSelf(agent_id=key.agent_id, approved=key.approved))


async def approve(request: web.Request) -> web.Response:
    """POST /api/agent/{agent_id}/approve"""
    agent_id = request.match_info["agent_id"]
    return respond(AgentAnswer(agent=await request.app[HUB].joining.approve(agent_id)))


async def change(request: web.Request) -> web.Response:
    """PATCH /api/agent/{agent_id}"""
    agent_id, asked = request.match_info["agent_id"], await read(request, ChangeAgent)
    await request.app[HUB].registry.describe(agent_id, name=asked.name, tags=asked.tags)
    return respond(AgentAnswer(agent=request.app[HUB].registry.get(agent_id)))


async def replace_key(request: web.Request) -> web.Response:
    """POST /api/agent/key"""
    key, asked = await agent_key(request, agent_id=None), await read(request, ReplaceKey)
    await request.app[HUB].keys.replace(key, asked.api_key)
    return respond(
        Done(message="The new key is known; the present one ends when you register with the new one.")
    )


ROUTES = [
    Route("GET", "/api/agent/self", who_am_i, Access.AGENT, gives=AgentSelf),
    Route(
        "POST", "/api/agent/register", register, Access.ANYONE, takes=RegisterAgent, gives=Registered
    ),  # the key may come in the body
    Route("POST", "/api/agent/heartbeat", heartbeat, Access.AGENT, takes=Heartbeat, gives=HeartbeatAnswer),
    Route("GET", "/api/agent/list", list_agents, Access.VIEWER, gives=Listing(Agent)),
    Route("GET", "/api/agent/info/{agent_id}", get_agent, Access.VIEWER, gives=AgentAnswer),
    Route("POST", "/api/agent/{agent_id}/approve", approve, Access.ADMIN, gives=AgentAnswer),
    Route("PATCH", "/api/agent/{agent_id}", change, Access.ADMIN, takes=ChangeAgent, gives=AgentAnswer),
    Route("POST", "/api/agent/key", replace_key, Access.AGENT, takes=ReplaceKey, gives=Done),
    Route("DELETE", "/api/agent/unregister/{agent_id}", unregister, Access.ADMIN, gives=Done),
]
