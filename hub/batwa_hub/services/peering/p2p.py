"""P2P services: announced and looking while they run, silent and deaf while they do not."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, Protocol

import structlog

from batwa_common.errors import BatwaError, InvalidRequest, P2pNotRunning, PairingRefused
from batwa_common.supervisor import Supervisor
from batwa_common.wire.peer import (
    LocalPeer,
    Pair,
    PairingClaim,
    PairingCode,
    PairingGrant,
    Peer,
    PeerIdentity,
    PeerMessage,
    PeerRole,
    Trust,
)
from batwa_hub.store.peers import PeerRow, PeerStore

from .candidates import Candidates, checked
from .hub_port import HubPort
from .identity import fingerprint_of, is_fingerprint
from .pairing import PairingCodes, check_grant, derived_key, new_claim
from .peers import Peers, url_of

log = structlog.stdlib.get_logger(__name__)

ROUND_S = 10.0
"""How often trusted hubs are pinged and given addresses looked at."""
LIST_EVERY = 6
"""Rounds between two looks at a hub's list of VMs, kept for when it is offline."""
AT_A_TIME = 16
"""Hubs asked at a time in a round."""
DERIVING = 2
"""Codes worked on at a time: each takes a core for 0.1 s and 19 MiB."""


class DiscoveryFailed(Exception):
    """Hubs cannot be found on this network; the message says why."""


class Announcement(NamedTuple):
    """What the network is told of this hub."""

    id: str
    name: str
    port: int
    version: str


class DiscoveryPort(Protocol):
    """How hubs find each other on a network."""

    async def start(
        self, own: Announcement, found: Callable[[str], None], gone: Callable[[str], None]
    ) -> None:
        """Announce *own*; *found* gets URLs, *gone* gets ids. Raises `DiscoveryFailed`."""
        ...

    async def stop(self) -> None:
        """Say goodbye."""
        ...


