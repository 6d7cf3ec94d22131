"""/api/p2p: this hub among others, whom it trusts, and what they say to each other."""

from aiohttp import web

from batwa_common.errors import InvalidRequest
from batwa_common.web.body import read, read_query, respond
from batwa_common.web.routes import CALLER, Access, Route
from batwa_common.wire.peer import (
    CandidateList,
    Inbox,
    InboxQuery,
    LocalPeer,
    MessageAnswer,
    NewPairingCode,
    P2pStarted,
    P2pStopped,
    Pair,
    PairingClaim,
    PairingCode,
    PairingGrant,
    Peer,
    PeerChange,
    PeerIdentity,
    PeerList,
    PeerMessage,
    PeerRemoved,
    PeerResponse,
    SendMessage,
    StaticPeer,
    Trust,
)
from batwa_hub.hub import HUB, Hub
from batwa_hub.services.peering.messages import refuse_too_long
from batwa_hub.services.peering.places import HubPlace

from .access import address_of
from .signed import sender


async def info(request: web.Request) -> web.Response:
    """GET /api/p2p/info"""
    return respond(request.app[HUB].p2p.info())


async def identity(request: web.Request) -> web.Response:
    """GET /api/p2p/identity"""
    request.app[HUB].p2p.require_running()
    return respond(request.app[HUB].p2p.identity())


async def list_peers(request: web.Request) -> web.Response:
    """GET /api/p2p/peers"""
    return respond(PeerList(peers=request.app[HUB].places.all(request[CALLER].scope)))


async def start(request: web.Request) -> web.Response:
    """POST /api/p2p/start"""
    await request.app[HUB].p2p.start()
    shown = request.app[HUB].p2p.info()
    return respond(P2pStarted(id=shown.id, address=shown.address, port=shown.port))


async def stop(request: web.Request) -> web.Response:
    """POST /api/p2p/stop"""
    await request.app[HUB].p2p.stop()
    return respond(P2pStopped())


async def list_candidates(request: web.Request) -> web.Response:
    """GET /api/p2p/candidates"""
    if request[CALLER].scope is not None:
        return respond(
            CandidateList(candidates=(), static=())
        )  # for who is limited to agents there are no hubs
    return respond(await _candidates(request.app[HUB]))


async def make_code(request: web.Request) -> web.Response:
    """POST /api/p2p/pairing-codes"""
    asked = await read(request, NewPairingCode)
    return respond(await request.app[HUB].p2p.make_code(asked.role))


async def pair(request: web.Request) -> web.Response:
    """POST /api/p2p/pair"""
    return respond(await request.app[HUB].p2p.pair(await read(request, Pair)))


async def claim(request: web.Request) -> web.Response:
    """POST /api/p2p/claim"""
    given = await read(request, PairingClaim)
    return respond(await request.app[HUB].p2p.redeem(given, address=address_of(request)))


async def trust(request: web.Request) -> web.Response:
    """POST /api/p2p/trust"""
    return respond(await request.app[HUB].p2p.trust(await read(request, Trust)))


async def change_peer(request: web.Request) -> web.Response:
    """PATCH /api/p2p/peers/{id}"""
    asked = await read(request, PeerChange)
    return respond(await request.app[HUB].peers.set_role(request.match_info["id"], asked.role))


async def remove_peer(request: web.Request) -> web.Response:
    """DELETE /api/p2p/peers/{id}"""
    peer_id = request.match_info["id"]
    await request.app[HUB].peers.revoke(peer_id)
    return respond(PeerRemoved(message=f"Peer '{peer_id}' is trusted no longer"))


async def add_static(request: web.Request) -> web.Response:
    """POST /api/p2p/static"""
    hub, asked = request.app[HUB], await read(request, StaticPeer)
    await hub.p2p.add_address(asked.address)
    return respond(await _candidates(hub))


async def remove_static(request: web.Request) -> web.Response:
    """DELETE /api/p2p/static/{address}"""
    address = request.match_info["address"]
    await request.app[HUB].p2p.candidates.remove_address(address)
    return respond(PeerRemoved(message=f"'{address}' is looked at no longer"))


async def send(request: web.Request) -> web.Response:
    """POST /api/p2p/message"""
    hub, asked = request.app[HUB], await read(request, SendMessage)
    place = hub.places.find(asked.peer_id, request[CALLER].scope)
    message = PeerMessage(message_type=asked.message_type, data=asked.data)
    if not isinstance(place, HubPlace):
        raise InvalidRequest(f"{place.id!r} is an agent of this hub; only hubs take messages")
    refuse_too_long(message)
    hub.p2p.require_running()
    told = await hub.hubs.message(place.row, message, on_behalf_of=request[CALLER].name)
    await hub.peers.heard_from(place.id)
    return respond(MessageAnswer(response=told))


async def receive(request: web.Request) -> web.Response:
    """POST /api/p2p/receive"""
    message = await read(request, PeerMessage)
    return respond(
        PeerResponse.model_validate(await request.app[HUB].messages.receive(sender(request), message))
    )


async def inbox(request: web.Request) -> web.Response:
    """GET /api/p2p/inbox"""
    limit = read_query(request, InboxQuery).limit
    if request[CALLER].scope is not None:
        return respond(Inbox(messages=()))
    return respond(Inbox(messages=await request.app[HUB].messages.newest(limit)))


async def _candidates(hub: Hub) -> CandidateList:
    found = hub.p2p.candidates
    return CandidateList(candidates=found.all(), static=await found.addresses())


ROUTES = [
    Route("GET", "/api/p2p/info", info, Access.VIEWER, gives=LocalPeer),
    Route("GET", "/api/p2p/identity", identity, Access.ANYONE, gives=PeerIdentity),
    Route("GET", "/api/p2p/peers", list_peers, Access.VIEWER, gives=PeerList),
    Route("POST", "/api/p2p/start", start, Access.ADMIN, gives=P2pStarted),
    Route("POST", "/api/p2p/stop", stop, Access.ADMIN, gives=P2pStopped),
    Route("GET", "/api/p2p/candidates", list_candidates, Access.VIEWER, gives=CandidateList),
    Route("POST", "/api/p2p/pairing-codes", make_code, Access.ADMIN, NewPairingCode, gives=PairingCode),
    Route("POST", "/api/p2p/pair", pair, Access.ADMIN, Pair, gives=Peer),
    Route("POST", "/api/p2p/claim", claim, Access.ANYONE, PairingClaim, gives=PairingGrant),
    Route("POST", "/api/p2p/trust", trust, Access.ADMIN, Trust, gives=Peer),
    Route("PATCH", "/api/p2p/peers/{id}", change_peer, Access.ADMIN, PeerChange, gives=Peer),
    Route("DELETE", "/api/p2p/peers/{id}", remove_peer, Access.ADMIN, gives=PeerRemoved),
    Route("POST", "/api/p2p/static", add_static, Access.ADMIN, StaticPeer, gives=CandidateList),
    Route("DELETE", "/api/p2p/static/{address}", remove_static, Access.ADMIN, gives=PeerRemoved),
    Route("POST", "/api/p2p/message", send, Access.OPERATOR, SendMessage, gives=MessageAnswer),
    Route("POST", "/api/p2p/receive", receive, Access.PEER, PeerMessage, gives=PeerResponse),
    Route("GET", "/api/p2p/inbox", inbox, Access.VIEWER, query=InboxQuery, gives=Inbox),
]
