"""Guessing at the door of a hub whose clock is the wall's."""

import asyncio

from aiohttp import ClientSession
from aiohttp.test_utils import TestClient

LEAST_S = 2
"""Whoever is to wait for so long waits for what the test does next, also on a slow machine."""


async def guess_until_slowed(guesser: ClientSession | TestClient, wrong: dict[str, str]) -> list[int]:
    """Guess until told to wait for `LEAST_S` or longer; return the statuses of all answers, in order."""
    statuses = []
    async with asyncio.timeout(30):
        while True:
            answer = await guesser.post("/api/auth/login", json=wrong)
            statuses.append(answer.status)
            if int(answer.headers.get("Retry-After", 0)) >= LEAST_S:
                return statuses
            if answer.status == 429:
                await asyncio.sleep(0.1)
