"""Peers: this hub among others, and whom it trusts."""

from collections.abc import Mapping
from typing import Any

from batwa_common.wire.peer import CandidateList, Inbox, PairingCode, Peer, PeerRemoved
from batwa_common.wire.user import Role

from .answers import MessageResponse, P2PState, PeerAnswer, PeerList
from .http import path_of
from .noun import Noun


class PeerMethods(Noun):
    """The documented peer-to-peer methods under both of their names, and pairing."""

    async def get_local_peer_info(self) -> PeerAnswer:
        """Return what this hub is to its peers."""
        return await self._http.ask(PeerAnswer, "GET", "/api/p2p/info")

    async def get_peers(self) -> list[PeerAnswer]:
        """Return all peers that are trusted, and this hub's agents."""
        return (await self._http.ask(PeerList, "GET", "/api/p2p/peers"))["peers"]

    async def start_p2p_services(self) -> P2PState:
        """Announce this hub and look for others."""
        return await self._http.ask(P2PState, "POST", "/api/p2p/start")

    async def stop_p2p_services(self) -> P2PState:
        """Stop announcing and looking."""
        return await self._http.ask(P2PState, "POST", "/api/p2p/stop")

    get_peer_info = get_local_peer_info
    list_peers = get_peers
    start_p2p = start_p2p_services
    stop_p2p = stop_p2p_services

    async def send_message(self, peer_id: str, message_type: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Send a message to a peer and return its response."""
        body = {"peer_id": peer_id, "message_type": message_type, "data": dict(data)}
        return (await self._http.ask(MessageResponse, "POST", "/api/p2p/message", body=body))["response"]

    async def list_candidates(self) -> CandidateList:
        """Return the hubs that were found, with their fingerprints, and the addresses looked at."""
        return await self._http.ask(CandidateList, "GET", "/api/p2p/candidates")

    async def create_pairing_code(self, *, role: Role = "operator") -> PairingCode:
        """Make a short code, to be typed at the other hub, which may then do here what *role* may."""
        body = {"role": role}
        return await self._http.ask(PairingCode, "POST", "/api/p2p/pairing-codes", body=body)

    async def pair(
        self,
        code: str,
        *,
        address: str | None = None,
        peer_id: str | None = None,
        role: Role = "operator",
    ) -> Peer:
        """Trust the hub that made *code*: at *address*, or the candidate *peer_id*. It gets *role* here."""
        body = {"code": code, "role": role, "address": address, "peer_id": peer_id}
        given = {key: value for key, value in body.items() if value is not None}
        return await self._http.ask(Peer, "POST", "/api/p2p/pair", body=given)

    async def trust_peer(self, peer_id: str, fingerprint: str, *, role: Role = "viewer") -> Peer:
        """Trust a candidate whose fingerprint a person has compared."""
        body = {"peer_id": peer_id, "fingerprint": fingerprint, "role": role}
        return await self._http.ask(Peer, "POST", "/api/p2p/trust", body=body)

    async def set_peer_role(self, peer_id: str, role: Role) -> Peer:
        """Change what a trusted hub may do here."""
        path = path_of("api", "p2p", "peers", peer_id)
        return await self._http.ask(Peer, "PATCH", path, body={"role": role})

    async def remove_peer(self, peer_id: str) -> PeerRemoved:
        """Trust a hub no more."""
        return await self._http.ask(PeerRemoved, "DELETE", path_of("api", "p2p", "peers", peer_id))

    async def add_static_peer(self, address: str) -> CandidateList:
        """Look for a hub at *address*, for networks without multicast."""
        return await self._http.ask(CandidateList, "POST", "/api/p2p/static", body={"address": address})

    async def remove_static_peer(self, address: str) -> PeerRemoved:
        """Look there no more."""
        return await self._http.ask(PeerRemoved, "DELETE", path_of("api", "p2p", "static", address))

    async def get_inbox(self) -> Inbox:
        """Return the newest messages of other hubs that this one does not answer by itself."""
        return await self._http.ask(Inbox, "GET", "/api/p2p/inbox")
