"""Signatures between hubs, as plain calls: who signed what for whom.

A request carries a JWT (RFC 7519, signed with Ed25519 as in RFC 9864) bound to its receiver, method, path
with query and body; the answer carries one bound to the request. No I/O here: that a request is good once is
for who can remember it (`services/peering/replays.py`).
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, TypeVar

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import Field, ValidationError

from batwa_common.errors import PeerMisbehaved, PeerNotTrusted, SignatureRefused
from batwa_common.wire.base import Wire
from batwa_hub.services.peering.identity import Identity, read_public_key

SCHEME = "Batwa-Peer"
"""Of the `Authorization` header."""
ANSWER_HEADER = "Batwa-Peer-Answer"

VALID_S = 60
"""How long a signed request may be under way."""
SKEW_S = 5.0
"""How far another hub's clock may be ahead of ours."""

_ALGORITHM = "Ed25519"
_REQUEST, _ANSWER = "batwa-request+jwt", "batwa-answer+jwt"
W = TypeVar("W", bound=Wire)
_Word = Annotated[str, Field(max_length=200)]


class _RequestClaims(Wire):
    iss: _Word
    aud: _Word
    iat: float
    exp: float
    jti: _Word
    method: _Word
    path: str
    sha256: _Word
    sub: Annotated[str, Field(max_length=255)] = ""


class _AnswerClaims(Wire):
    iss: _Word
    aud: _Word
    jti: _Word
    status: int
    sha256: _Word


class Sent(NamedTuple):
    """A request as it was signed."""

    token: str
    jti: str


class Signer(NamedTuple):
    """Who signed a request that was found good."""

    peer_id: str
    jti: str
    on_behalf_of: str
    """The user there who asked, in that hub's word; empty if it asks for itself."""
    good_until_s: float
    """When the request expires, in seconds since 1970; until then it could be sent again."""


def digest(body: bytes) -> str:
    """Return the SHA-256 of *body* as tokens carry it."""
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")


class Signatures:
    """Signs for this hub and checks what others signed for it.

    Args:
        identity: This hub's key.
        key_of: Returns the public key of a trusted hub, None if it is not trusted.
        now: Wall clock in seconds; tests pass their own.
    """

    def __init__(
        self,
        identity: Identity,
        key_of: Callable[[str], str | None],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._id = identity.id
        self._key = OKPKey.import_key(identity.private_key)
        self._key_of = key_of
        self._now = now

    def sign_request(self, to: str, method: str, path: str, body: bytes, *, on_behalf_of: str = "") -> Sent:
        """Sign a request; *path* is with its query, as it will be on the wire."""
        now_s, jti = self._now(), secrets.token_urlsafe(16)
        claims = {
            "iss": self._id,
            "aud": to,
            "iat": now_s,
            "exp": now_s + VALID_S,
            "jti": jti,
            "method": method,
            "path": path,
            "sha256": digest(body),
            "sub": on_behalf_of[:255],
        }
        return Sent(self._encode(_REQUEST, claims), jti)

    def check_request(self, token: str, method: str, path: str, body: bytes) -> Signer:
        """Return who signed this request. Raises `PeerNotTrusted`, `SignatureRefused`."""
        key = self._key_of(_claimed_issuer(token))
        if key is None:
            raise PeerNotTrusted("the hub that signed this is not trusted here; pair with it first")
        claims = _decoded(token, key, _REQUEST, _RequestClaims)
        if claims.aud != self._id:
            raise SignatureRefused(f"the request is addressed to {claims.aud}; this is {self._id}")
        now_s = self._now()
        if claims.iat > now_s + SKEW_S:
            raise SignatureRefused("the request is signed in the future; set the clocks of both hubs")
        if now_s > (good_until_s := min(claims.exp, claims.iat + VALID_S)):
            raise SignatureRefused(f"the request has expired: it is good for {VALID_S} s; check both clocks")
        if (claims.method, claims.path, claims.sha256) != (method, path, digest(body)):
            raise SignatureRefused("the request is not the one that was signed: it was altered on its way")
        return Signer(claims.iss, claims.jti, claims.sub, good_until_s)

    def sign_answer(self, signer: Signer, status: int, body: bytes) -> str:
        """Sign the answer to a request that `check_request` has let pass."""
        claims = {
            "iss": self._id,
            "aud": signer.peer_id,
            "jti": signer.jti,
            "status": status,
            "sha256": digest(body),
        }
        return self._encode(_ANSWER, claims)

    def check_answer(self, peer_id: str, sent: Sent, token: str, status: int, body: bytes) -> None:
        """Return if *peer_id* signed this answer to that request, else raise `PeerMisbehaved`."""
        key = self._key_of(peer_id)
        if key is None:
            raise PeerNotTrusted(f"{peer_id} is trusted no longer")
        try:
            claims = _decoded(token, key, _ANSWER, _AnswerClaims)
        except SignatureRefused as err:
            raise PeerMisbehaved(f"what answers for {peer_id} does not have its key") from err
        if (claims.iss, claims.aud, claims.jti) != (peer_id, self._id, sent.jti):
            raise PeerMisbehaved(f"the answer of {peer_id} is to another request")
        if (claims.status, claims.sha256) != (status, digest(body)):
            raise PeerMisbehaved(f"the answer of {peer_id} was altered on its way")

    def _encode(self, kind: str, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": _ALGORITHM, "typ": kind}, claims, self._key, algorithms=[_ALGORITHM])


class _Issuer(Wire):
    iss: _Word


def _claimed_issuer(token: str) -> str:
    """Return whose key to check *token* with; nothing is proved by it."""
    try:
        payload = token.split(".")[1]
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return _Issuer.model_validate_json(claims).iss
    except (IndexError, ValueError) as err:  # ValidationError and binascii.Error are ValueErrors
        raise SignatureRefused("the signature is no token of a hub") from err


def _decoded(token: str, key: str, kind: str, shape: type[W]) -> W:
    try:
        decoded = jwt.decode(token, OKPKey.import_key(read_public_key(key)), algorithms=[_ALGORITHM])
        claims = shape.model_validate(decoded.claims, strict=True)
    except (JoseError, ValidationError, ValueError) as err:
        raise SignatureRefused("the signature does not fit: it was made with another key or altered") from err
    if decoded.header.get("typ") != kind:
        raise SignatureRefused("the signature is of another kind")
    return claims
