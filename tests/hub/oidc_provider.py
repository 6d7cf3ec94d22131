"""A small OpenID Connect provider: `python -m tests.hub.oidc_provider` prints where it listens.

Everybody who comes is let through as whoever `POST /control` said last, with the fault it said.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import sys
import time
from typing import Any, NamedTuple

from aiohttp import web
from joserfc import jwk, jwt

CLIENT, SECRET = "batwa", "s3cret"


class Code(NamedTuple):
    """What a browser was let through for."""

    nonce: str
    challenge: str
    redirect_uri: str


class Provider:
    """The provider; faults are what a wrong one would do."""

    def __init__(self) -> None:
        self.issuer = ""
        self.claims: dict[str, Any] = {}
        self.fault = ""
        self.codes: dict[str, Code] = {}
        self.key = jwk.ECKey.generate_key("P-256", {"kid": "1"})

    async def control(self, request: web.Request) -> web.Response:
        told = await request.json()
        self.claims, self.fault = told["claims"], told.get("fault", "")
        if self.fault == "new key":
            self.key = jwk.ECKey.generate_key("P-256", {"kid": secrets.token_hex(4)})
        return web.json_response({})

    async def describe(self, _request: web.Request) -> web.Response:
        where = self.issuer
        return web.json_response(
            {
                "issuer": f"{where}/other" if self.fault == "other name" else where,
                "authorization_endpoint": f"{where}/authorize?kept=1",
                "token_endpoint": f"{where}/token",
                "jwks_uri": f"{where}/jwks",
            }
        )

    async def keys(self, _request: web.Request) -> web.Response:
        strange = {"kty": "XYZ", "kid": "9"}
        return web.json_response({"keys": [strange, self.key.as_dict(private=False)]})

    async def authorize(self, request: web.Request) -> web.Response:
        asked = request.query
        assert (asked["kept"], asked["client_id"], asked["response_type"]) == ("1", CLIENT, "code")
        assert "openid" in asked["scope"].split() and asked["code_challenge_method"] == "S256"
        where = f"{asked['redirect_uri']}?state={asked['state']}"
        if self.fault == "denied":
            raise web.HTTPFound(f"{where}&error=access_denied")
        code = secrets.token_urlsafe(8)
        self.codes[code] = Code(asked["nonce"], asked["code_challenge"], asked["redirect_uri"])
        raise web.HTTPFound(f"{where}&code={code}")

    async def token(self, request: web.Request) -> web.Response:
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("Authorization") != basic or self.fault == "unknown client":
            return web.json_response({"error": "invalid_client"}, status=401)
        given = await request.post()
        code = self.codes.pop(str(given["code"]), None)
        proof = hashlib.sha256(str(given["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        if code is None or (code.challenge, code.redirect_uri) != (challenge, given["redirect_uri"]):
            return web.json_response({"error": "invalid_grant"}, status=400)
        if self.fault == "nonsense":
            return web.Response(text="<html>")
        return web.json_response(
            {"access_token": "x", "token_type": "Bearer", "id_token": self.id_token(code)}
        )

    def id_token(self, code: Code) -> str:
        now = int(time.time())
        claims = {
            "iss": "https://elsewhere.example" if self.fault == "other issuer" else self.issuer,
            "aud": ["another", CLIENT] if self.fault == "two audiences" else CLIENT,
            "exp": now - 3600 if self.fault == "expired" else now + 300,
            "iat": now,
            "nonce": "another" if self.fault == "other nonce" else code.nonce,
            **self.claims,
        }
        if self.fault == "other audience":
            claims["aud"] = "another"
        if self.fault == "unsigned":
            return _unsigned(claims)
        key = self.key
        if self.fault == "other key":
            key = jwk.ECKey.generate_key("P-256", {"kid": self.key.kid})
        return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)


def _unsigned(claims: dict[str, Any]) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


async def main() -> None:
    provider, app = Provider(), web.Application()
    app.router.add_post("/control", provider.control)
    app.router.add_get("/.well-known/openid-configuration", provider.describe)
    app.router.add_get("/jwks", provider.keys)
    app.router.add_get("/authorize", provider.authorize)
    app.router.add_post("/token", provider.token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    sys.stdout.write(f"{provider.issuer}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
