"""What this process keeps in memory of the store, kept as the other processes leave it there."""

from collections.abc import Sequence

from batwa_common.wire.event import Event

from .inventory import Inventory
from .operations import Operations
from .peering.peers import Peers
from .registry import Registry


class Copies:
    """Reads anew what the events of others are about, before anybody here is shown them."""

    def __init__(
        self, registry: Registry, inventory: Inventory, operations: Operations, peers: Peers
    ) -> None:
        self._registry = registry
        self._inventory = inventory
        self._operations = operations
        self._peers = peers

    async def follow(self, told: Sequence[Event], missed: bool) -> None:
        """Take what others wrote; all there is if some of it was *missed*. Raises `Unavailable`."""
        if missed:
            await self._registry.load()
            await self._inventory.load()
        for agent_id in sorted({event.subject for event in told if event.kind == "agent"}):
            if await self._registry.reload(agent_id):
                self._inventory.render_again(agent_id)
        for agent_id in sorted({event.subject.partition("/")[0] for event in told if event.kind == "vm"}):
            await self._inventory.reload(agent_id)
        for operation_id in {event.subject for event in told if event.kind == "operation"}:
            self._operations.heard_of(operation_id)
        if missed or any(event.kind == "peer" for event in told):
            await self._peers.reload()
