"""The hub's HTTP calls to other hubs: signed requests whose answers are believed only if signed too."""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from pydantic import TypeAdapter
from yarl import URL

from batwa_common.errors import (
    BatwaError,
    Forbidden,
    PairingRefused,
    PeerMisbehaved,
    PeerTimeout,
    PeerUnreachable,
)
from batwa_common.tls import client_context, unverified_context
from batwa_common.wire.peer import PairingClaim, PairingGrant, PeerIdentity, PeerMessage
from batwa_hub.store.peers import PeerRow

from .far import Answer, Far, sentence_of
from .peer_vms import PeerVms
from .signing import ANSWER_HEADER, SCHEME, Sent, Signatures

_IDENTITY = TypeAdapter(PeerIdentity)
_GRANT = TypeAdapter(PairingGrant)
_RESPONSE: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])

ASK_WAIT_S = 5.0
"""How long another hub may take for what needs no work: who it is, a message."""
_UNSIGNED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
"""A hub that does not accept our signature has nobody to sign for; such an answer says no more than no."""
_ANY = unverified_context()


class _Hub(Far):
    unreachable, misbehaved, timed_out = PeerUnreachable, PeerMisbehaved, PeerTimeout
    program = "batwa-hub"

    def __init__(
        self, session: aiohttp.ClientSession, *, who: str, url: str, ca: str | None, timeout_s: float
    ) -> None:
        super().__init__(session, who=who, url=url, timeout_s=timeout_s)
        self._ca = ca

    async def believed(self) -> ssl.SSLContext | bool:
        """Return that only *ca* is believed, if there is one: it has signed nobody else."""
        return True if self._ca is None else await asyncio.to_thread(_context, self._ca)


