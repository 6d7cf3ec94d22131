"""What hubs say to each other: four questions that are answered here, and letters for whoever listens."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from batwa_common.errors import InvalidRequest
from batwa_common.tls import bundle_id
from batwa_common.wire.base import utc_now
from batwa_common.wire.documented import ListedVm
from batwa_common.wire.peer import InboxMessage, LocalPeer, PeerMessage
from batwa_hub.services.events import Events
from batwa_hub.store.peers import PeerRow, PeerStore

log = structlog.stdlib.get_logger(__name__)

KEPT = 1_000
"""Letters kept; the oldest beyond that are forgotten."""
MOST_DATA_BYTES = 64 << 10
"""Of a message's data as JSON."""
CA_KNOWN = "ca_known"
"""In the data of a `PING`: which CAs the sender believes, as `bundle_id` names them; empty for none."""


class Messages:
    """Messages of trusted hubs.

    Args:
        store: Where letters are kept.
        events: Where their arrival is told.
        info: Tells this hub as a peer.
        vms: Tells the VMs of this hub.
        ca: Tells the CAs of its certificate, if it has made its own.
    """

    def __init__(
        self,
        store: PeerStore,
        events: Events,
        *,
        info: Callable[[], LocalPeer],
        vms: Callable[[], Awaitable[Sequence[ListedVm]]],
        ca: Callable[[], str | None],
    ) -> None:
        self._store = store
        self._events = events
        self._info = info
        self._vms = vms
        self._ca = ca

    async def receive(self, sender: PeerRow, message: PeerMessage) -> dict[str, Any]:
        """Answer *message*, or keep it. Raises `InvalidRequest` for too much data."""
        refuse_too_long(message)
        match message.message_type:
            case "HELLO":
                return {"status": "ok", "message": "Hello received"}
            case "PING":
                return {"status": "ok", "message": "Pong"} | self._news_of_ca(message)
            case "NODE_INFO":
                return {"status": "ok", "message": "Node info", "node": self._info().model_dump(mode="json")}
            case "VM_LIST":
                vms = [vm.model_dump(mode="json") for vm in await self._vms()]
                return {"status": "ok", "message": f"{len(vms)} VMs", "vms": vms}
            case _:
                return await self._keep(sender, message)

    async def newest(self, limit: int) -> tuple[InboxMessage, ...]:
        """Return the newest letters first."""
        return await self._store.messages(limit)

    def _news_of_ca(self, message: PeerMessage) -> dict[str, str]:
        """Return our CAs for a hub that says which it knows, if those are others."""
        ca, known = self._ca(), message.data.get(CA_KNOWN)
        return {} if ca is None or known is None or known == bundle_id(ca) else {"ca": ca}

    async def _keep(self, sender: PeerRow, message: PeerMessage) -> dict[str, Any]:
        row = {
            "peer_id": sender.id,
            "peer_name": sender.name,
            "message_type": message.message_type,
            "data": message.data,
            "received_at": utc_now(),
        }
        message_id = await self._store.add_message(row, keep=KEPT)
        letter = InboxMessage(id=message_id, **row)
        await self._events.publish("message", "changed", str(message_id), letter.model_dump(mode="json"))
        log.info("message.received", peer=sender.id, type=message.message_type, id=message_id)
        return {"status": "ok", "message": "Message received", "id": message_id}


def refuse_too_long(message: PeerMessage) -> None:
    """Raise `InvalidRequest` if *message* is longer than hubs take."""
    if len(json.dumps(message.data).encode()) > MOST_DATA_BYTES:
        raise InvalidRequest(f"data is too long: {MOST_DATA_BYTES >> 10} KiB as JSON at most")
