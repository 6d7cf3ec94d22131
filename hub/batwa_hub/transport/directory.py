"""How to call each agent: one HTTP code path, whatever the agent speaks."""

from collections.abc import Awaitable, Callable

import aiohttp

from batwa_common.supervisor import Supervisor
from batwa_hub.services.ports import AgentPort
from batwa_hub.store.agents import AgentRow

from .agents import AgentHttp, NativeAgent
from .documented import DocumentedAgent, Pending
from .shells import AgentShells

HAS_OPERATIONS = "operations"
"""The feature of agents that keep operations; others only speak the documented API."""


class Directory:
    """Makes an `AgentPort` for an agent's id.

    Args:
        session: For calls; its connector bounds the connections per agent.
        row: Tells where an agent is. Raises `AgentNotFound`.
        secret: Tells the secret of a key by its id.
        tasks: Owns calls to agents without operations.
        timeout_s: How long an agent may take to answer.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        row: Callable[[str], AgentRow],
        secret: Callable[[str], Awaitable[str]],
        tasks: Supervisor,
        timeout_s: float,
    ) -> None:
        self._session = session
        self._row = row
        self._secret = secret
        self._pending = Pending(tasks)
        self._timeout_s = timeout_s

    def http(self, agent_id: str) -> AgentHttp:
        """Return plain HTTP to an agent. Raises `AgentNotFound`."""
        row = self._row(agent_id)
        return AgentHttp(
            self._session,
            agent_id=agent_id,
            url=row.api_url,
            api_key=lambda: self._secret(row.key_id),
            timeout_s=self._timeout_s,
        )

    def shells(self, agent_id: str) -> AgentShells:
        """Return the agent's terminals, recordings and commands. Raises `AgentNotFound`."""
        return AgentShells(self.http(agent_id))

    def port(self, agent_id: str) -> AgentPort:
        """Return the agent as services call it. Raises `AgentNotFound`."""
        if HAS_OPERATIONS in self._row(agent_id).features:
            return NativeAgent(self.http(agent_id))
        return DocumentedAgent(self.http(agent_id), self._pending)
