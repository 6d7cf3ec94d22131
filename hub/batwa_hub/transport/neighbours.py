"""Agents that are linked to another process of this hub, called through it.

That process copies bytes between us and a connection that the agent has dialled; from there on HTTP,
WebSockets and backpressure are as if the agent were linked here. What an agent dials may come to any
process too, which copies bytes between it and the one that has asked for it.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from weakref import WeakSet

import structlog
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from cryptography.fernet import InvalidToken, MultiFernet
from yarl import URL

from batwa_common.busy_poll import BusyPoll
from batwa_common.errors import NotAuthenticated, NotFound
from batwa_common.web.dial import Dial, MakeProtocol
from batwa_common.web.tcp import keep_alive
from batwa_common.wire.link import PROTOCOL
from batwa_hub.services.processes import Process

from .link import SWITCH, process_of
from .links import Links
from .splice import Splice

log = structlog.stdlib.get_logger(__name__)

PROCESS_HEADER = "X-Batwa-Process"
THROUGH_HEADER = "X-Batwa-Through"
"""The process through which a dialled connection comes."""
PROOF_S = 30
"""How long a proof is good for: long enough for clocks that are a little apart."""
DIAL_S = 5.0
"""How long a process may take to open a connection."""
AGAIN_S = 0.25
"""Pause before an agent is looked for again that no process has."""
GRACE_S = 10.0
"""How long carried connections that are in use may take when this process stops."""


class Neighbours:
    """The way to agents through the hub's other processes, and theirs through this one.

    Args:
        links: Of this process.
        others: Tells which other processes live.
        process_id: Tells the id of this one.
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
        process_id: Callable[[], str],
        relink_s: float,
        tls: ssl.SSLContext,
    ) -> None:
        self._links = links
        self._others = others
        self._process_id = process_id
        self._cipher = cipher
        self._relink_s = relink_s
        self._tls = tls
        self._busy_poll = BusyPoll()
        self._last: dict[str, str] = {}
        self._carried: set[Splice] = set()
        self._carries_nothing = asyncio.Event()
        self._carries_nothing.set()
        self._through: defaultdict[str, WeakSet[ResponseHandler]] = defaultdict(WeakSet)

    @property
    def carries(self) -> int:
        """How many connections pass through this process for another."""
        return len(self._carried)

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

    def forget(self, process_id: str) -> Iterable[ResponseHandler]:
        """Return the connections through a process that stops, or is dead."""
        return self._through.pop(process_id, ())

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
        splice = Splice(self._busy_poll)
        try:
            far = splice.join(request, SWITCH)
        except OSError:
            upstream.abort()
            raise
        upstream.set_protocol(far)
        far.connection_made(upstream)
        await self._carry(request, splice)

    async def dialled(self, request: web.Request, agent_id: str, token: str) -> None:
        """Take the connection of *request*, dialled for the link of *token*, to the process that has it.

        Returns at once if that is this one, else when either end has closed. Raises `NotFound`.
        """
        if (process := self._find(process_of(token))) is None:
            connection = self._links.accept(agent_id, token, request)
            if (through := self._find(request.headers.get(THROUGH_HEADER, ""))) is not None:
                self._through[through.id].add(connection)
            return
        splice, path = Splice(self._busy_poll), f"api/agent/dial/{token}"
        headers = {THROUGH_HEADER: self._process_id(), "X-API-Key": request.headers["X-API-Key"]}
        try:
            await self._open(process, path, headers, lambda: splice.join(request, SWITCH))
        except (OSError, TimeoutError) as err:
            raise NotFound("that link has ended, and its connections with it") from err
        await self._carry(request, splice)

    async def stop(self, known: Awaitable[None]) -> None:
        """Wait until nothing is carried any more, for `GRACE_S` at most, and end what is.

        The others, once they have *known*, close what they do not use: a request of theirs may be under way.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await known
                await self._carries_nothing.wait()
        for splice in list(self._carried):
            splice.abort()

    async def _carry(self, request: web.Request, splice: Splice) -> None:
        keep_alive(request.transport)
        self._carried.add(splice)
        self._carries_nothing.clear()
        try:
            await splice.carry()
        finally:
            self._carried.discard(splice)
            if not self._carried:
                self._carries_nothing.set()

    def _find(self, process_id: str) -> Process | None:
        return next((each for each in self._others() if each.url and each.id == process_id), None)

    def _in_order(self, agent_id: str) -> list[Process]:
        """Return the others, first the one that had the agent last."""
        last = self._last.get(agent_id)
        return sorted((each for each in self._others() if each.url), key=lambda each: each.id != last)

    async def _dial(self, process: Process, agent_id: str) -> ResponseHandler:
        connection = ResponseHandler(asyncio.get_running_loop())
        proof = self._cipher.encrypt(_meaning(agent_id)).decode()
        path = f"api/process/dial/{agent_id}"
        await self._open(process, path, {PROCESS_HEADER: proof}, lambda: connection)
        self._last[agent_id] = process.id
        self._through[process.id].add(connection)
        return connection

    async def _open(
        self, process: Process, path: str, headers: Mapping[str, str], serve: MakeProtocol
    ) -> None:
        """Open a connection to another process and give it to what *serve* makes. Raises OSError."""
        url = URL(process.url or "") / path
        lines = [f"GET {url.raw_path} HTTP/1.1", f"Host: {url.host_port_subcomponent}"]
        lines += ["Connection: Upgrade", f"Upgrade: {PROTOCOL}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        async with asyncio.timeout(DIAL_S):
            transport, dial = await asyncio.get_running_loop().create_connection(
                lambda: Dial(head, serve),
                url.host or "",
                url.port or 0,
                ssl=self._tls if url.scheme == "https" else None,
            )
            try:
                await dial.served
            except BaseException:
                transport.abort()
                raise


def _meaning(agent_id: str) -> bytes:
    return f"batwa: one process of a hub to another, for {agent_id}".encode()
