"""Agents and the keys they come with."""

from typing import Any

from batwa_common.wire.agent import Agent, AgentKey, IssuedAgentKey
from batwa_common.wire.documented import AgentAnswer, Done

from .http import path_of
from .noun import Noun


class AgentMethods(Noun):
    """The machines of the fleet."""

    async def list_agents(self) -> list[Agent]:
        """Return all agents."""
        return await self._http.ask(list[Agent], "GET", "/api/agent/list")

    async def get_agent(self, agent_id: str) -> Agent:
        """Return one agent. Raises `AgentNotFound`."""
        path = path_of("api", "agent", "info", agent_id)
        return (await self._http.ask(AgentAnswer, "GET", path)).agent

    async def unregister_agent(self, agent_id: str) -> Done:
        """Forget an agent; its VMs go on. Raises `AgentNotFound`."""
        return await self._http.ask(Done, "DELETE", path_of("api", "agent", "unregister", agent_id))

    async def create_agent_key(self, name: str, *, agent_id: str | None = None) -> IssuedAgentKey:
        """Make a key; its secret is in this answer and never shown again."""
        body: dict[str, Any] = {"name": name}
        if agent_id is not None:
            body["agent_id"] = agent_id
        return await self._http.ask(IssuedAgentKey, "POST", "/api/agent/keys", body=body)

    async def list_agent_keys(self) -> list[AgentKey]:
        """Return all keys, without their secrets."""
        return await self._http.ask(list[AgentKey], "GET", "/api/agent/keys")

    async def delete_agent_key(self, key_id: str) -> Done:
        """Revoke a key."""
        return await self._http.ask(Done, "DELETE", path_of("api", "agent", "keys", key_id))
