"""The link to the hub: one control socket, and a connection dialled whenever the hub asks for one on it."""

import asyncio
import random
import ssl
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple

import aiohttp
import structlog
from aiohttp import WSCloseCode, WSMsgType
from pydantic import ValidationError
from yarl import URL

from batwa_common.supervisor import Supervisor
from batwa_common.tls import client_context
from batwa_common.web.dial import Dial, MakeProtocol
from batwa_common.wire.link import MAX_DIALS, PROTOCOL, REPLACED, DialOrder

from .trust import Trust

log = structlog.stdlib.get_logger(__name__)

HEARTBEAT_S = 10.0
"""Time between pings; with half as long for the answer, a half-open link is noticed within 15 s."""
DIAL_S = 10.0
"""Longest wait for one connection, the upgrade included."""
DIALS_AT_ONCE = 64
"""Connections under way at once; more that are asked for wait."""
MOVE_S = 0.25
"""The longest wait after a farewell: another process of the hub may be there, and calls wait for the link."""
REDIAL_S = (0.2, 1.0)
"""Waits before a dial that failed is tried again."""
CLOSE_S = 2.0
"""How long the hub may take to answer a close."""
MESSAGE_BYTES = 4096

_FAREWELLS = frozenset({WSCloseCode.OK, WSCloseCode.GOING_AWAY})


class BackOff(NamedTuple):
    """How long to wait before linking again."""

    first_s: float = 1.0
    last_s: float = 15.0
    """The longest wait: whoever waited all through a hub's absence is back half a minute after it."""
    slow_s: float = 30.0
    """The longest wait where only a person can help."""
    settled_s: float = 30.0
    """A link that lasted this long was a good one: failures are counted from there on."""

    def longest_s(self, failures: int) -> float:
        """Return the bound of a random wait after so many failures in a row."""
        return min(self.last_s, self.first_s * (1 << min(failures, 16)))


BACK_OFF = BackOff()


class Trouble(NamedTuple):
    """Why there is no link, as a sentence."""

    reason: str
    is_slow: bool = False
    """Whether only a person can change it."""
    is_farewell: bool = False
    """Whether the hub has said that it stops."""


