"""Which hubs are trusted here, with what role, and when each was last heard from."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import structlog

from batwa_common.errors import InvalidRequest, PeerNotFound
from batwa_common.wire.base import utc_now
from batwa_common.wire.peer import Peer, PeerRole
from batwa_common.wire.resource import VmResource
from batwa_hub.services.events import Events
from batwa_hub.services.living import Living, OnEnd
from batwa_hub.store.peers import PeerRow, PeerStore

from .identity import fingerprint_of, peer_id_of

log = structlog.stdlib.get_logger(__name__)

STALE_AFTER_S = 30.0
"""Silence after which a hub counts as offline; three presence rounds."""
SERVICES = ("vm", "discovery")
DEFAULT_PORT = 8000


def url_of(address: str) -> str:
    """Return the URL that an address means: `http` and port 8000 unless it says otherwise."""
    scheme, given, rest = address.strip().rstrip("/").rpartition("://")
    parts = urlsplit(f"//{rest}")
    try:
        port = parts.port
    except ValueError as err:
        raise InvalidRequest(f"{address!r} is no address: ports go from 1 to 65535") from err
    host = (parts.hostname or "").lower()
    named = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[scheme] if given else DEFAULT_PORT
    return f"{scheme or 'http'}://{named}:{port or usual}"


def host_and_port(url: str) -> tuple[str, int]:
    """Return where *url* points."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)


@dataclass(frozen=True)
class _Known:
    row: PeerRow
    seen_s: float | None
    online: bool


class Peers:
    """Trusted hubs by id.

    Args:
        store: Where they are kept.
        events: Where changes are told.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self, store: PeerStore, events: Events, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._events = events
        self._now = now
        self._known: dict[str, _Known] = {}
        self._living = Living[None](now)

    async def load(self) -> None:
        """Read the hubs that were trusted before a restart; each is offline until it is heard from."""
        self._known = {row.id: _Known(row, None, online=False) for row in await self._store.all()}

    async def reload(self) -> None:
        """Read what another process wrote; what hubs have open ends whose trust has ended or changed."""
        before = self._known
        rows = {row.id: row for row in await self._store.all()}
        same = {
            peer_id
            for peer_id, row in rows.items()
            if peer_id in before and _trusts_as(before[peer_id].row, row)
        }
        self._known = {
            peer_id: replace(before[peer_id], row=row) if peer_id in same else _Known(row, None, online=False)
            for peer_id, row in rows.items()
        }
        for peer_id in before.keys() - same:
            self._living.ended(peer_id)

    async def trust(
        self, *, name: str, public_key: str, url: str, role: PeerRole, ca: str | None = None
    ) -> Peer:
        """Trust the hub with that key; one that is trusted already takes the new particulars."""
        peer_id = peer_id_of(public_key)
        before = self._known.get(peer_id)
        added_at = before.row.added_at if before else utc_now()
        row = PeerRow(peer_id, name, public_key, url, role, added_at, ca=ca)
        await self._store.put(row)
        self._known[peer_id] = _Known(row, None, online=False)
        self._living.ended(peer_id)  # what it had open under an earlier role
        log.info("peer.trusted", peer=peer_id, name=name, url=url, role=role, new=before is None)
        return await self._tell(peer_id)

    async def set_role(self, peer_id: str, role: PeerRole) -> Peer:
        """Change what a hub may do here; what it has open ends. Raises `PeerNotFound`."""
        row = replace(self.row(peer_id), role=role)
        await self._store.update(row)
        self._known[peer_id] = replace(self._known[peer_id], row=row)
        self._living.ended(peer_id)
        log.info("peer.role_changed", peer=peer_id, role=role)
        return await self._tell(peer_id)

    async def revoke(self, peer_id: str) -> None:
        """Trust a hub no longer: its requests are refused, what it has open ends. Raises `PeerNotFound`."""
        self.row(peer_id)
        await self._store.remove(peer_id)
        self._known.pop(peer_id, None)
        self._living.ended(peer_id)
        log.info("peer.revoked", peer=peer_id)
        await self._events.publish("peer", "removed", peer_id, None)

    def ends(self, peer_id: str, callback: OnEnd) -> contextlib.AbstractContextManager[None]:
        """While the block runs, have *callback* called once when the hub's trust ends or its role changes."""
        return self._living.watch(peer_id, callback)

    def end_all(self) -> None:
        """End whatever hubs have open here: P2P services stop."""
        for peer_id in self._living.watched():
            self._living.ended(peer_id)

    def row(self, peer_id: str) -> PeerRow:
        """Return what is stored of a trusted hub. Raises `PeerNotFound`."""
        if (known := self._known.get(peer_id)) is None:
            raise PeerNotFound(f"no hub {peer_id!r} is trusted here; GET /api/p2p/peers shows who is")
        return known.row

    def find_row(self, peer_id: str) -> PeerRow | None:
        """Return what is stored of a trusted hub; None if it is not trusted."""
        known = self._known.get(peer_id)
        return known.row if known else None

    def key_of(self, peer_id: str) -> str | None:
        """Return a trusted hub's public key; None if it is not trusted."""
        known = self._known.get(peer_id)
        return known.row.public_key if known else None

    def rows(self) -> list[PeerRow]:
        """Return every trusted hub, in order of id."""
        return [self._known[peer_id].row for peer_id in sorted(self._known)]

    def get(self, peer_id: str) -> Peer:
        """Return a hub as callers see it. Raises `PeerNotFound`."""
        row = self.row(peer_id)
        host, port = host_and_port(row.url)
        return Peer(
            id=row.id,
            name=row.name,
            address=host,
            port=port,
            status="online" if self._known[peer_id].online else "offline",
            services=SERVICES,
            last_seen=row.last_seen_at,
            kind="hub",
            role=row.role,
            url=row.url,
            fingerprint=fingerprint_of(row.public_key),
            added_at=row.added_at,
        )

    async def heard_from(self, peer_id: str, *, url: str | None = None, ca: str | None = None) -> None:
        """Record a proven sign of life, perhaps from a new *url* or with a new *ca*.

        An unknown hub is passed over.
        """
        if (known := self._known.get(peer_id)) is None:
            return
        row = replace(known.row, last_seen_at=utc_now(), url=url or known.row.url, ca=ca or known.row.ca)
        self._known[peer_id] = _Known(row, self._now(), online=True)
        if not known.online or (row.url, row.ca) != (known.row.url, known.row.ca):
            log.info("peer.online", peer=peer_id, url=row.url)
            await self._store.update(row)
            await self._tell(peer_id)

    async def keep_vms(self, peer_id: str, vms: tuple[VmResource, ...]) -> None:
        """Keep a hub's list for the time when it is offline."""
        if (known := self._known.get(peer_id)) is not None:
            row = replace(known.row, vms=vms, vms_at=utc_now())
            self._known[peer_id] = replace(known, row=row)
            await self._store.update(row)

    async def sweep(self) -> None:
        """Mark hubs that have gone silent as offline."""
        for peer_id, known in list(self._known.items()):
            if known.online and self._now() - (known.seen_s or 0.0) > STALE_AFTER_S:
                self._known[peer_id] = replace(known, online=False)
                log.warning("peer.offline", peer=peer_id, url=known.row.url)
                await self._store.update(known.row)
                await self._tell(peer_id)

    async def _tell(self, peer_id: str) -> Peer:
        peer = self.get(peer_id)
        await self._events.publish("peer", "changed", peer_id, peer.model_dump(mode="json"))
        return peer


def _trusts_as(one: PeerRow, other: PeerRow) -> bool:
    return (one.public_key, one.role) == (other.public_key, other.role)