class P2p:
    """This hub among others.

    Args:
        own: Who it is.
        addresses: Where others find it, one at least.
        url: Where it is to be called; None for wherever it calls from.
        port: Where it listens, as far as it is known before it does.
        peers: Who is trusted.
        store: Remembers whether the services run.
        hubs: How other hubs are called.
        discovery: Announces and finds; None for networks without multicast.
        tasks: Owns what runs in the background.
    """

    def __init__(
        self,
        own: PeerIdentity,
        *,
        addresses: Sequence[str],
        url: str | None,
        port: int,
        peers: Peers,
        store: PeerStore,
        hubs: HubPort,
        discovery: DiscoveryPort | None,
        tasks: Supervisor,
    ) -> None:
        self.own = own
        self.port = port
        self._addresses = tuple(addresses)
        self._url = url
        self._peers = peers
        self._store = store
        self._hubs = hubs
        self._discovery = discovery
        self._tasks = tasks
        self._began_s = time.monotonic()
        self._rounds: asyncio.Task[None] | None = None
        self._discovers = False
        self._changing = asyncio.Lock()
        self._deriving = asyncio.Semaphore(DERIVING)
        self.codes = PairingCodes(own)
        self.candidates = Candidates(own.id, hubs, peers, store, moved=self._moved)

    @property
    def is_running(self) -> bool:
        """Whether the services run."""
        return self._rounds is not None

    def require_running(self) -> None:
        """Raise `P2pNotRunning` if they do not."""
        if not self.is_running:
            raise P2pNotRunning("P2P services are stopped here; start them with POST /api/p2p/start")

    def info(self) -> LocalPeer:
        """Return this hub as a peer."""
        return LocalPeer(
            id=self.own.id,
            name=self.own.name,
            address=self._addresses[0],
            port=self.port,
            status="online" if self.is_running else "offline",
            services=("vm", "discovery") if self._discovers else ("vm",),
            uptime=int(time.monotonic() - self._began_s),
            fingerprint=fingerprint_of(self.own.public_key),
            public_key=self.own.public_key,
        )

    async def resume(self, port: int) -> None:
        """The hub listens on *port* now: start the services if they ran before."""
        self.port = port
        if await self._store.is_running():
            await self.start()

    async def start(self) -> None:
        """Start the services, and remember it. Fine if they run."""
        async with self._changing:
            if self.is_running:
                return
            await self._store.set_running(running=True)
            self._rounds = self._tasks.start(self._run(), name="peers")
            await self._announce()
            log.info("p2p.started", id=self.own.id, port=self.port)

    async def _announce(self) -> None:
        if self._discovery is None:
            return
        own = Announcement(self.own.id, self.own.name, self.port, self.own.version)
        try:
            await self._discovery.start(own, self._found, self.candidates.gone)
            self._discovers = True
        except DiscoveryFailed as err:  # hubs at given addresses are reached all the same
            log.warning("discovery.failed", error=str(err))

    async def stop(self) -> None:
        """Stop the services, and remember it: what other hubs have open here ends."""
        await self._store.set_running(running=False)
        await self.close()
        log.info("p2p.stopped")

    async def close(self) -> None:
        """Stop the services for this process only."""
        async with self._changing:
            rounds, self._rounds = self._rounds, None
            if rounds is not None:
                rounds.cancel()
                await asyncio.gather(rounds, return_exceptions=True)
            self._discovers = False
            if self._discovery is not None:
                await self._discovery.stop()
            self._peers.end_all()
            self.candidates.clear()
            self.codes.clear()

    async def make_code(self, role: PeerRole) -> PairingCode:
        """Make a pairing code. Raises `Conflict` when too many are open."""
        self.require_running()
        async with self._deriving:
            return await self.codes.make(role)

    async def pair(self, asked: Pair) -> Peer:
        """Pair with the hub where *asked.code* was made. Raises `PairingRefused` and peer trouble."""
        self.require_running()
        url = self.candidates.get(asked.peer_id)[1] if asked.peer_id else url_of(asked.address or "")
        theirs = checked(await self._hubs.identity(url))
        if theirs.id == self.own.id or (asked.peer_id and theirs.id != asked.peer_id):
            raise InvalidRequest(f"the hub at {url} is {theirs.id}: this hub itself, or not the one meant")
        async with self._deriving:
            key = await asyncio.to_thread(derived_key, asked.code, theirs.public_key)
        claim = new_claim(key, theirs.public_key, self.own, port=self.port, url=self._url)
        grant = await self._hubs.claim(url, claim)
        check_grant(key, theirs.public_key, claim, grant)
        return await self._trusted(grant.name, theirs.public_key, url, asked.role)

    async def redeem(self, claim: PairingClaim, *, address: str) -> PairingGrant:
        """Another hub at *address* presents a code of ours. Raises `PairingRefused`."""
        self.require_running()
        if claim.public_key == self.own.public_key:
            raise PairingRefused("a hub cannot pair with itself")
        granted = self.codes.redeem(claim)
        host = f"[{address}]" if ":" in address else address
        url = claim.url or f"http://{host}:{claim.port}"
        await self._trusted(claim.name, claim.public_key, url.rstrip("/"), granted.role)
        return granted.grant

    async def trust(self, asked: Trust) -> Peer:
        """Trust a candidate whose fingerprint was compared. Raises `PeerNotFound`, `PairingRefused`."""
        self.require_running()
        identity, url = self.candidates.get(asked.peer_id)
        if not is_fingerprint(asked.fingerprint, identity.public_key):
            raise PairingRefused(
                f"that is not the fingerprint of {asked.peer_id}; compare it with GET /api/p2p/info there"
            )
        return await self._trusted(identity.name, identity.public_key, url, asked.role)

    async def add_address(self, address: str) -> None:
        """Look for a hub at *address* from now on; at once too if the services run."""
        url = await self.candidates.add_address(address)
        if self.is_running:
            await self.candidates.look_at_address(url)

    async def revoke(self, peer_id: str) -> None:
        """Trust a hub no longer. Raises `PeerNotFound`."""
        await self._peers.revoke(peer_id)
        self._hubs.forget(peer_id)

    async def _trusted(self, name: str, public_key: str, url: str, role: PeerRole) -> Peer:
        peer = await self._peers.trust(name=name, public_key=public_key, url=url, role=role)
        self._spawn(self._ping(self._peers.row(peer.id), url=url, lists=True), f"ping {peer.id}")
        return peer

    def _found(self, url: str) -> None:
        if self.is_running:
            self._spawn(self.candidates.notice(url), f"look at {url}")

    def _moved(self, peer_id: str, url: str) -> None:
        """A trusted hub answers at another address: that is believed once it signs there."""
        row = self._peers.row(peer_id)
        if self._peers.get(peer_id).status == "offline":
            self._spawn(self._ping(row, url=url, lists=True), f"ping {peer_id}")

    async def _run(self) -> None:
        for number in itertools.count():
            try:
                await self._round(lists=number % LIST_EVERY == 0)
            except BatwaError as err:  # the database; the next round may fare better
                log.warning("peers.round_failed", code=err.code, detail=str(err))
            await asyncio.sleep(ROUND_S)

    async def _round(self, *, lists: bool) -> None:
        looks = [self.candidates.look_at_address(url) for url in await self.candidates.addresses()]
        pings = [self._ping(row, url=row.url, lists=lists) for row in self._peers.rows()]
        limit = asyncio.Semaphore(AT_A_TIME)
        await asyncio.gather(*(_limited(limit, each) for each in (*looks, *pings)))
        await self._peers.sweep()

    async def _ping(self, row: PeerRow, *, url: str, lists: bool) -> None:
        there = PeerRow(row.id, row.name, row.public_key, url, row.role, row.added_at)
        with contextlib.suppress(BatwaError):  # it is offline then, which `sweep` tells
            await self._hubs.message(there, PeerMessage(message_type="PING"))
            await self._peers.heard_from(row.id, url=url)
            if lists:
                vms = await self._hubs.vms(there, on_behalf_of="").resources()
                await self._peers.keep_vms(row.id, vms)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.spawn(work, name=name)


async def _limited(limit: asyncio.Semaphore, work: Coroutine[Any, Any, None]) -> None:
    async with limit:
        await work
