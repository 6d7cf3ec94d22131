"""/api/auth/tokens: what scripts log in with."""

from aiohttp import web

from batwa_common.web.body import read, respond, respond_all
from batwa_common.web.routes import CALLER, Access, Listing, Route
from batwa_common.wire.documented import Done
from batwa_common.wire.token import IssuedToken, NewToken, Token
from batwa_hub.hub import HUB

from .access import account_of, token_of


async def issue(request: web.Request) -> web.Response:
    """POST /api/auth/tokens"""
    account, asked = account_of(request), await read(request, NewToken)
    return respond(
        await request.app[HUB].tokens.issue(
            asked, user_id=account.user_id, rights=account.rights, with_token=token_of(request)
        )
    )


async def list_tokens(request: web.Request) -> web.Response:
    """GET /api/auth/tokens"""
    account = account_of(request)
    everybodys = account.rights.role == "admin"
    return respond_all(
        await request.app[HUB].tokens.find_all(user_id=None if everybodys else account.user_id)
    )


async def revoke(request: web.Request) -> web.Response:
    """DELETE /api/auth/tokens/{id}"""
    account, token_id = account_of(request), request.match_info["id"]
    anybodys = account.rights.role == "admin"
    await request.app[HUB].tokens.revoke(
        token_id,
        user_id=None if anybodys else account.user_id,
        rights=account.rights,
        only=token_of(request) if request[CALLER].scope is not None else None,
    )
    return respond(Done(message=f"Token '{token_id}' revoked"))


ROUTES = [
    Route("POST", "/api/auth/tokens", issue, Access.VIEWER, takes=NewToken, gives=IssuedToken),
    Route("GET", "/api/auth/tokens", list_tokens, Access.VIEWER, gives=Listing(Token)),
    Route("DELETE", "/api/auth/tokens/{id}", revoke, Access.VIEWER, gives=Done),
]
