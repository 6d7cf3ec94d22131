"""Keep the hub informed: register, send heartbeats with what changed, and come back after any failure."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TypeVar

import aiohttp
import structlog
from pydantic import ValidationError

from batwa_common.wire.agent import (
    DriverStatus,
    Heartbeat,
    HeartbeatAnswer,
    HostLoad,
    InventoryPosition,
    RegisterAgent,
)
from batwa_common.wire.base import Wire, utc_now
from batwa_common.wire.documented import Done

from .inventory.inventory import Inventory
from .inventory.watcher import Watcher
from .news import News
from .trust import Trust

log = structlog.stdlib.get_logger(__name__)

W = TypeVar("W", bound=Wire)

REQUEST_S = 10.0
"""Longest wait for one answer of the hub."""
ANSWER_BYTES = 64 << 10
SPACING_S = 0.05
"""Least time between two heartbeats: changes that come together go together."""
FIRST_RETRY_S = 0.2
LAST_RETRY_S = 15.0
SLOW_RETRY_S = 30.0
"""The same where only a person can help."""
FEATURES = ("operations", "inventory", "terminals", "shells")


class _Trouble(Exception):
    """The hub could not be told; the message says why. `slow`: only a person can change that."""

    def __init__(self, reason: str, *, slow: bool = False) -> None:
        super().__init__(reason)
        self.slow = slow


class _Forgotten(_Trouble):
    """The hub does not know this agent (any more)."""


class Uplink:
    """One conversation with one hub, one request at a time.

    Args:
        session: Sends the requests.
        hub_url: Where the hub is, without a path.
        api_key: Sent as `X-API-Key`.
        agent_id: Who speaks.
        inventory: Told to the hub, changes only where it can follow them.
        watcher: Its driver status is told as well.
        load: Reads how busy the machine is.
        terminals: Counts its terminals.
        interval_s: Time between heartbeats when nothing changes.
        trust: Which hubs are believed; left out, those that the system's CAs vouch for.

    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        hub_url: str,
        api_key: str,
        agent_id: str,
        inventory: Inventory,
        watcher: Watcher,
        load: Callable[[], Awaitable[HostLoad]],
        terminals: Callable[[], int] = lambda: 0,
        interval_s: float,
        trust: Trust | None = None,
    ) -> None:
        self._session = session
        self._hub_url = hub_url.rstrip("/")
        self._headers = {"X-API-Key": api_key, "Content-Type": "application/json"}
        self._agent_id = agent_id
        self._inventory = inventory
        self._watcher = watcher
        self._load = load
        self._terminals = terminals
        self._interval_s = interval_s
        self._trust = trust or Trust()
        self._registered = False
        self.registered = asyncio.Event()
        """Set once the hub has first known this agent."""
        self.back = asyncio.Event()
        """Set when the hub answers after trouble; whoever acts on it clears it."""
        self._held: InventoryPosition | None = None
        self._told: InventoryPosition | None = None
        self._told_driver: DriverStatus | None = None
        self._beaten = News()
        self._hurry = asyncio.Event()
        self._trouble: str | None = "the hub has not been asked yet"
        self._trouble_is_slow = False
        self._failures = 0
        self._random = random.SystemRandom()

    @property
    def trouble(self) -> str | None:
        """Why the hub cannot be told, as a sentence; None while it can."""
        return self._trouble

    async def run_forever(self, about: RegisterAgent) -> None:
        """Register as *about* and beat until cancelled."""
        while True:
            self._hurry.clear()
            try:
                if not self._registered:
                    await self._register(about)
                await self._beat()
            except _Trouble as err:
                self._failed(err)
            else:
                self._reached()
            self._beaten.tell()
            await asyncio.sleep(SPACING_S)
            with suppress(TimeoutError):
                await (self._rest() if self._trouble is None else self._back_off())

    async def push(self, timeout_s: float) -> bool:
        """Wait until the hub has the inventory as it is now. False if it has not after *timeout_s*."""
        wanted = self._inventory.position
        self._hurry.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._covers(wanted):
                    await self._beaten.wait()
        return self._covers(wanted)

    def _covers(self, wanted: InventoryPosition) -> bool:
        told = self._told
        return told is not None and told.epoch == wanted.epoch and told.revision >= wanted.revision

    async def _rest(self) -> None:
        async with asyncio.timeout(self._interval_s):
            while self._told == self._inventory.position and self._told_driver == self._watcher.driver_status:
                await self._inventory.news.wait()

    async def _back_off(self) -> None:
        longest_s = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(self._failures, 16))
        if self._trouble_is_slow:
            longest_s = SLOW_RETRY_S
        # somebody waiting in push has reason to believe that the hub is there
        async with asyncio.timeout(self._random.uniform(0, longest_s)):
            await self._hurry.wait()

    async def _register(self, about: RegisterAgent) -> None:
        await self._post("/api/agent/register", about, Done)
        self._registered = True
        self.registered.set()
        self._held = self._told = None

    async def _beat(self) -> None:
        update = self._inventory.update_since(self._held)
        position, driver = self._inventory.position, self._watcher.driver_status
        heartbeat = Heartbeat(
            agent_id=self._agent_id,
            timestamp=utc_now(),
            vm_count=len(self._inventory.vms),
            inventory=update,
            driver=driver,
            load=await self._load(),
            terminals=self._terminals(),
            ca=self._trust.bundle_id,
        )
        answer = await self._post("/api/agent/heartbeat", heartbeat, HeartbeatAnswer)
        self._held = answer.inventory
        if answer.ca is not None:
            await self._trust.learn(answer.ca)
        # a hub that could not follow a change asks for everything, and gets it at once
        sent_everything = not self._inventory.known or (update is not None and update.base is None)
        if sent_everything or answer.inventory == position:
            self._told, self._told_driver = position, driver

    async def _post(self, path: str, body: Wire, shape: type[W]) -> W:
        try:
            async with (
                asyncio.timeout(REQUEST_S),
                self._session.post(
                    self._hub_url + path,
                    data=body.model_dump_json(),
                    headers=self._headers,
                    ssl=self._trust.context,
                    allow_redirects=False,
                ) as response,
            ):
                self._check(response.status)
                return shape.model_validate_json(await _bounded(response))
        except TimeoutError:
            raise _Trouble(f"the hub did not answer within {REQUEST_S:g} s") from None
        except aiohttp.ClientConnectorCertificateError as err:
            await self._trust.look_again()
            raise _Trouble(
                f"the hub's certificate is not believed: {err.certificate_error}", slow=True
            ) from err
        except (aiohttp.ClientError, OSError) as err:
            raise _Trouble(f"the hub cannot be reached: {err}") from err
        except ValidationError as err:
            raise _Trouble("what answers there is not a Batwa hub; check hub_url", slow=True) from err

    def _check(self, status: int) -> None:
        if status == HTTPStatus.NOT_FOUND and self._registered:
            raise _Forgotten("the hub has forgotten this agent")
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise _Trouble(
                f"the hub refuses the API key for agent '{self._agent_id}' ({status}): make a key for it"
                " at the hub and set it as BATWA_AGENT_API_KEY",
                slow=True,
            )
        if status != HTTPStatus.OK:
            raise _Trouble(f"the hub answered {status}", slow=status < HTTPStatus.INTERNAL_SERVER_ERROR)

    def _reached(self) -> None:
        if self._trouble is not None:
            self.back.set()
            log.info("hub.reached", hub=self._hub_url, agent=self._agent_id)
        self._trouble, self._trouble_is_slow, self._failures = None, False, 0

    def _failed(self, err: _Trouble) -> None:
        if isinstance(err, _Forgotten):
            self._registered = False
            self._hurry.set()
        # one line when it begins and when it becomes another trouble, not one for each try
        if self._trouble != str(err):
            log.warning("hub.trouble", hub=self._hub_url, reason=str(err))
        self._trouble, self._trouble_is_slow = str(err), err.slow
        self._failures += 1


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise _Trouble("the hub answers with more than a heartbeat needs; check hub_url", slow=True)
    return bytes(body)
