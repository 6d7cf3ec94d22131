"""The VMs of this machine as last seen, and what changed since any recent point. No I/O."""

import secrets
from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping
from datetime import datetime

from batwa_agent.driver import Listed
from batwa_agent.news import News
from batwa_common.wire.agent import InventoryPosition, InventoryUpdate
from batwa_common.wire.vm import Vm, VmState

HISTORY = 1024
"""Changes remembered; a hub that missed more of them gets the whole inventory."""

_HAS_ADDRESS: frozenset[VmState] = frozenset({"Running", "Delayed Shutdown"})


class Inventory:
    """A versioned set of VMs. It is complete from the first `replace` on."""

    def __init__(self, *, history: int = HISTORY) -> None:
        self._epoch = secrets.token_hex(8)
        self._revision = 0
        self._vms: dict[str, Vm] = {}
        self._changes: deque[tuple[int, frozenset[str]]] = deque(maxlen=history)
        self.known = False
        self.restarted: set[str] = set()
        """VMs that were restarted since the last list, which shows them as running all the while."""
        self.news = News()
        """Of the VMs, and of the driver's status, which its watcher tells here too."""

    @property
    def vms(self) -> Mapping[str, Vm]:
        """All VMs by name, the trash included."""
        return self._vms

    @property
    def position(self) -> InventoryPosition:
        """Where the history stands."""
        return InventoryPosition(epoch=self._epoch, revision=self._revision)

    def count_by_state(self) -> Counter[str]:
        """Return how many VMs there are of each state."""
        return Counter(vm.state for vm in self._vms.values())

    def find(self, name_or_id: str) -> Vm | None:
        """Return the VM of that name, else the one of that id."""
        if (vm := self._vms.get(name_or_id)) is not None:
            return vm
        return next((vm for vm in self._vms.values() if vm.id == name_or_id), None)

    def replace(self, vms: Mapping[str, Vm]) -> bool:
        """Take *vms* as all there are. True, and one revision further, if that changed anything."""
        names = self._vms.keys() | vms.keys()
        changed = frozenset(name for name in names if self._vms.get(name) != vms.get(name))
        if self.known and not changed:
            return False
        self.known = True
        self._vms = dict(sorted(vms.items()))
        self._revision += 1
        self._changes.append((self._revision, changed))
        self.news.tell()
        return True

    def update_since(self, position: InventoryPosition | None) -> InventoryUpdate | None:
        """Return what changed since *position*, all of it if that is too long ago, None if nothing did."""
        if not self.known or position == self.position:
            return None
        if position is None or not self._remembers(position):
            return self._update(None, self._vms, ())
        names = frozenset[str]().union(*(names for at, names in self._changes if at > position.revision))
        return self._update(position.revision, names & self._vms.keys(), names - self._vms.keys())

    def _remembers(self, position: InventoryPosition) -> bool:
        oldest = self._changes[0][0] - 1
        return position.epoch == self._epoch and oldest <= position.revision < self._revision

    def _update(self, base: int | None, names: Iterable[str], gone: Iterable[str]) -> InventoryUpdate:
        return InventoryUpdate(
            epoch=self._epoch,
            revision=self._revision,
            base=base,
            vms=tuple(self._vms[name] for name in sorted(names)),
            gone=tuple(sorted(gone)),
        )


def observed(
    before: Mapping[str, Vm],
    listed: Iterable[Listed],
    now: datetime,
    *,
    restarted: Container[str] = (),
    first: bool = False,
) -> dict[str, Vm]:
    """Return the VMs that *listed* tells of, with what is known of each from *before*.

    What runs in the *first* list may have run for long.
    """
    seen = {entry.name: _seen(before.get(entry.name), entry, now) for entry in listed}
    return {name: _timed(before.get(name), vm, now, name in restarted, first) for name, vm in seen.items()}


def _seen(vm: Vm | None, entry: Listed, now: datetime) -> Vm:
    if vm is None:
        vm = Vm(id=f"vm-{secrets.token_hex(6)}", name=entry.name, state=entry.state, created_at=now)
    ipv4 = vm.ipv4 if entry.state in _HAS_ADDRESS else ()
    release = entry.release or vm.release
    if (vm.state, vm.ipv4, vm.release) == (entry.state, ipv4, release):
        return vm
    return vm.model_copy(update={"state": entry.state, "ipv4": ipv4, "release": release})


def _timed(before: Vm | None, vm: Vm, now: datetime, restarted: bool, first: bool) -> Vm:
    """Return *vm* with the time since which it runs."""
    since = before.running_since if before is not None else None
    if vm.state not in _HAS_ADDRESS and vm.state != "Unknown":
        since = None
    elif vm.state in _HAS_ADDRESS and not first:
        was_seen_running = before is not None and before.state in {*_HAS_ADDRESS, "Unknown"}
        since = since if was_seen_running and not restarted else now
    return vm if vm.running_since == since else vm.model_copy(update={"running_since": since})
