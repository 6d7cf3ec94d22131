"""Who this hub is to other hubs: an Ed25519 key, and the id and fingerprint that follow from it."""

import base64
import binascii
import hashlib
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from batwa_common.wire.peer import PeerIdentity
from batwa_hub.secrets import KeyFileUnusable, refuse_open_to_others, write_new

_ID_LETTERS = 26
"""Letters of the fingerprint in an id: 130 bits, so nobody makes another key with the same id."""
_GROUP = 4
_VOUCHED = b"batwa hub's CA 1\0"
"""What a signature under a CA begins with, so that it is good for nothing else."""


class Identity(NamedTuple):
    """This hub's key pair."""

    private_key: Ed25519PrivateKey

    @property
    def public_key(self) -> str:
        """The public key as other hubs get it: base64url of its 32 bytes."""
        raw = self.private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _text(raw)

    @property
    def id(self) -> str:
        """The peer id."""
        return peer_id_of(self.public_key)

    def shown(self, name: str, version: str) -> PeerIdentity:
        """Return what anybody may know of it."""
        return PeerIdentity(id=self.id, name=name, public_key=self.public_key, version=version)

    def vouch(self, ca: str) -> str:
        """Return the signature that makes *ca*, PEM, the CAs of this hub."""
        return _text(self.private_key.sign(_VOUCHED + ca.encode()))


def is_vouched(ca: str, proof: str, public_key: str) -> bool:
    """Whether the hub with that key has signed that *ca* is its own."""
    try:
        read_public_key(public_key).verify(_bytes(proof), _VOUCHED + ca.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def read_public_key(text: str) -> Ed25519PublicKey:
    """Return the key that *text*, base64url of 32 bytes, is. Raises ValueError."""
    try:
        return Ed25519PublicKey.from_public_bytes(_bytes(text))
    except binascii.Error as err:
        raise ValueError("a public key is 32 bytes in base64url") from err


def fingerprint_of(public_key: str) -> str:
    """Return the SHA-256 of a public key for people to compare: base32 in groups of four."""
    letters = _letters(public_key)
    return " ".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def peer_id_of(public_key: str) -> str:
    """Return the id of the hub with that key: the first letters of its fingerprint. Raises ValueError."""
    return f"peer-{_letters(public_key)[:_ID_LETTERS].lower()}"


def is_fingerprint(given: str, public_key: str) -> bool:
    """Whether *given* is the key's whole fingerprint; spaces, hyphens, colons and case do not count."""
    bare = "".join(letter for letter in given.upper() if letter not in " -:")
    return bare == _letters(public_key)


def open_identity(path: Path) -> Identity:
    """Return the identity in *path*, made at first. Blocks. Raises `KeyFileUnusable`."""
    try:
        if not path.exists():
            pem = Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
            write_new(path, pem)
        refuse_open_to_others(path, otherwise="remove it and pair anew with every other hub")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as err:
        raise KeyFileUnusable(f"{path} cannot be read or made: {err.strerror}.") from err
    except ValueError as err:
        raise KeyFileUnusable(f"{path} holds no key: {err}. Restore it from a backup.") from err
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileUnusable(f"{path} holds another kind of key than Ed25519. Restore it from a backup.")
    return Identity(key)


def _letters(public_key: str) -> str:
    raw = read_public_key(public_key).public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b32encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