class StrangerHttp(_Hub):
    """A hub that is not trusted yet: nothing is signed, nothing is believed."""

    async def exchange(
        self, method: str, url: URL, *, body: bytes, headers: Mapping[str, str], within_s: float
    ) -> Answer:
        """Send one request as anybody would."""
        return await self.send(method, url, body=body, headers=headers, within_s=within_s)

    @asynccontextmanager
    async def upgraded(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a WebSocket as anybody would."""
        async with self.opening(self.url.with_path(path).with_query(query), headers) as answer:
            yield answer

    def refusal(self) -> BatwaError:
        """Return that the code was refused: a stranger is asked nothing else that could be."""
        return PairingRefused(f"{self.who} refused: the pairing code is wrong, used up or expired")


class UnknownHttp(StrangerHttp):
    """A hub of which nothing is known, for asking who it is: that it can prove by its key only."""

    async def believed(self) -> ssl.SSLContext | bool:
        """Return that any certificate will do."""
        return _ANY


class PeerHttp(_Hub):
    """A trusted hub.

    Args:
        session: Shared by all hubs; pools per host.
        peer: Who, and where.
        signatures: Signs for this hub.
        timeout_s: How long the hub may take to answer, on top of what a call waits for.
        on_behalf_of: The user here who asks; empty for the hub itself.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        peer: PeerRow,
        signatures: Signatures,
        *,
        timeout_s: float,
        on_behalf_of: str = "",
    ) -> None:
        super().__init__(session, who=f"hub {peer.name!r}", url=peer.url, ca=peer.ca, timeout_s=timeout_s)
        self.peer_id = peer.id
        self._signatures = signatures
        self._on_behalf_of = on_behalf_of

    async def exchange(
        self, method: str, url: URL, *, body: bytes, headers: Mapping[str, str], within_s: float
    ) -> Answer:
        """Send one signed request."""
        sent = self._sign(method, url, body)
        signed = {**headers, **_authorization(sent)}
        answer = await self.send(method, url, body=body, headers=signed, within_s=within_s)
        if answer.status not in _UNSIGNED:
            self._check(sent, answer.headers, answer.status, answer.body)
        elif ANSWER_HEADER in answer.headers:  # it knows us, and says why not
            self._check(sent, answer.headers, answer.status, answer.body)
            raise Forbidden(f"{self.who} refused: {sentence_of(answer.body)}")
        return answer

    @asynccontextmanager
    async def upgraded(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a WebSocket with a signed request. The opening is proved, not what flows afterwards."""
        url = self.url.with_path(path).with_query(query)
        sent = self._sign("GET", url, b"")
        async with self.opening(url, {**headers, **_authorization(sent)}) as answer:
            self._check(sent, answer.headers, answer.status, b"")
            yield answer

    async def message(self, message: PeerMessage) -> dict[str, Any]:
        """`POST /api/p2p/receive`"""
        body = message.model_dump_json().encode()
        return await self.call("POST", "/api/p2p/receive", _RESPONSE, body=body)

    def refusal(self) -> BatwaError:
        """Return that the other hub does not let us do this."""
        return PeerMisbehaved(
            f"{self.who} refused: it does not trust this hub, or not with a role that allows this; "
            "see this hub's entry among its peers, and both clocks"
        )

    def _sign(self, method: str, url: URL, body: bytes) -> Sent:
        return self._signatures.sign_request(
            self.peer_id, method, url.raw_path_qs, body, on_behalf_of=self._on_behalf_of
        )

    def _check(self, sent: Sent, headers: Mapping[str, str], status: int, body: bytes) -> None:
        if (token := headers.get(ANSWER_HEADER)) is None:
            raise PeerMisbehaved(f"what answers at {self.url} does not prove that it is {self.who}")
        self._signatures.check_answer(self.peer_id, sent, token, status, body)


class Hubs:
    """A `HubPort` over HTTP.

    Args:
        session: Shared by all hubs; pools per host.
        signatures: Signs for this hub.
        timeout_s: How long another hub may take to answer.
    """

    def __init__(self, session: aiohttp.ClientSession, signatures: Signatures, *, timeout_s: float) -> None:
        self._session = session
        self._signatures = signatures
        self._timeout_s = timeout_s

    def http(self, peer: PeerRow, *, on_behalf_of: str = "", timeout_s: float | None = None) -> PeerHttp:
        """Return signed HTTP to a trusted hub."""
        within_s = self._timeout_s if timeout_s is None else timeout_s
        return PeerHttp(self._session, peer, self._signatures, timeout_s=within_s, on_behalf_of=on_behalf_of)

    async def identity(self, url: str) -> PeerIdentity:
        """`GET /api/p2p/identity`"""
        return await self._stranger(UnknownHttp, url).call("GET", "/api/p2p/identity", _IDENTITY)

    async def claim(self, url: str, claim: PairingClaim, *, ca: str | None) -> PairingGrant:
        """`POST /api/p2p/claim`"""
        body = claim.model_dump_json().encode()
        return await self._stranger(StrangerHttp, url, ca).call("POST", "/api/p2p/claim", _GRANT, body=body)

    async def message(self, peer: PeerRow, message: PeerMessage, *, on_behalf_of: str = "") -> dict[str, Any]:
        """`POST /api/p2p/receive`"""
        http = self.http(peer, on_behalf_of=on_behalf_of, timeout_s=min(ASK_WAIT_S, self._timeout_s))
        return await http.message(message)

    def vms(self, peer: PeerRow, *, on_behalf_of: str) -> PeerVms:
        """Return that hub's VMs."""
        return PeerVms(self.http(peer, on_behalf_of=on_behalf_of))

    def _stranger(self, kind: type[StrangerHttp], url: str, ca: str | None = None) -> StrangerHttp:
        within_s = min(ASK_WAIT_S, self._timeout_s)
        return kind(self._session, who=f"the hub at {url}", url=url, ca=ca, timeout_s=within_s)


@functools.lru_cache(maxsize=64)
def _context(ca: str) -> ssl.SSLContext:
    # always the same for the same CA: connections are kept by it. Blocks when it is new.
    try:
        return client_context(ca)
    except ValueError as err:
        raise PeerMisbehaved(f"the CA that the hub tells is none: {err}") from err


def _authorization(sent: Sent) -> dict[str, str]:
    return {"Authorization": f"{SCHEME} {sent.token}"}
