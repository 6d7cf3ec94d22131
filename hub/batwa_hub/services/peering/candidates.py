"""Hubs that were found but are not trusted for it: on the network, or at addresses that were given."""

from collections.abc import Callable
from typing import Literal

import structlog

from batwa_common.errors import BatwaError, Conflict, InvalidRequest, NotFound, PeerMisbehaved, PeerNotFound
from batwa_common.wire.peer import Candidate, PeerIdentity
from batwa_hub.store.peers import PeerStore

from .hub_port import HubPort
from .identity import fingerprint_of, is_vouched, peer_id_of
from .peers import Peers, host_and_port, url_of

log = structlog.stdlib.get_logger(__name__)

MOST_CANDIDATES = 256
"""Hubs remembered; anybody on the network can announce as many as they like."""
MOST_ADDRESSES = 64
"""Addresses looked at."""


class Candidates:
    """What was found, by id.

    Args:
        own_id: This hub's id, which is no candidate.
        hubs: Asks whoever is at an address who they are.
        peers: Who is trusted already.
        store: Where given addresses are kept.
        moved: Called with identity and URL when a trusted hub shows up at another address.
    """

    def __init__(
        self,
        own_id: str,
        hubs: HubPort,
        peers: Peers,
        store: PeerStore,
        *,
        moved: Callable[[PeerIdentity, str], None],
    ) -> None:
        self._own_id = own_id
        self._hubs = hubs
        self._peers = peers
        self._store = store
        self._moved = moved
        self._found: dict[str, tuple[PeerIdentity, str, Literal["mdns", "static"]]] = {}

    def all(self) -> tuple[Candidate, ...]:
        """Return every candidate, in order of id."""
        return tuple(self._shown(*self._found[peer_id]) for peer_id in sorted(self._found))

    def get(self, peer_id: str) -> tuple[PeerIdentity, str]:
        """Return a candidate and its URL. Raises `PeerNotFound`."""
        if (found := self._found.get(peer_id)) is None:
            raise PeerNotFound(f"no hub {peer_id!r} was found; GET /api/p2p/candidates shows who was")
        return found[0], found[1]

    async def look_at(self, url: str, source: Literal["mdns", "static"]) -> PeerIdentity:
        """Ask who is at *url*, and remember them. Raises what `HubPort.identity` raises."""
        identity = checked(await self._hubs.identity(url))
        if identity.id == self._own_id:
            raise InvalidRequest(f"{url} is this hub itself")
        if identity.id in self._found or len(self._found) < MOST_CANDIDATES:
            self._found[identity.id] = identity, url, source
        trusted = self._peers.find_row(identity.id)
        if trusted is not None and trusted.url != url:
            self._moved(identity, url)
        return identity

    async def notice(self, url: str) -> None:
        """Look at what was announced on the network; whoever does not answer is no candidate."""
        try:
            await self.look_at(url, "mdns")
        except BatwaError as err:
            log.info("peer.announcement_ignored", url=url, code=err.code, detail=str(err))

    def gone(self, peer_id: str) -> None:
        """Forget who has left the network."""
        found = self._found.get(peer_id)
        if found is not None and found[2] == "mdns":
            del self._found[peer_id]

    def clear(self) -> None:
        """Forget everybody: nobody is looked for any more."""
        self._found.clear()

    async def addresses(self) -> tuple[str, ...]:
        """Return the addresses that are looked at."""
        return await self._store.addresses()

    async def add_address(self, address: str) -> str:
        """Keep *address* among those that are looked at; returns its URL."""
        url = url_of(address)
        known = await self._store.addresses()
        if url not in known and len(known) >= MOST_ADDRESSES:
            raise Conflict(f"no more than {MOST_ADDRESSES} addresses; remove one first")
        await self._store.add_address(url)
        return url

    async def remove_address(self, address: str) -> None:
        """Look at *address* no longer. Raises `NotFound`."""
        url = url_of(address)
        if not await self._store.remove_address(url):
            raise NotFound(f"{url} is not among the addresses; GET /api/p2p/candidates shows them")
        self._found = {key: found for key, found in self._found.items() if found[1:] != (url, "static")}

    async def look_at_address(self, url: str) -> None:
        """Look at a given address once more."""
        try:
            await self.look_at(url, "static")
        except BatwaError as err:
            log.info("peer.address_silent", url=url, code=err.code, detail=str(err))

    def _shown(self, identity: PeerIdentity, url: str, source: Literal["mdns", "static"]) -> Candidate:
        host, port = host_and_port(url)
        return Candidate(
            id=identity.id,
            name=identity.name,
            address=host,
            port=port,
            url=url,
            fingerprint=fingerprint_of(identity.public_key),
            source=source,
            trusted=self._peers.find_row(identity.id) is not None,
            version=identity.version,
        )


def checked(identity: PeerIdentity) -> PeerIdentity:
    """Return *identity* if its id follows from its key, and that vouches for its CA.

    Raises `PeerMisbehaved`.
    """
    try:
        genuine = peer_id_of(identity.public_key) == identity.id
    except ValueError:
        genuine = False
    if not genuine:
        raise PeerMisbehaved("the hub there tells an id that does not follow from its key")
    if identity.ca is not None and not is_vouched(identity.ca, identity.ca_proof, identity.public_key):
        raise PeerMisbehaved("the hub there tells a CA that its key does not vouch for")
    return identity
