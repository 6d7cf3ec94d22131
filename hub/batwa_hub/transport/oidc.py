"""An OpenID Connect provider over HTTP: where to send a browser, and who came back with a code."""

import asyncio
import contextlib
import hashlib
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, import_key
from pydantic import BaseModel, ConfigDict, SecretStr, StringConstraints, ValidationError

from batwa_common.errors import NotAuthenticated, SignOnUnavailable

ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]
"""Signatures that are believed; no shared secrets, and never none."""
KNOWN_S = 3600.0
"""How long what a provider says of itself is believed."""
KEYS_S = 60.0
"""How often at most its keys are asked for anew because one is unknown."""
CALL_S = 15.0
"""How long it may take to answer."""
ANSWER_BYTES = 256 << 10
"""Bound of an answer."""
LEEWAY_S = 60
"""How far its clock may be off."""


class _Metadata(BaseModel):
    """OpenID Connect Discovery 1.0, section 3; what is needed of it."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(BaseModel):
    id_token: str


class _Keys(BaseModel):
    keys: list[dict[str, Any]]


class _Refusal(BaseModel):
    """RFC 6749, section 5.2."""

    error: Annotated[str, StringConstraints(max_length=64, pattern=r"^[\x21-\x7e]+$")]


M = TypeVar("M", bound=BaseModel)


class OidcProvider:
    """A provider, as one of its clients sees it.

    Args:
        session: For calls; its proxy and trust are the machine's.
        issuer: The provider's address, to the letter as it calls itself.
        client_id: What this hub is to it.
        client_secret: What this hub proves that with; None for a public client, whom PKCE must do for.
        scopes: What is asked for; `openid` among it.
        clock: Monotonic clock in seconds; tests pass their own.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        issuer: str,
        client_id: str,
        client_secret: SecretStr | None,
        scopes: tuple[str, ...],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self.issuer = issuer
        self._client_id = client_id
        self._secret = client_secret
        self._scope = " ".join(scopes)
        self._clock = clock
        self._metadata: tuple[float, _Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def address_to_ask_at(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where to send the browser (OpenID Connect Core, section 3.1.2.1, with RFC 7636).

        Raises `SignOnUnavailable`.
        """
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "scope": self._scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        where = (await self._known()).authorization_endpoint
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"

    async def claims(self, code: str, *, redirect_uri: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """Return what the provider says of who came with *code*.

        Raises `NotAuthenticated` if it refuses the code, or says it of somebody or for something else,
        and `SignOnUnavailable`.
        """
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._client_id,
            "code_verifier": verifier,
        }
        known = await self._known()
        tokens = await self._ask(_Tokens, "POST", known.token_endpoint, data=given, headers=self._proof())
        return await self._verified(tokens.id_token, nonce)

    def _proof(self) -> dict[str, str]:
        """Return the header that proves this hub to be the client (RFC 6749, section 2.3.1)."""
        if self._secret is None:
            return {}
        both = f"{quote_plus(self._client_id)}:{quote_plus(self._secret.get_secret_value())}"
        return {"Authorization": f"Basic {b64encode(both.encode()).decode()}"}

    async def _verified(self, id_token: str, nonce: str) -> Mapping[str, Any]:
        """Return the claims of an ID token (OpenID Connect Core, section 3.1.3.7)."""
        expected = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            try:
                token = jwt.decode(id_token, await self._key_set(), algorithms=ALGORITHMS)
            except (InvalidKeyIdError, BadSignatureError):  # it may have new keys
                token = jwt.decode(id_token, await self._key_set(older_than_s=KEYS_S), algorithms=ALGORITHMS)
            expected.validate(token.claims)
        except (JoseError, ValueError) as err:
            raise NotAuthenticated(
                f"What {self.issuer} says of you does not hold: {err}. Try again."
            ) from err
        claims: dict[str, Any] = token.claims
        if (
            isinstance(claims["aud"], list)
            and len(claims["aud"]) > 1
            and claims.get("azp") != self._client_id
        ):
            raise NotAuthenticated(f"What {self.issuer} says of you is meant for another program. Try again.")
        return claims

    async def _known(self) -> _Metadata:
        if self._metadata is not None and self._clock() - self._metadata[0] < KNOWN_S:
            return self._metadata[1]
        found = await self._ask(
            _Metadata, "GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        if found.issuer != self.issuer:
            raise SignOnUnavailable(
                f"The provider calls itself {found.issuer}; set oidc.issuer to exactly that."
            )
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if urlsplit(url).scheme not in {"https", urlsplit(self.issuer).scheme}:
                raise SignOnUnavailable(
                    f"The provider names {url}, which is not HTTPS; have it mended there."
                )
        self._metadata = (self._clock(), found)
        return found

    async def _key_set(self, *, older_than_s: float = KNOWN_S) -> KeySet:
        if self._keys is None or self._clock() - self._keys[0] >= older_than_s:
            found = await self._ask(_Keys, "GET", (await self._known()).jwks_uri)
            self._keys = (self._clock(), _key_set(found))
        return self._keys[1]

    async def _ask(self, shape: type[M], method: str, url: str, **more: Any) -> M:
        try:
            async with (
                asyncio.timeout(CALL_S),
                self._session.request(method, url, allow_redirects=False, **more) as response,
            ):
                status, body = response.status, await _bounded(response)
        except (TimeoutError, aiohttp.ClientError, ValueError) as err:
            why = str(err) or type(err).__name__
            raise SignOnUnavailable(
                f"{url} cannot be asked: {why}. Check oidc.issuer and the network."
            ) from err
        try:
            if status == HTTPStatus.OK:
                return shape.model_validate_json(body)
            refusal = _Refusal.model_validate_json(body).error
        except ValidationError:
            raise SignOnUnavailable(
                f"{url} answered {status}, and not as OpenID Connect asks. Check it."
            ) from None
        if refusal == "invalid_grant":
            raise NotAuthenticated(f"{self.issuer} does not know your sign-on any more. Try again.")
        raise SignOnUnavailable(f"{url} refuses this hub: {refusal}. Check oidc.client_id and client_secret.")


def _key_set(found: _Keys) -> KeySet:
    """Return the keys that we can use; providers may have others as well. Raises `SignOnUnavailable`."""
    usable = []
    for key in found.keys:
        with contextlib.suppress(JoseError, ValueError, KeyError, TypeError):
            usable.append(import_key(key))
    if not usable:
        raise SignOnUnavailable(
            "The provider shows no key that this hub can use. Have it sign with RS256 or ES256."
        )
    return KeySet(usable)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer. Raises ValueError for one that is too long."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise ValueError(f"it answers more than {ANSWER_BYTES} bytes")
    return bytes(body)