class Link:
    """Stays linked to one hub.

    Args:
        session: Opens the control socket.
        hub_url: Where the hub is, without a path.
        agent_id: Whose link it is.
        api_key: Sent as `X-API-Key`.
        trust: Which hubs are believed.
        back_off: How long to wait after failures.
        heartbeat_s: Time between pings.

    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        hub_url: str,
        agent_id: str,
        api_key: str,
        trust: Trust,
        back_off: BackOff = BACK_OFF,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._session = session
        self._hub = URL(hub_url)
        self._agent_id = agent_id
        self._api_key = api_key
        self._trust = trust
        self._system: ssl.SSLContext | None = None
        self._back_off = back_off
        self._heartbeat_s = heartbeat_s
        self._slots = asyncio.Semaphore(DIALS_AT_ONCE)
        self._pending = 0
        self._served: set[asyncio.Transport] = set()
        self._control: aiohttp.ClientWebSocketResponse[bool] | None = None
        self._stopping = False
        self._trouble: Trouble | None = Trouble("the hub has not been dialled yet")
        self._random = random.SystemRandom()

    @property
    def trouble(self) -> str | None:
        """Why there is no link; None while there is one."""
        return self._trouble.reason if self._trouble else None

    async def run_forever(self, serve: MakeProtocol, *, back: asyncio.Event | None = None) -> None:
        """Link, and link again after any failure, until stopped or cancelled; *serve* answers the hub.

        When *back* is set, the hub is known to answer again: that ends a wait.
        """
        back = back or asyncio.Event()
        loop = asyncio.get_running_loop()
        failures = 0
        while not self._stopping:
            began_s = loop.time()
            trouble = await self._once(serve)
            settled = trouble.is_farewell or loop.time() - began_s > self._back_off.settled_s
            failures = 0 if settled else failures + 1
            self._note(trouble)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s(trouble, failures)):
                    await back.wait()
            back.clear()

    async def stop(self) -> None:
        """Say farewell: the agent is stopping. What the hub is being answered goes on."""
        self._stopping = True
        if self._control is not None:
            await self._control.close(code=WSCloseCode.GOING_AWAY, message=b"stopping")

    def _wait_s(self, trouble: Trouble, failures: int) -> float:
        longest_s = self._back_off.slow_s if trouble.is_slow else self._back_off.longest_s(failures)
        return self._random.uniform(0, min(longest_s, MOVE_S) if trouble.is_farewell else longest_s)

    async def _once(self, serve: MakeProtocol) -> Trouble:
        try:
            async with asyncio.timeout(DIAL_S):
                control = await self._session.ws_connect(
                    self._hub / "api/agent/link",
                    headers={"X-API-Key": self._api_key},
                    ssl=self._trust.context,
                    heartbeat=self._heartbeat_s,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                    max_msg_size=MESSAGE_BYTES,
                )
        except aiohttp.WSServerHandshakeError as err:
            return self._refused(err.status)
        except aiohttp.ClientConnectorCertificateError as err:
            return Trouble(f"the hub's certificate is not believed: {err.certificate_error}", is_slow=True)
        except (aiohttp.ClientError, OSError) as err:
            return Trouble(f"the hub cannot be reached: {str(err) or 'no answer in time'}")
        self._control = control
        try:
            async with control, Supervisor() as dials:
                trouble = await self._obey(control, dials, serve)
        finally:
            self._control = None
        if control.close_code not in _FAREWELLS and not self._stopping:
            self._drop()
        return trouble

    async def _obey(
        self, control: aiohttp.ClientWebSocketResponse[bool], dials: Supervisor, serve: MakeProtocol
    ) -> Trouble:
        log.info("link.up", hub=str(self._hub), agent=self._agent_id)
        self._trouble = None
        async for message in control:
            if message.type is not WSMsgType.TEXT:
                break  # the hub says nothing else: a ping was not answered
            try:
                order = DialOrder.model_validate_json(message.data)
            except ValidationError:
                return Trouble("what answers there is not a Batwa hub; check hub_url", is_slow=True)
            count = min(order.dial, MAX_DIALS - self._pending)
            self._pending += count
            for _ in range(count):
                dials.spawn(self._dial(order.token, serve), name="dial")
        return _ended(control.close_code)

    async def _dial(self, token: str, serve: MakeProtocol) -> None:
        try:
            for again_s in (*REDIAL_S, None):
                try:
                    async with self._slots, asyncio.timeout(DIAL_S):
                        return await self._connect(token, serve)
                except OSError as err:  # TimeoutError and ssl.SSLError are among them
                    log.warning(
                        "link.dial_failed", hub=str(self._hub), reason=str(err) or "no answer in time"
                    )
                if again_s is not None:
                    await asyncio.sleep(self._random.uniform(0, again_s))
        finally:
            self._pending -= 1

    async def _connect(self, token: str, serve: MakeProtocol) -> None:
        url = self._hub / "api/agent/dial" / token
        head = (
            f"GET {url.raw_path} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n"
            f"Connection: Upgrade\r\nUpgrade: {PROTOCOL}\r\nX-API-Key: {self._api_key}\r\n\r\n"
        )
        transport, dial = await asyncio.get_running_loop().create_connection(
            lambda: Dial(head.encode("latin-1"), serve), url.host or "", url.port or 0, ssl=await self._tls()
        )
        try:
            await dial.served
        except BaseException:
            transport.abort()
            raise
        self._served = {each for each in self._served if not each.is_closing()} | {transport}

    async def _tls(self) -> ssl.SSLContext | None:
        if self._hub.scheme != "https":
            return None
        if isinstance(self._trust.context, ssl.SSLContext):
            return self._trust.context
        if self._system is None:
            self._system = await asyncio.to_thread(client_context)
        return self._system

    def _drop(self) -> None:
        """What came the same way as a lost control socket is as dead, or about to be."""
        for transport in self._served:
            transport.abort()
        self._served.clear()

    def _refused(self, status: int) -> Trouble:
        match status:
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                reason = (
                    f"the hub refuses the API key for agent '{self._agent_id}' ({status}): make a key for it"
                    " at the hub and set it as BATWA_AGENT_API_KEY"
                )
            case HTTPStatus.NOT_FOUND:
                reason = "the hub knows no links (404); check hub_url, or update the hub"
            case HTTPStatus.BAD_GATEWAY | HTTPStatus.SERVICE_UNAVAILABLE | HTTPStatus.GATEWAY_TIMEOUT:
                return Trouble(f"the hub cannot be reached: what is in front of it answers {status}")
            case _:
                reason = (
                    f"the hub answered {status} instead of an upgrade; a proxy in front of it must pass on"
                    " the headers Upgrade and Connection (see docs/hub.md)"
                )
        return Trouble(reason, is_slow=True)

    def _note(self, trouble: Trouble) -> None:
        # one line when it begins and when it becomes another trouble, not one for each try
        if self._trouble != trouble and not self._stopping:
            log.warning("link.trouble", hub=str(self._hub), reason=trouble.reason)
        self._trouble = trouble


def _ended(close_code: int | None) -> Trouble:
    match close_code:
        case code if code == REPLACED:
            return Trouble(
                "another agent has linked with this id and key; if that is no old process of this one,"
                " give each machine a key of its own",
                is_slow=True,
            )
        case code if code in _FAREWELLS:
            return Trouble("the hub has closed the link: it is stopping", is_farewell=True)
        case code:
            return Trouble(f"the link was lost ({code})")
