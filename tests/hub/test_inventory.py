"""The list of all VMs, as agents tell it and callers see it."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from batwa_common.wire.agent import Heartbeat, InventoryUpdate, RegisterAgent
from batwa_common.wire.documented import VmList
from batwa_common.wire.vm import Vm
from batwa_hub.services.events import Events
from batwa_hub.services.inventory import Inventory
from batwa_hub.services.registry import Registry
from batwa_hub.store.agents import AgentStore
from batwa_hub.store.database import Database

from .fleet_fakes import vm


class World:
    """A registry and an inventory with a clock in hand."""

    def __init__(self, database: Database) -> None:
        self.clock = SimpleNamespace(s=1000.0)
        store, events = AgentStore(database), Events(database, keep=1000)
        self.events = events
        self.registry = Registry(
            store, events, stale_after_s=30, local_agent_id="local", now=lambda: self.clock.s
        )
        self.inventory = Inventory(store, self.registry, events, now=lambda: self.clock.s)
        self.registry.count_vms_with(self.inventory.count)

    async def register(self, agent_id: str) -> None:
        request = RegisterAgent(agent_id=agent_id, hostname=f"{agent_id}-host", api_url="http://127.0.0.1:9")
        await self.registry.register(request, key_id="key")

    async def tell(
        self, agent_id: str, revision: int, *vms: Vm, base: int | None = None, gone: Any = ()
    ) -> None:
        update = InventoryUpdate(epoch="e", revision=revision, base=base, vms=vms, gone=tuple(gone))
        await self.inventory.apply(agent_id, update)

    def listed(self) -> dict[str, Any]:
        """The list as bytes; it must say the same as the list as models."""
        told = VmList.model_validate_json(self.inventory.list_json())
        assert sorted(told.vms, key=str) == sorted(self.inventory.listed(), key=str)
        return {entry.name: entry for entry in told.vms}


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_the_list_tells_whose_each_vm_is_and_how_old_its_entry(world: World) -> None:
    for agent_id in ("local", "oslo"):
        await world.register(agent_id)
    await world.tell("local", 1, vm("a", ipv4=("10.0.0.2",)))
    world.clock.s += 7
    await world.tell("oslo", 1, vm("b"))
    world.clock.s += 2

    listed = world.listed()

    assert (listed["a"].agent_id, listed["a"].agent_hostname, listed["a"].stale_s) == (None, "local", 9)
    assert (listed["b"].agent_id, listed["b"].agent_hostname, listed["b"].stale_s) == ("oslo", "oslo-host", 2)


async def test_a_silent_agents_vms_read_as_unknown_until_it_is_back(world: World) -> None:
    await world.register("oslo")
    await world.tell("oslo", 1, vm("a"))
    world.clock.s += 31
    assert await world.registry.sweep() == ["oslo"]
    world.inventory.render_again("oslo")
    assert world.listed()["a"].state == "Unknown"

    await world.registry.heard_from(Heartbeat(agent_id="oslo"))
    world.inventory.render_again("oslo")

    assert world.listed()["a"].state == "Running"


async def test_a_vm_is_found_by_name_and_by_id(world: World) -> None:
    for agent_id in ("local", "oslo"):
        await world.register(agent_id)
        await world.tell(agent_id, 1, vm("twin", id=f"vm-of-{agent_id}"))

    assert [agent_id for agent_id, _ in world.inventory.find("twin")] == ["local", "oslo"]
    assert [agent_id for agent_id, _ in world.inventory.find("vm-of-oslo")] == ["oslo"]
    await world.inventory.forget("oslo")
    assert world.inventory.find("vm-of-oslo") == []


async def test_an_update_that_does_not_fit_is_left_out_and_the_position_says_so(world: World) -> None:
    await world.register("oslo")
    await world.tell("oslo", 5, vm("a"))

    await world.tell("oslo", 8, vm("b"), base=7)

    position = world.inventory.position("oslo")
    assert position is not None and position.revision == 5
    assert set(world.listed()) == {"a"}


async def test_what_was_told_survives_a_restart_with_its_age(world: World, database: Database) -> None:
    await world.register("oslo")
    await world.tell("oslo", 5, vm("a"))

    again = World(database)
    await again.registry.load()
    await again.inventory.load()

    assert set(again.listed()) == {"a"}
    position = again.inventory.position("oslo")
    assert position is not None and (position.epoch, position.revision) == ("e", 5)


NAMES = st.sampled_from(["a", "b", "c", "d"])
STATES = st.sampled_from(["Running", "Stopped", "Deleted"])


@given(st.lists(st.dictionaries(NAMES, STATES), min_size=1, max_size=8))
@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_deltas_add_up_to_what_the_agent_has(world: World, history: list[dict[str, str]]) -> None:
    await world.register("oslo")
    await world.tell("oslo", 0)
    before: dict[str, str] = {}
    for revision, now in enumerate(history, start=1):
        changed = [vm(name, state) for name, state in now.items() if before.get(name) != state]
        await world.tell("oslo", revision, *changed, base=revision - 1, gone=before.keys() - now.keys())
        before = now
        assert {name: entry.state for name, entry in world.listed().items()} == now
        assert world.inventory.count("oslo") == len(now)
