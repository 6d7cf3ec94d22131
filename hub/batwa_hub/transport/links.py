"""The links of all agents that dial this hub, and the connector by which calls travel through them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from weakref import WeakSet, WeakValueDictionary

import aiohttp
import structlog
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from batwa_common.errors import NotFound
from batwa_common.wire.link import linked_id

from .link import Control, Link

log = structlog.stdlib.get_logger(__name__)

CLOSE_S = 2.0
"""How long an agent may take to answer a close."""
MESSAGE_BYTES = 4096


class Links:
    """Links by agent. A link is here while its control socket or a call for it holds it.

    Args:
        heartbeat_s: Time between pings; the answer may take half as long.
        relink_s: How long a call waits for a link that is away.
        process_id: Tells the id of this process.
    """

    def __init__(
        self, *, heartbeat_s: float, relink_s: float, process_id: Callable[[], str] = lambda: ""
    ) -> None:
        self._heartbeat_s = heartbeat_s
        self._relink_s = relink_s
        self._process_id = process_id
        self._links: WeakValueDictionary[str, Link] = WeakValueDictionary()

    def __len__(self) -> int:
        """How many agents are linked to this process."""
        return sum(link.is_up for link in self._links.values())

    def is_up(self, agent_id: str) -> bool:
        """Whether *agent_id* is linked to this process."""
        link = self._links.get(agent_id)
        return link is not None and link.is_up

    async def hold(self, agent_id: str, request: web.Request) -> Control:
        """Make *request* the control socket of an agent, until it ends."""
        control = Control(
            timeout=CLOSE_S, heartbeat=self._heartbeat_s, compress=False, max_msg_size=MESSAGE_BYTES
        )
        await control.prepare(request)
        log.info("link.up", agent=agent_id, remote=request.remote)
        await self._link(agent_id).hold(control)
        return control

    def accept(self, agent_id: str, token: str, request: web.Request) -> ResponseHandler:
        """Take over the connection of *request* for calls to an agent. Raises `NotFound`."""
        if (link := self._links.get(agent_id)) is None:
            raise NotFound(f"agent {agent_id!r} is not linked")
        return link.accept(token, request)

    async def connect(self, agent_id: str, within_s: float | None) -> ResponseHandler:
        """Return a fresh connection to an agent. Raises OSError; see `Link.take`."""
        return await self._link(agent_id).take(within_s)

    async def stop(self) -> None:
        """Say farewell to every agent: the hub is stopping. What is in use goes on."""
        await asyncio.gather(*(link.close() for link in list(self._links.values())))

    def _link(self, agent_id: str) -> Link:
        if (link := self._links.get(agent_id)) is None:
            link = Link(agent_id, relink_s=self._relink_s, process_id=self._process_id())
            self._links[agent_id] = link
        return link


Connect = Callable[[str, float | None], Awaitable[ResponseHandler]]
"""Returns a fresh connection to the agent of that id, within so many seconds. Raises OSError."""


class LinkConnector(aiohttp.TCPConnector):
    """Reaches `http://AGENT_ID.link` by that agent's link, and every other address by TCP.

    `_create_connection` and `_acquired` are private to aiohttp, the same from 3.8 to 3.14;
    tests/hub/test_link.py and tests/hub/test_processes.py hold them to what this needs.
    """

    def __init__(self, connect: Connect, **options: Any) -> None:
        super().__init__(**options)
        self._connect_link = connect
        self._waiting: WeakSet[ResponseHandler] = WeakSet()

    def let_go(self, connections: Iterable[ResponseHandler]) -> None:
        """Use none of *connections* again: those in use end with their answer, the others now.

        Who only waits for news (`wait_s`) is cut off as well, and asks again another way.
        """
        for connection in list(connections):
            connection.force_close()
            if connection not in self._acquired or connection in self._waiting:
                connection.close()

    async def connect(self, req: aiohttp.ClientRequest, *more: Any, **named: Any) -> Connection:
        """Return a connection for *req*, pooled or new."""
        connection = await super().connect(req, *more, **named)
        if (protocol := connection.protocol) is not None:
            self._waiting.discard(protocol)
            if "wait_s" in req.url.query:
                self._waiting.add(protocol)
        return connection

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: Any, times: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        """Open a connection for *req*; its failures are those of a dialled one."""
        # the URL's host as it was written: ids may differ by case alone
        agent_id = linked_id(f"{req.url.scheme}://{req.url.raw_authority}")
        if agent_id is None:
            return await super()._create_connection(req, traces, times)
        try:
            return await self._connect_link(agent_id, times.sock_connect)
        except OSError as err:
            raise aiohttp.ClientConnectorError(req.connection_key, err) from err
