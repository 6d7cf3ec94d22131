"""What services need of another hub, however it is reached."""

from typing import Any, Protocol

from batwa_common.vms import VmService
from batwa_common.wire.peer import PairingClaim, PairingGrant, PeerIdentity, PeerMessage
from batwa_common.wire.resource import VmResource, VmResourceStatus
from batwa_hub.store.peers import PeerRow


class HubVms(VmService, Protocol):
    """Another hub's VMs."""

    async def resources(self) -> tuple[VmResource, ...]:
        """Return every VM in the shape of `GET /api/vm`."""
        ...

    async def resource(self, name: str) -> VmResourceStatus:
        """Return one VM in the shape of `GET /api/vm/{name}`."""
        ...


class HubPort(Protocol):
    """Other hubs as this one calls them.

    Every call has a deadline and raises `PeerUnreachable`, `PeerTimeout`, `PeerMisbehaved`, or the other
    hub's own error as the class of its code.
    """

    async def identity(self, url: str) -> PeerIdentity:
        """Ask whoever is at *url* who they are; nothing is proved by it."""
        ...

    async def claim(self, url: str, claim: PairingClaim, *, ca: str | None) -> PairingGrant:
        """Present proof of a pairing code, by HTTPS to who has a certificate of *ca*.

        Raises `PairingRefused`.
        """
        ...

    async def message(self, peer: PeerRow, message: PeerMessage, *, on_behalf_of: str = "") -> dict[str, Any]:
        """Send a signed message; the answer is signed too."""
        ...

    def vms(self, peer: PeerRow, *, on_behalf_of: str) -> HubVms:
        """Return that hub's VMs, as the role it gave us allows."""
        ...
