"""Agents and the keys they come with."""

from collections.abc import Mapping
from typing import Any

from batwa_common.wire.agent import Agent, AgentKey, IssuedAgentKey
from batwa_common.wire.documented import AgentAnswer, Done
from batwa_common.wire.join import IssuedJoinToken, JoinToken

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

    async def approve_agent(self, agent_id: str) -> Agent:
        """Let a waiting agent be used. Raises `AgentNotFound`."""
        path = path_of("api", "agent", agent_id, "approve")
        return (await self._http.ask(AgentAnswer, "POST", path)).agent

    async def change_agent(
        self, agent_id: str, *, name: str | None = None, tags: Mapping[str, str] | None = None
    ) -> Agent:
        """Say what people call an agent, or what the hub says of it; what is left out stays."""
        given = {"name": name, "tags": tags}
        body = {key: value for key, value in given.items() if value is not None}
        return (
            await self._http.ask(AgentAnswer, "PATCH", path_of("api", "agent", agent_id), body=body)
        ).agent

    async def create_join_token(
        self,
        name: str | None = None,
        *,
        agent_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        expires_in_s: int | None = None,
        uses: int | None = None,
    ) -> IssuedJoinToken:
        """Let a machine join; the answer has the line to paste there, this once."""
        given = {
            "name": name,
            "agent_id": agent_id,
            "tags": tags,
            "expires_in_s": expires_in_s,
            "uses": uses,
        }
        body = {key: value for key, value in given.items() if value is not None}
        return await self._http.ask(IssuedJoinToken, "POST", "/api/agent/join-tokens", body=body)

    async def list_join_tokens(self) -> list[JoinToken]:
        """Return the join tokens that have not expired, without their secrets."""
        return await self._http.ask(list[JoinToken], "GET", "/api/agent/join-tokens")

    async def delete_join_token(self, token_id: str) -> Done:
        """Revoke a join token; who has joined with it stays."""
        return await self._http.ask(Done, "DELETE", path_of("api", "agent", "join-tokens", token_id))

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
