"""Which place a caller means by an id, a host name or an address: another hub, or an agent of this one."""

from typing import NamedTuple

from batwa_common.errors import PeerAmbiguous, PeerNotFound
from batwa_common.scope import Scope
from batwa_common.wire.agent import Agent
from batwa_common.wire.peer import Peer
from batwa_hub.services.fleet import Fleet
from batwa_hub.store.peers import PeerRow

from .peers import Peers, host_and_port


class HubPlace(NamedTuple):
    """Another hub."""

    id: str
    row: PeerRow


class AgentPlace(NamedTuple):
    """An agent of this hub."""

    id: str
    fleet: Fleet
    """As the caller sees it."""


Place = HubPlace | AgentPlace


class Places:
    """Hubs and agents by any of their names.

    Args:
        fleet: This hub's agents.
        peers: Trusted hubs.
    """

    def __init__(self, fleet: Fleet, peers: Peers) -> None:
        self._fleet = fleet
        self._peers = peers

    def all(self, scope: Scope | None) -> tuple[Peer, ...]:
        """Return every place that a caller of that scope may see, hubs first."""
        hubs = [] if scope is not None else [self._peers.get(row.id) for row in self._peers.rows()]
        return (*hubs, *(_peer(agent) for agent in self._fleet.seen_by(scope).agents()))

    def find(self, name: str, scope: Scope | None) -> Place:
        """Return the place that *name* means; an id comes before all other names.

        Raises `PeerNotFound`, and `PeerAmbiguous` with the candidates.
        """
        named = [peer for peer in self.all(scope) if name in _names(peer)]
        found = [peer for peer in named if peer.id == name] or named
        if not found:
            raise PeerNotFound(f"no peer {name!r}; GET /api/p2p/peers shows which there are")
        if len(found) > 1:
            candidates = ", ".join(repr(peer.id) for peer in found)
            raise PeerAmbiguous(f"several peers go by {name!r}; say which by its id: {candidates}")
        if found[0].kind == "hub":
            return HubPlace(found[0].id, self._peers.row(found[0].id))
        return AgentPlace(found[0].id, self._fleet.seen_by(scope))


def _names(peer: Peer) -> set[str]:
    return {peer.id, peer.name, peer.address, f"{peer.address}:{peer.port}", peer.url}


def _peer(agent: Agent) -> Peer:
    host, port = host_and_port(agent.api_url)
    return Peer(
        id=agent.agent_id,
        name=agent.hostname,
        address=host,
        port=port,
        status=agent.status,
        services=("vm",),
        last_seen=agent.last_seen,
        kind="agent",
        url=agent.api_url,
    )
