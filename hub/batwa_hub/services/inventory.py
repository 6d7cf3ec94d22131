"""Every VM of the fleet as its agent last told it, so that listing them asks no machine.

The list is served as bytes: per agent the JSON of its VMs is kept, split where the age goes, because
the age is all that differs from one second to the next.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field

from batwa_common.wire.agent import InventoryPosition, InventoryUpdate
from batwa_common.wire.base import utc_now
from batwa_common.wire.documented import ListedVm
from batwa_common.wire.vm import Vm
from batwa_hub.store.agents import AgentStore, InventoryRow

from .events import Events
from .registry import Registry

_AGE = "0.0}"
"""How a listed VM's JSON ends when its age is nothing; `stale_s` is the last field."""


@dataclass
class _Holding:
    """What one agent has."""

    position: InventoryPosition
    vms: dict[str, Vm]
    confirmed_s: float
    pieces: list[bytes] = field(default_factory=list)


class Inventory:
    """VMs by agent and name.

    Args:
        store: Where inventories are kept.
        registry: Who the agents are.
        events: Where changes are told.
        is_shared: Whether other processes take inventories too, and write them to the store.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self,
        store: AgentStore,
        registry: Registry,
        events: Events,
        *,
        is_shared: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._registry = registry
        self._events = events
        self._is_shared = is_shared
        self._now = now
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Between reading of an agent and believing it nothing of it is written: nothing goes back."""
        self._held: dict[str, _Holding] = {}
        self._where: dict[str, set[str]] = defaultdict(set)
        self._body: tuple[int, bytes] | None = None

    async def load(self) -> None:
        """Read what was known before a restart."""
        rows = await self._store.inventories()
        for agent_id in self._held.keys() - {row.agent_id for row in rows}:
            self._drop(agent_id)
        for row in rows:
            if not self._turns[row.agent_id].locked():  # else it is being written, and later than this
                self._take(row)

    async def reload(self, agent_id: str) -> None:
        """Read what another process wrote of an agent's VMs; who watches is told by that process."""
        async with self._turns[agent_id]:
            await self._reload(agent_id)

    async def _reload(self, agent_id: str) -> None:
        if (row := await self._store.find_inventory(agent_id)) is not None:
            self._take(row)
        else:
            self._drop(agent_id)

    def _take(self, row: InventoryRow) -> None:
        held = self._held.get(row.agent_id)
        position = InventoryPosition(epoch=row.epoch, revision=row.revision)
        if held is not None and held.position == position:
            return
        age_s = max((utc_now() - row.confirmed_at).total_seconds(), 0.0)
        self._hold(row.agent_id, _Holding(position, {vm.name: vm for vm in row.vms}, self._now() - age_s))

    def position(self, agent_id: str) -> InventoryPosition | None:
        """Return up to where the agent's inventory is here; None asks the agent for all of it."""
        held = self._held.get(agent_id)
        return held.position if held else None

    def confirm(self, agent_id: str) -> None:
        """The agent is alive and had nothing new to tell."""
        if (held := self._held.get(agent_id)) is not None:
            held.confirmed_s = self._now()

    async def apply(self, agent_id: str, update: InventoryUpdate) -> None:
        """Take what an agent tells; it is on disk when this returns.

        An update that does not build on what is here is left out: `position` then differs from the
        agent's and makes it send everything.
        """
        async with self._turns[agent_id]:
            await self._apply(agent_id, update)

    async def _apply(self, agent_id: str, update: InventoryUpdate) -> None:
        if self._is_shared and not _fits(self._held.get(agent_id), update):
            await self._reload(agent_id)  # another process may have taken the one before
        held = self._held.get(agent_id)
        if update.base is None:
            vms = {vm.name: vm for vm in update.vms}
        elif held is not None and _fits(held, update):
            gone = set(update.gone)
            vms = {name: vm for name, vm in held.vms.items() if name not in gone}
            vms |= {vm.name: vm for vm in update.vms}
        else:
            return
        before = held.vms if held else {}
        position = InventoryPosition(epoch=update.epoch, revision=update.revision)
        await self._store.put_inventory(
            InventoryRow(agent_id, position.epoch, position.revision, tuple(vms.values()), utc_now())
        )
        self._hold(agent_id, _Holding(position, vms, self._now()))
        await self._tell(agent_id, before, vms)

    async def forget(self, agent_id: str) -> None:
        """Drop an agent's VMs: it is not registered any more."""
        if (held := self._held.get(agent_id)) is not None:
            before = held.vms
            self._drop(agent_id)
            await self._tell(agent_id, before, {})

    def render_again(self, agent_id: str) -> None:
        """The agent went offline, came back or was renamed: its VMs read differently now."""
        if (held := self._held.get(agent_id)) is not None:
            held.pieces = self._pieces(agent_id, held)
            self._body = None

    def find(self, name: str) -> list[tuple[str, Vm]]:
        """Return (agent id, VM) of every VM that has *name* as its name or id."""
        found = []
        for agent_id in sorted(self._where.get(name, ())):
            vms = self._held[agent_id].vms
            found += [(agent_id, vm) for vm in vms.values() if name in {vm.name, vm.id}]
        return found

    def count(self, agent_id: str) -> int | None:
        """Return how many VMs an agent has, those in the trash included; None if it never told."""
        held = self._held.get(agent_id)
        return len(held.vms) if held else None

    def count_by_state(self) -> Counter[str]:
        """Return how many VMs there are of each state, as they are shown."""
        counted = Counter[str]()
        for agent_id, held in self._held.items():
            if self._registry.is_online(agent_id):
                counted.update(vm.state for vm in held.vms.values())
            else:
                counted["Unknown"] += len(held.vms)
        return counted

    def stale_s(self, agent_id: str) -> float:
        """Return the age of what is known of an agent's VMs, in seconds."""
        held = self._held.get(agent_id)
        return max(self._now() - held.confirmed_s, 0.0) if held else 0.0

    def confirm_at(self, agent_id: str, silence_s: float) -> None:
        """The agent was alive that long ago and had nothing new to tell, as another process has found."""
        if (held := self._held.get(agent_id)) is not None:
            held.confirmed_s = max(held.confirmed_s, self._now() - silence_s)

    def listed(self, agents: Container[str] | None = None) -> Iterator[ListedVm]:
        """Yield every VM as callers see it; with *agents* only theirs."""
        for agent_id, held in self._held.items():
            if agents is not None and agent_id not in agents:
                continue
            for vm in held.vms.values():
                yield self.shown(agent_id, vm)

    def shown(self, agent_id: str, vm: Vm) -> ListedVm:
        """Return an agent's VM as callers see it."""
        return self._listed(agent_id, vm, stale_s=float(int(self.stale_s(agent_id))))

    def list_json(self, agents: Container[str] | None = None) -> bytes:
        """Return the body of `GET /api/vm/list`, with *agents* only of theirs; ages are in whole seconds."""
        if agents is not None:
            return self._list_body(agents)
        second = int(self._now())
        if self._body is None or self._body[0] != second:
            self._body = (second, self._list_body(None))
        return self._body[1]

    def _list_body(self, agents: Container[str] | None) -> bytes:
        return b'{"success":true,"vms":[' + b",".join(self._rendered(agents)) + b"]}"

    def _rendered(self, agents: Container[str] | None) -> Iterator[bytes]:
        for agent_id, held in self._held.items():
            if held.pieces and (agents is None or agent_id in agents):
                age = b"%d.0}" % self.stale_s(agent_id)
                yield (age + b",").join(held.pieces) + age

    def _hold(self, agent_id: str, held: _Holding) -> None:
        self._drop(agent_id)
        held.pieces = self._pieces(agent_id, held)
        self._held[agent_id] = held
        for vm in held.vms.values():
            self._where[vm.name].add(agent_id)
            self._where[vm.id].add(agent_id)

    def _drop(self, agent_id: str) -> None:
        self._body = None
        if (held := self._held.pop(agent_id, None)) is None:
            return
        for key in {key for vm in held.vms.values() for key in (vm.name, vm.id)}:
            self._where[key].discard(agent_id)
            if not self._where[key]:
                del self._where[key]

    def _pieces(self, agent_id: str, held: _Holding) -> list[bytes]:
        texts = (self._listed(agent_id, vm, stale_s=0.0).model_dump_json() for vm in held.vms.values())
        return [text.removesuffix(_AGE).encode() for text in texts]

    def _listed(self, agent_id: str, vm: Vm, *, stale_s: float) -> ListedVm:
        fields = dict(vm)
        if not self._registry.is_online(agent_id):
            fields["state"] = "Unknown"
        return ListedVm.model_construct(
            **fields,
            agent_id=self._registry.public_id(agent_id),
            agent_hostname=self._registry.hostname(agent_id),
            stale_s=stale_s,
        )

    async def _tell(self, agent_id: str, before: dict[str, Vm], now: dict[str, Vm]) -> None:
        for name in before.keys() - now.keys():
            await self._events.publish("vm", "removed", f"{agent_id}/{name}", None)
        for vm in _changed(before, now):
            data = self._listed(agent_id, vm, stale_s=0.0).model_dump(mode="json")
            await self._events.publish("vm", "changed", f"{agent_id}/{vm.name}", data)


def _fits(held: _Holding | None, update: InventoryUpdate) -> bool:
    """Whether *update* builds on what is *held*."""
    if update.base is None:
        return True
    return held is not None and held.position == InventoryPosition(epoch=update.epoch, revision=update.base)


def _changed(before: dict[str, Vm], now: dict[str, Vm]) -> Iterable[Vm]:
    return [vm for name, vm in now.items() if before.get(name) != vm]
