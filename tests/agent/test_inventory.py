"""What the hub is told of VMs adds up to what there is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batwa_agent.driver import Listed
from batwa_agent.inventory.inventory import Inventory, observed
from batwa_common.wire.agent import InventoryPosition, InventoryUpdate
from batwa_common.wire.vm import Vm, VmState

NOW = datetime(2026, 11, 1, tzinfo=UTC)
STATES: list[VmState] = ["Running", "Stopped", "Deleted", "Unknown"]
LISTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(STATES))


def listed(vms: dict[str, VmState]) -> list[Listed]:
    return [Listed(name, state, "") for name, state in vms.items()]


class Replica:
    """What a hub does with updates."""

    def __init__(self) -> None:
        self.vms: dict[str, Vm] = {}
        self.position: InventoryPosition | None = None

    def apply(self, update: InventoryUpdate) -> None:
        if update.base is None:
            self.vms = {}
        else:
            assert self.position == InventoryPosition(epoch=update.epoch, revision=update.base)
        self.vms.update({vm.name: vm for vm in update.vms})
        for name in update.gone:
            self.vms.pop(name, None)
        self.position = InventoryPosition(epoch=update.epoch, revision=update.revision)


@given(st.lists(st.tuples(LISTS, st.booleans()), max_size=20), st.integers(1, 4))
def test_changes_applied_to_a_replica_are_the_inventory(
    steps: list[tuple[dict[str, VmState], bool]], history: int
) -> None:
    inventory, replica = Inventory(history=history), Replica()
    for vms, is_heard in steps:
        inventory.replace(observed(inventory.vms, listed(vms), NOW))
        if is_heard and (update := inventory.update_since(replica.position)) is not None:
            replica.apply(update)
            assert replica.vms == inventory.vms
            assert inventory.update_since(replica.position) is None


def test_nothing_is_told_before_the_first_list() -> None:
    inventory = Inventory()
    assert inventory.update_since(None) is None
    inventory.replace({})
    update = inventory.update_since(None)
    assert update is not None and update.base is None and update.vms == ()


def test_another_history_gets_everything() -> None:
    inventory = Inventory()
    inventory.replace(observed({}, listed({"a": "Running"}), NOW))
    for position in (
        InventoryPosition(epoch="other", revision=0),
        inventory.position.model_copy(update={"revision": 99}),
        inventory.position.model_copy(update={"revision": -1}),
    ):
        update = inventory.update_since(position)
        assert update is not None and update.base is None


def test_a_list_that_says_the_same_is_no_change() -> None:
    inventory = Inventory()
    assert inventory.replace(observed({}, listed({"a": "Running"}), NOW))
    assert not inventory.replace(observed(inventory.vms, listed({"a": "Running"}), NOW))


def test_addresses_go_when_a_vm_stops_and_its_id_stays() -> None:
    running = Vm(id="vm-1", name="a", state="Running", ipv4=("10.0.0.1",), release="Ubuntu")
    stopped = observed({"a": running}, listed({"a": "Stopped"}), NOW)["a"]
    assert (stopped.id, stopped.ipv4, stopped.release) == ("vm-1", (), "Ubuntu")


LATER = NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("before", "now", "since"),
    [
        ("Stopped", "Running", LATER),
        ("Starting", "Running", LATER),
        ("Running", "Running", NOW),
        ("Running", "Delayed Shutdown", NOW),
        ("Running", "Unknown", NOW),
        ("Unknown", "Running", NOW),
        ("Running", "Stopped", None),
    ],
)
def test_since_when_a_vm_runs_is_what_was_seen(before: VmState, now: VmState, since: datetime | None) -> None:
    running = Vm(id="vm-1", name="a", state=before, running_since=NOW)
    assert observed({"a": running}, listed({"a": now}), LATER)["a"].running_since == since


def test_a_restart_that_no_list_showed_begins_anew() -> None:
    running = Vm(id="vm-1", name="a", state="Running", running_since=NOW)
    again = observed({"a": running}, listed({"a": "Running"}), LATER, restarted={"a"})
    assert again["a"].running_since == LATER


def test_what_ran_before_the_first_list_ran_for_nobody_knows_how_long() -> None:
    first = observed({}, listed({"a": "Running"}), NOW, first=True)
    assert first["a"].running_since is None
    assert observed(first, listed({"a": "Running"}), LATER)["a"].running_since is None
    assert observed(first, listed({"a": "Running", "b": "Running"}), LATER)["b"].running_since == LATER


def test_a_vm_is_found_by_name_before_id() -> None:
    inventory = Inventory()
    one = Vm(id="vm-1", name="a", state="Running")
    two = Vm(id="vm-2", name="vm-1", state="Running")
    inventory.replace({"a": one, "vm-1": two})
    assert inventory.find("vm-1") == two
    assert inventory.find("vm-2") == two
    assert inventory.find("nobody") is None
