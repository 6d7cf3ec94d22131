"""VMs at a named place: another hub's, or those of one agent of this hub, as one VM service."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog

from batwa_common.errors import OperationNotFound, PeerMisbehaved, PeerTimeout, PeerUnreachable
from batwa_common.scope import Scope
from batwa_common.wire.base import utc_now
from batwa_common.wire.documented import ListedVm, VmDetails
from batwa_common.wire.operation import Operation
from batwa_common.wire.resource import VmResource, VmResourceStatus
from batwa_common.wire.vm import VmCommand
from batwa_hub.services.fleet import Fleet
from batwa_hub.store.peers import PeerRow

from .hub_port import HubPort, HubVms
from .p2p import P2p
from .peers import Peers
from .places import HubPlace, Place

log = structlog.stdlib.get_logger(__name__)

_OFFLINE = (PeerUnreachable, PeerTimeout, PeerMisbehaved)


class Listing(NamedTuple):
    """The VMs at a place."""

    vms: tuple[VmResource, ...]
    stale_s: float
    """Age of the list in seconds; 0 when it was just asked for."""
    known: bool
    """False when the place did not answer, so that this is what it had *stale_s* ago."""


class RemoteVms:
    """The VMs of places.

    Args:
        p2p: Whether hubs may be called at all.
        peers: Keeps their last lists.
        hubs: How they are called.
    """

    def __init__(self, p2p: P2p, peers: Peers, hubs: HubPort) -> None:
        self._p2p = p2p
        self._peers = peers
        self._hubs = hubs

    def service(self, place: Place, *, on_behalf_of: str) -> HubVms:
        """Return the VMs at *place*. Raises `P2pNotRunning` for another hub's while P2P is stopped."""
        if isinstance(place, HubPlace):
            self._p2p.require_running()
            return self._hubs.vms(place.row, on_behalf_of=on_behalf_of)
        return AgentVms(place.fleet, place.id)

    async def list(self, place: Place, *, on_behalf_of: str) -> Listing:
        """Return the VMs at *place*; the last known ones, with their age, if it is offline.

        Raises what made it offline if nothing is known of it.
        """
        service = self.service(place, on_behalf_of=on_behalf_of)
        if not isinstance(place, HubPlace):
            return Listing(await service.resources(), 0.0, known=True)
        try:
            vms = await service.resources()
        except _OFFLINE as err:
            if place.row.vms is None:
                raise
            log.info("peer.list_failed", peer=place.id, code=err.code, detail=str(err))
            return _last_known(self._peers.find_row(place.id) or place.row)
        await self._peers.heard_from(place.id)
        await self._peers.keep_vms(place.id, vms)
        return Listing(vms, 0.0, known=True)


class AgentVms:
    """A `VmService` over one agent of this hub, as the caller sees it."""

    def __init__(self, fleet: Fleet, agent_id: str) -> None:
        self._fleet = fleet
        self._agent_id = agent_id

    async def list_vms(self, *, within: Scope | None = None) -> Sequence[ListedVm]:
        """Return the agent's VMs, from what it told."""
        here = Scope(frozenset({self._agent_id}), {}) if within is None else within
        return [vm for vm in await self._fleet.list_vms(within=here) if vm.agent_id == self._public_id()]

    async def see_vm(self, name: str, *, agent_id: str | None = None) -> ListedVm:
        """Return one VM, from what the agent told."""
        del agent_id  # it is this one
        return await self._fleet.see_vm(name, agent_id=self._agent_id)

    def hypervisor(self, agent_id: str | None) -> str | None:
        """Return what the agent's VMs run on."""
        del agent_id  # it is this one
        return self._fleet.hypervisor(self._agent_id)

    async def resources(self) -> tuple[VmResource, ...]:
        """Return the agent's VMs in the shape of `GET /api/vm`."""
        runs_on = self.hypervisor(None)
        return tuple(VmResource.of(vm, hypervisor=runs_on) for vm in await self.list_vms())

    async def resource(self, name: str) -> VmResourceStatus:
        """Return one VM in the shape of `GET /api/vm/{name}`."""
        return VmResourceStatus.of(await self.see_vm(name), hypervisor=self.hypervisor(None))

    async def get_vm(self, name: str, *, agent_id: str | None = None) -> VmDetails:
        """Ask the agent about one VM."""
        del agent_id  # it is this one
        return await self._fleet.get_vm(name, agent_id=self._agent_id)

    async def submit(
        self, command: VmCommand, *, requested_by: str, idempotency_key: str | None = None
    ) -> Operation:
        """Have the agent carry *command* out."""
        here = command.model_copy(update={"agent_id": self._agent_id})
        return await self._fleet.submit(here, requested_by=requested_by, idempotency_key=idempotency_key)

    async def find_operations(self, *, limit: int = 100) -> Sequence[Operation]:
        """Return the agent's among the newest operations."""
        public = self._public_id()
        return [op for op in await self._fleet.find_operations(limit=limit) if op.agent_id == public]

    async def get_operation(
        self, operation_id: str, *, after_revision: int | None = None, wait_s: float = 0
    ) -> Operation:
        """Return an operation on the agent."""
        found = await self._fleet.get_operation(operation_id, after_revision=after_revision, wait_s=wait_s)
        if found.agent_id != self._public_id():
            raise OperationNotFound(f"no operation {operation_id!r} on agent {self._agent_id!r}")
        return found

    async def cancel_operation(self, operation_id: str) -> Operation:
        """Ask an operation on the agent to stop."""
        await self.get_operation(operation_id)
        return await self._fleet.cancel_operation(operation_id)

    def _public_id(self) -> str | None:
        agent = self._fleet.agent(self._agent_id)
        return None if agent.local else agent.agent_id


def _last_known(row: PeerRow) -> Listing:
    age_s = max((utc_now() - (row.vms_at or utc_now())).total_seconds(), 0.0)
    unknown = {"state": "Unknown", "status": "unknown"}
    vms = tuple(vm.model_copy(update={**unknown, "stale_s": vm.stale_s + age_s}) for vm in row.vms or ())
    return Listing(vms, age_s, known=False)
