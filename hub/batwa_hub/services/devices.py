"""Devices that somebody logged in with before: what others guess meanwhile does not make them wait."""

import hashlib

from cryptography.fernet import InvalidToken, MultiFernet

LIFETIME_S = 365 * 86_400
"""How long a device is known after its last login."""
MAX_CHARS = 500


class Devices:
    """Proofs that a device has logged in to an account. They open nothing, and nothing is kept of them.

    Args:
        cipher: Makes and reads the proofs.
    """

    def __init__(self, cipher: MultiFernet) -> None:
        self._cipher = cipher

    def prove(self, account: str) -> str:
        """Return the proof for a device that has just logged in to *account*."""
        return self._cipher.encrypt(account.encode()).decode()

    def find(self, account: str, proof: str | None) -> str | None:
        """Return a name of the device if *proof* is one for *account*, else None."""
        if proof is None or len(proof) > MAX_CHARS:
            return None
        try:
            known = self._cipher.decrypt(proof.encode(), ttl=LIFETIME_S) == account.encode()
        except (InvalidToken, UnicodeEncodeError):
            return None
        return hashlib.sha256(proof.encode()).hexdigest()[:16] if known else None
