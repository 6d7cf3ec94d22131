"""P2P services: announced and looking while they run, silent and deaf while they do not."""

import asyncio
import contextlib
import ipaddress
import itertools
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import structlog

from batwa_common.errors import BatwaError, InvalidRequest, P2pNotRunning, PairingRefused
from batwa_common.supervisor import Supervisor
from batwa_common.tls import MAX_BUNDLE_BYTES, bundle_id
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
from batwa_hub.services.destinations import Destinations
from batwa_hub.services.periodic import periodically
from batwa_hub.store.peers import PeerRow, PeerStore

from .candidates import Candidates, checked
from .hub_port import HubPort
from .identity import Identity, fingerprint_of, is_fingerprint
from .messages import CA_KNOWN
from .pairing import PairingCodes, check_grant, derived_key, new_claim
from .peers import Peers, url_of

log = structlog.stdlib.get_logger(__name__)

ROUND_S = 10.0
"""How often trusted hubs are pinged and given addresses looked at."""
LIST_EVERY = 6
"""Rounds between two looks at a hub's list of VMs, kept for when it is offline."""
AT_A_TIME = 16
"""Hubs asked at a time in a round."""
LOOK_S = 1.0
"""How often a process looks whether another has started or stopped the services."""
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
    https: bool


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
        identity: Its key.
        own: Who it is.
        codes: What other hubs pair with.
        https: Whether it listens with HTTPS.
        ca: Tells the CAs of its certificate, if it has made its own.
        destinations: Where other hubs cannot be.
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
        identity: Identity,
        own: PeerIdentity,
        *,
        codes: PairingCodes,
        https: bool,
        ca: Callable[[], str | None],
        destinations: Destinations,
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
        self._codes = codes
        self._identity = identity
        self._https = https
        self._ca = ca
        self._destinations = destinations
        self._addresses = tuple(addresses)
        self._url = url
        self._peers = peers
        self._store = store
        self._hubs = hubs
        self._discovery = discovery
        self._tasks = tasks
        self._began_s = time.monotonic()
        self._rounds: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._discovers = False
        self._changing = asyncio.Lock()
        self._deriving = asyncio.Semaphore(DERIVING)
        self.candidates = Candidates(own.id, hubs, peers, store, moved=self._moved)

    @property
    def is_running(self) -> bool:
        """Whether the services run."""
        return self._rounds is not None

    def require_running(self) -> None:
        """Raise `P2pNotRunning` if they do not."""
        if not self.is_running:
            raise P2pNotRunning("P2P services are stopped here; start them with POST /api/p2p/start")

    def identity(self) -> PeerIdentity:
        """Return what anybody may know of this hub."""
        if (ca := self._ca()) is None:
            return self.own
        return self.own.model_copy(update={"ca": ca, "ca_proof": self._identity.vouch(ca)})

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
        """The hub listens on *port* now: the services run from here on if the store says that they do."""
        self.port = port
        await self._follow()
        looks = periodically(self._follow, every_s=LOOK_S)
        self._following = self._tasks.start(looks, name="others' P2P services")

    async def start(self) -> None:
        """Start the services, and remember it. Fine if they run."""
        async with self._changing:
            await self._store.set_running(running=True)
            await self._begin()

    async def _follow(self) -> None:
        async with self._changing:
            await (self._begin() if await self._store.is_running() else self._end())

    async def _begin(self) -> None:
        if self.is_running:
            return
        self._rounds = self._tasks.start(self._run(), name="peers")
        await self._announce()
        log.info("p2p.started", id=self.own.id, port=self.port)

    async def _announce(self) -> None:
        if self._discovery is None:
            return
        own = Announcement(self.own.id, self.own.name, self.port, self.own.version, self._https)
        try:
            await self._discovery.start(own, self._found, self.candidates.gone)
            self._discovers = True
        except DiscoveryFailed as err:  # hubs at given addresses are reached all the same
            log.warning("discovery.failed", error=str(err))

    async def stop(self) -> None:
        """Stop the services, and remember it: what other hubs have open here ends, and so does every code."""
        async with self._changing:
            await self._store.set_running(running=False)
            await self._codes.clear()
            await self._end()

    async def close(self) -> None:
        """Stop the services for this process only."""
        if self._following is not None:
            await _cancelled(self._following)
        async with self._changing:
            await self._end()

    async def _end(self) -> None:
        rounds, self._rounds = self._rounds, None
        if rounds is None:
            return
        await _cancelled(rounds)
        self._discovers = False
        if self._discovery is not None:
            await self._discovery.stop()
        self._peers.end_all()
        self.candidates.clear()
        log.info("p2p.stopped")

    async def make_code(self, role: PeerRole) -> PairingCode:
        """Make a pairing code. Raises `Conflict` when too many are open."""
        self.require_running()
        async with self._deriving:
            return await self._codes.make(role)

    async def pair(self, asked: Pair) -> Peer:
        """Pair with the hub where *asked.code* was made. Raises `PairingRefused` and peer trouble."""
        self.require_running()
        url = self.candidates.get(asked.peer_id)[1] if asked.peer_id else self._given(asked.address or "")
        theirs = checked(await self._hubs.identity(url))
        if theirs.id == self.own.id or (asked.peer_id and theirs.id != asked.peer_id):
            raise InvalidRequest(f"the hub at {url} is {theirs.id}: this hub itself, or not the one meant")
        async with self._deriving:
            key = await asyncio.to_thread(derived_key, asked.code, theirs.public_key)
        claim = new_claim(
            key, theirs.public_key, self.identity(), port=self.port, url=self._url, https=self._https
        )
        grant = await self._hubs.claim(url, claim, ca=theirs.ca)
        check_grant(key, theirs.public_key, claim, grant)
        return await self._trusted(grant.name, theirs.public_key, url, asked.role, theirs.ca)

    async def redeem(self, claim: PairingClaim, *, address: str) -> PairingGrant:
        """Another hub at *address* presents a code of ours. Raises `PairingRefused`."""
        self.require_running()
        if claim.public_key == self.own.public_key:
            raise PairingRefused("a hub cannot pair with itself")
        host = f"[{address}]" if ":" in address else address
        url = (claim.url or f"{'https' if claim.https else 'http'}://{host}:{claim.port}").rstrip("/")
        if claim.url and (why := self._destinations.why_not(url, from_here=False)):
            raise PairingRefused(f"the other hub's p2p.url cannot be called from here: {why}")
        granted = await self._codes.redeem(claim)
        await self._trusted(claim.name, claim.public_key, url, granted.role, claim.ca)
        return granted.grant

    async def trust(self, asked: Trust) -> Peer:
        """Trust a candidate whose fingerprint was compared. Raises `PeerNotFound`, `PairingRefused`."""
        self.require_running()
        identity, url = self.candidates.get(asked.peer_id)
        if not is_fingerprint(asked.fingerprint, identity.public_key):
            raise PairingRefused(
                f"that is not the fingerprint of {asked.peer_id}; compare it with GET /api/p2p/info there"
            )
        return await self._trusted(identity.name, identity.public_key, url, asked.role, identity.ca)

    async def add_address(self, address: str) -> None:
        """Look for a hub at *address* from now on; at once too if the services run."""
        url = await self.candidates.add_address(self._given(address))
        if self.is_running:
            await self.candidates.look_at_address(url)

    async def look(self, *, lists: bool = False) -> None:
        """Ask once who is at given addresses and whether trusted hubs answer; with *lists* also for VMs."""
        looks = [self.candidates.look_at_address(url) for url in await self.candidates.addresses()]
        pings = [self._ping(row, lists=lists) for row in self._peers.rows()]
        limit = asyncio.Semaphore(AT_A_TIME)
        await asyncio.gather(*(_limited(limit, each) for each in (*looks, *pings)))
        await self._peers.sweep()

    def _given(self, address: str) -> str:
        """Return the URL that an administrator means by *address*. Raises `InvalidRequest`."""
        url = url_of(address)
        if why := self._destinations.why_not(url, from_here=True):
            raise InvalidRequest(f"address: {why}")
        return url

    async def _trusted(self, name: str, public_key: str, url: str, role: PeerRole, ca: str | None) -> Peer:
        peer = await self._peers.trust(name=name, public_key=public_key, url=url, role=role, ca=ca)
        self._spawn(self._ping(self._peers.row(peer.id), lists=True), f"ping {peer.id}")
        return peer

    def _found(self, url: str) -> None:
        """Look at what somebody on the network has announced."""
        if not self.is_running:
            return
        network_is_here = ipaddress.ip_address(self._addresses[0]).is_loopback
        if why := self._destinations.why_not(url, from_here=network_is_here):
            log.info("peer.announcement_ignored", url=url, detail=why)
        else:
            self._spawn(self.candidates.notice(url), f"look at {url}")

    def _moved(self, identity: PeerIdentity, url: str) -> None:
        """A trusted hub answers at another address: that is believed once it signs there.

        Never from HTTPS to plain HTTP: whoever stands in between could have it so. A CA is taken from
        what is told only where none is known; a later one the hub tells itself.
        """
        row = self._peers.row(identity.id)
        if row.url.startswith("https:") and not url.startswith("https:"):
            log.warning("peer.move_refused", peer=row.id, url=url)
        elif self._peers.get(row.id).status == "offline":
            there = replace(row, url=url, ca=row.ca or identity.ca)
            self._spawn(self._ping(there, lists=True), f"ping {row.id}")

    async def _run(self) -> None:
        for number in itertools.count():
            try:
                await self.look(lists=number % LIST_EVERY == 0)
            except BatwaError as err:  # the database; the next round may fare better
                log.warning("peers.round_failed", code=err.code, detail=str(err))
            await asyncio.sleep(ROUND_S)

    async def _ping(self, there: PeerRow, *, lists: bool) -> None:
        known = {CA_KNOWN: "" if there.ca is None else bundle_id(there.ca)}
        with contextlib.suppress(BatwaError):  # it is offline then, which `sweep` tells
            told = await self._hubs.message(there, PeerMessage(message_type="PING", data=known))
            await self._peers.heard_from(there.id, url=there.url, ca=_new_ca(told) or there.ca)
            if lists:
                vms = await self._hubs.vms(there, on_behalf_of="").resources()
                await self._peers.keep_vms(there.id, vms)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.spawn(work, name=name)


def _new_ca(told: Mapping[str, Any]) -> str | None:
    """Return the CAs in an answer to a `PING`; None if there are none to believe."""
    ca = told.get("ca")
    if not isinstance(ca, str) or len(ca) > MAX_BUNDLE_BYTES:
        return None
    try:
        bundle_id(ca)
    except ValueError:
        return None
    return ca


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _limited(limit: asyncio.Semaphore, work: Coroutine[Any, Any, None]) -> None:
    async with limit:
        await work
