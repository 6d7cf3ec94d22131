"""What agents tell the hub: that they exist, that they live, and which VMs they have."""

import hashlib
from collections.abc import Callable

import structlog

from batwa_common.errors import BatwaError
from batwa_common.supervisor import Supervisor
from batwa_common.tls import bundle_id
from batwa_common.wire.agent import Agent, Heartbeat, HeartbeatAnswer, InventoryUpdate, RegisterAgent

from .inventory import Inventory
from .ports import AgentPorts
from .registry import Registry

log = structlog.stdlib.get_logger(__name__)

PUSHES_INVENTORY = "inventory"
"""The feature of agents that tell their inventory with their heartbeats; others are asked for it."""


class Agents:
    """Registration, heartbeats, and leaving.

    Args:
        registry: Who the agents are.
        inventory: What they have.
        ports: How they are called.
        tasks: Owns the calls to agents that must be asked for their list.
        ca: Tells the CAs that agents are to believe, PEM; None if the hub has none of its own.
    """

    def __init__(
        self,
        registry: Registry,
        inventory: Inventory,
        ports: AgentPorts,
        tasks: Supervisor,
        *,
        ca: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._registry = registry
        self._inventory = inventory
        self._ports = ports
        self._tasks = tasks
        self._ca = ca
        self._asked: set[str] = set()

    async def register(self, request: RegisterAgent, *, key_id: str, waiting: bool = False) -> Agent:
        """Make an agent known, or take its new particulars."""
        agent = await self._registry.register(request, key_id=key_id, waiting=waiting)
        self._inventory.render_again(request.agent_id)
        if not waiting and PUSHES_INVENTORY not in request.features:
            self._ask_for_list(request.agent_id)
        return agent

    async def beat(self, beat: Heartbeat) -> HeartbeatAnswer:
        """Take a sign of life and what comes with it. Raises `AgentNotFound` for the unknown."""
        was_online = self._registry.is_online(beat.agent_id)
        await self._registry.heard_from(beat)
        if not was_online:
            self._inventory.render_again(beat.agent_id)
        if self._registry.row(beat.agent_id).waiting:  # what a stranger's machine has is nobody's business
            return HeartbeatAnswer(ca=self._news_of_ca(beat.ca))
        if beat.inventory is not None:
            await self._inventory.apply(beat.agent_id, beat.inventory)
        elif PUSHES_INVENTORY in self._registry.row(beat.agent_id).features:
            self._inventory.confirm(beat.agent_id)
        else:
            self._ask_for_list(beat.agent_id)
        position = self._inventory.position(beat.agent_id)
        return HeartbeatAnswer(inventory=position, ca=self._news_of_ca(beat.ca))

    async def unregister(self, agent_id: str) -> None:
        """Forget an agent and its VMs; the VMs themselves stay. Raises `AgentNotFound`."""
        await self._registry.unregister(agent_id)
        await self._inventory.forget(agent_id)

    def heard_of(self, agent_id: str, differs: bool) -> None:
        """An agent has gone silent, or another process heard from it; its VMs may look different now."""
        row = self._registry.find_row(agent_id)
        if row is not None and PUSHES_INVENTORY in row.features:
            self._inventory.confirm_at(agent_id, self._registry.silence_s(agent_id))
        if differs:
            self._inventory.render_again(agent_id)

    def _news_of_ca(self, believed: str | None) -> str | None:
        ca = self._ca()
        return ca if ca is not None and believed is not None and believed != bundle_id(ca) else None

    def _ask_for_list(self, agent_id: str) -> None:
        if agent_id not in self._asked:  # one at a time per agent, however slow it is
            self._asked.add(agent_id)
            self._tasks.spawn(self._list(agent_id), name=f"list of {agent_id}")

    async def _list(self, agent_id: str) -> None:
        try:
            vms = await self._ports(agent_id).list_vms()
        except BatwaError as err:
            log.info("agent.list_failed", agent=agent_id, code=err.code, detail=str(err))
            return
        finally:
            self._asked.discard(agent_id)
        told = hashlib.sha256("".join(vm.model_dump_json() for vm in vms).encode()).hexdigest()
        held = self._inventory.position(agent_id)
        if held is not None and held.epoch == told:
            self._inventory.confirm(agent_id)
        elif self._registry.find_row(agent_id) is not None:
            await self._inventory.apply(agent_id, InventoryUpdate(epoch=told, revision=0, vms=vms))
