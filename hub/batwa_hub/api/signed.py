"""Requests that another hub has signed, and the signatures under their answers."""

from collections.abc import Mapping

from aiohttp import Payload, hdrs, web
from aiohttp.typedefs import Handler

from batwa_common.errors import Forbidden, NotAuthenticated
from batwa_common.web.body import BODY, MAX_BODY_BYTES, read_bytes
from batwa_common.web.routes import Caller
from batwa_common.wire.user import opens_terminals
from batwa_hub.hub import HUB
from batwa_hub.store.peers import PeerRow
from batwa_hub.transport.signing import ANSWER_HEADER, SCHEME, Signer

SIGNER = web.RequestKey("signer", Signer)
"""Set once a request's signature has been found good."""

NOT_FOR_PEERS = ("/api/remote/", "/api/p2p/", "/api/auth/", "/api/users", "/api/events")
"""Paths that are for this hub's own people. A hub that trusts us has not trusted those whom we trust."""
FOR_PEERS = "/api/p2p/receive"


def is_signed(request: web.Request) -> bool:
    """Whether the request says that a hub signed it."""
    return request.headers.get(hdrs.AUTHORIZATION, "").lower().startswith(f"{SCHEME.lower()} ")


async def peer_calling(request: web.Request) -> Caller:
    """Return the trusted hub that signed this request.

    Raises `P2pNotRunning`, `PeerNotTrusted`, `SignatureRefused`, `Forbidden`.
    """
    hub = request.app[HUB]
    hub.p2p.require_running()
    token = request.headers[hdrs.AUTHORIZATION].partition(" ")[2].strip()
    request[BODY] = body = await read_bytes(request, limit_bytes=MAX_BODY_BYTES)
    signer = hub.signatures.check_request(token, request.method, request.raw_path, body)
    await hub.replays.refuse(signer.peer_id, signer.jti, good_until_s=signer.good_until_s)
    request[SIGNER] = signer
    row = hub.peers.row(signer.peer_id)
    await hub.peers.heard_from(row.id)
    if request.path.startswith(NOT_FOR_PEERS) and request.path != FOR_PEERS:
        raise Forbidden(f"{request.path} is for this hub's own people; {row.name} is another hub")
    user = f"{signer.on_behalf_of}@" if signer.on_behalf_of else ""
    return Caller(
        f"{user}{row.name} ({row.id})",
        role=row.role,
        terminals=opens_terminals(row.role),
        kind="peer",
        key=row.id,
    )


def sender(request: web.Request) -> PeerRow:
    """Return the hub that signed a request which the guard has let pass."""
    if (signer := request.get(SIGNER)) is None:
        raise NotAuthenticated("this is for other hubs, with a signed request")
    return request.app[HUB].peers.row(signer.peer_id)


def answering(request: web.Request, status: int, body: bytes) -> Mapping[str, str]:
    """Return the header that proves an answer to be ours; none for who did not sign."""
    if (signer := request.get(SIGNER)) is None:
        return {}
    return {ANSWER_HEADER: request.app[HUB].signatures.sign_answer(signer, status, body)}


@web.middleware
async def sign_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Sign what is answered to a hub."""
    response = await handler(request)
    if SIGNER in request and isinstance(response, web.Response) and not response.prepared:
        response.headers.update(answering(request, response.status, await _whole(response)))
    return response


async def _whole(response: web.Response) -> bytes:
    body = response.body
    return await body.as_bytes() if isinstance(body, Payload) else bytes(body or b"")
