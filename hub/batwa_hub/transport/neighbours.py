"""Agents that are linked to another process of this hub, called through it.

That process copies bytes between us and a connection that the agent has dialled; from there on HTTP,
WebSockets and backpressure are as if the agent were linked here.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from weakref import WeakSet

import structlog
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from cryptography.fernet import InvalidToken, MultiFernet
from yarl import URL

from batwa_common.errors import NotAuthenticated, NotFound
from batwa_common.web.dial import Dial
from batwa_common.web.tcp import keep_alive
from batwa_common.wire.link import PROTOCOL
from batwa_hub.services.processes import Process

from .link import SWITCH
from .links import Links
from .splice import Splice

log = structlog.stdlib.get_logger(__name__)

PROCESS_HEADER = "X-Batwa-Process"
PROOF_S = 30
"""How long a proof is good for: long enough for clocks that are a little apart."""
DIAL_S = 5.0
"""How long a process may take to open a connection."""
AGAIN_S = 0.25
"""Pause before an agent is looked for again that no process has."""
QUIET_S = 2.0
"""Silence after which, while this process stops, a carried connection counts as waiting for its next use."""
GRACE_S = 10.0
"""How long carried connections that are in use may take when this process stops."""


class Neighbours:
    """The way to agents through the hub's other processes, and theirs through this one.

    Args:
        links: Of this process.
        others: Tells which other processes live.
        cipher: Of the key file that they share; who can use it is one of them.
        relink_s: How long a call waits for an agent that is linked nowhere.
        tls: What HTTPS of the others is checked with.
    """

    def __init__(
        self,
        links: Links,
        others: Callable[[], Sequence[Process]],
        cipher: MultiFernet,
        *,
        relink_s: float,
        tls: ssl.SSLContext,
    ) -> None:
        self._links = links
        self._others = others
        self._cipher = cipher
        self._relink_s = relink_s
        self._tls = tls
        self._last: dict[str, str] = {}
        self._carried: set[Splice] = set()
        self._through: defaultdict[str, WeakSet[ResponseHandler]] = defaultdict(WeakSet)

    async def connect(self, agent_id: str, within_s: float | None) -> ResponseHandler:
        """Return a fresh connection to an agent, wherever it is linked. Raises OSError."""
        deadline_s = asyncio.get_running_loop().time() + self._relink_s
        while not self._links.is_up(agent_id) and (others := self._in_order(agent_id)):
            for process in others:
                with suppress(OSError, TimeoutError):
                    return await self._dial(process, agent_id)
            if asyncio.get_running_loop().time() >= deadline_s:
                raise ConnectionRefusedError("the agent is linked to no process of this hub")
            await asyncio.sleep(AGAIN_S)
        return await self._links.connect(agent_id, within_s)

    def forget(self, process_id: str) -> None:
        """Use each connection through a process once more at most: it stops, or is dead."""
        for connection in self._through.pop(process_id, ()):
            connection.force_close()

    def admit(self, proof: str, agent_id: str) -> None:
        """Return if *proof* shows that another process asks for that agent. Raises `NotAuthenticated`."""
        try:
            good = self._cipher.decrypt(proof.encode(), ttl=PROOF_S) == _meaning(agent_id)
        except (InvalidToken, UnicodeEncodeError):
            good = False
        if not good:
            raise NotAuthenticated("This is for the hub's other processes; they share its secret.key.")

    async def carry(self, request: web.Request, agent_id: str) -> None:
        """Give the connection of *request* to an agent linked here, until either end closes it.

        Raises `NotFound` if it is not linked, or does not dial in time.
        """
        if not self._links.is_up(agent_id):
            raise NotFound(f"agent {agent_id!r} is not linked to this process")
        try:
            connection = await self._links.connect(agent_id, DIAL_S)
        except OSError as err:
            raise NotFound(f"agent {agent_id!r} has gone") from err
        if (upstream := connection.transport) is None:
            raise NotFound(f"agent {agent_id!r} has gone")
        keep_alive(request.transport)
        splice = Splice()
        self._carried.add(splice)
        try:
            await splice.carry(request, upstream, SWITCH)
        finally:
            self._carried.discard(splice)

    async def stop(self) -> None:
        """End what is carried: at once where nothing passes, and `GRACE_S` from now at the latest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                while self._carried:
                    for splice in [each for each in self._carried if each.quiet_s > QUIET_S]:
                        splice.abort()
                    await asyncio.sleep(AGAIN_S)
        for splice in list(self._carried):
            splice.abort()

    def _in_order(self, agent_id: str) -> list[Process]:
        """Return the others, first the one that had the agent last."""
        last = self._last.get(agent_id)
        return sorted((each for each in self._others() if each.url), key=lambda each: each.id != last)

    async def _dial(self, process: Process, agent_id: str) -> ResponseHandler:
        loop, url = asyncio.get_running_loop(), URL(process.url or "") / "api/process/dial" / agent_id
        proof = self._cipher.encrypt(_meaning(agent_id)).decode()
        head = (
            f"GET {url.raw_path} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n"
            f"Connection: Upgrade\r\nUpgrade: {PROTOCOL}\r\n{PROCESS_HEADER}: {proof}\r\n\r\n"
        )
        connection = ResponseHandler(loop)
        async with asyncio.timeout(DIAL_S):
            transport, dial = await loop.create_connection(
                lambda: Dial(head.encode("latin-1"), lambda: connection),
                url.host or "",
                url.port or 0,
                ssl=self._tls if url.scheme == "https" else None,
            )
            try:
                await dial.served
            except BaseException:
                transport.abort()
                raise
        self._last[agent_id] = process.id
        self._through[process.id].add(connection)
        return connection


def _meaning(agent_id: str) -> bytes:
    return f"batwa: one process of a hub to another, for {agent_id}".encode()
