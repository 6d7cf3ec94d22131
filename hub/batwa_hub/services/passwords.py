"""Passwords as Argon2id hashes, computed in threads, a few at a time."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from batwa_common.errors import Unavailable

MEMORY_KIB = 19 * 1024
"""OWASP's password storage cheat sheet, Argon2id: 19 MiB with two passes; 0.1 to 0.2 s on a small machine."""
PASSES = 2
"""See `MEMORY_KIB`."""
PARALLEL = 2
"""Hashes computed at a time: bounds the memory that strangers can make us use to 38 MiB."""
WAIT_S = 10.0
"""How long a caller waits for its turn."""

_SALT_BYTES = 16
_HASH_BYTES = 32
_NOBODYS = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${'A' * 22}${'A' * 43}"
"""Takes as long to check as anybody's hash; no known password has it."""


class Passwords:
    """Makes and checks PHC strings (`$argon2id$v=19$...`). Never computes on the event loop.

    Args:
        parallel: Hashes computed at a time.
        wait_s: How long a caller waits for its turn.
    """

    def __init__(self, *, parallel: int = PARALLEL, wait_s: float = WAIT_S) -> None:
        self._turns = asyncio.Semaphore(parallel)
        self._wait_s = wait_s

    async def hash(self, password: str) -> str:
        """Return the PHC string of *password* with a new salt. Raises `Unavailable` when too busy."""
        async with self._turn():
            return await asyncio.to_thread(_hash, password)

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Tell whether *password* is the one. None (no such user) is False after the same time.

        Raises `Unavailable` when too busy.
        """
        async with self._turn():
            matches = await asyncio.to_thread(_matches, password, hashed or _NOBODYS)
        return matches and hashed is not None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._turns.acquire()
        except TimeoutError:
            raise Unavailable("Too many people are logging in at once; try again shortly.") from None
        try:
            yield
        finally:
            self._turns.release()


def _argon2id(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=_HASH_BYTES, iterations=PASSES, lanes=1, memory_cost=MEMORY_KIB)


def _hash(password: str) -> str:
    return _argon2id(os.urandom(_SALT_BYTES)).derive_phc_encoded(password.encode())


def _matches(password: str, hashed: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), hashed)
    except InvalidKey:
        return False
    return True
