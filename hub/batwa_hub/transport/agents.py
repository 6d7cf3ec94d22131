"""The hub's HTTP calls to one agent that speaks our protocol."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
from pydantic import TypeAdapter
from yarl import URL

from batwa_common.errors import (
    AgentMisbehaved,
    AgentTimeout,
    AgentUnreachable,
    BatwaError,
)
from batwa_common.wire.documented import VmInfoAnswer, VmList
from batwa_common.wire.link import linked_id
from batwa_common.wire.operation import Operation, SubmitOperation
from batwa_common.wire.vm import Vm, VmCommand, VmInfo

from .far import MAX_REFUSAL_BYTES, Answer, Far

_OPERATION = TypeAdapter(Operation)
_INFO = TypeAdapter(VmInfoAnswer)
_LIST = TypeAdapter(VmList)

INFO_WAIT_S = 30.0
"""What asking a machine's Multipass may take, by the agent's own deadline."""


class AgentHttp(Far):
    """One agent's address, and its key.

    Args:
        session: Shared by all agents; pools per host.
        agent_id: For messages.
        url: `http://host:port`.
        api_key: Gives what is sent as `X-API-Key`; asked at each call, so that a new key is used at once.
        timeout_s: How long the agent may take to answer, on top of what a call waits for.
    """

    unreachable, misbehaved, timed_out = AgentUnreachable, AgentMisbehaved, AgentTimeout
    program = "batwa-agent"

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        agent_id: str,
        url: str,
        api_key: Callable[[], Awaitable[str]],
        timeout_s: float,
    ) -> None:
        super().__init__(session, who=f"agent {agent_id!r}", url=url, timeout_s=timeout_s)
        self.agent_id = agent_id
        self._api_key = api_key

    async def exchange(
        self, method: str, url: URL, *, body: bytes, headers: Mapping[str, str], within_s: float
    ) -> Answer:
        """Send one request with the agent's key."""
        keyed = {**headers, "X-API-Key": await self._api_key()}
        return await self.send(method, url, body=body, headers=keyed, within_s=within_s)

    @asynccontextmanager
    async def upgraded(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a WebSocket with the agent's key."""
        keyed = {**headers, "X-API-Key": await self._api_key()}
        async with self.opening(self.url.with_path(path).with_query(query), keyed) as answer:
            yield answer

    @asynccontextmanager
    async def streaming(self, path: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET something long with the agent's key, to be read while the block runs; *path* is encoded."""
        headers = {"X-API-Key": await self._api_key()}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=self.timeout_s)
        try:
            url = self.url.with_path(path, encoded=True)
            async with self.session.get(
                url, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                if answer.status != HTTPStatus.OK:
                    raise self.failure(answer.status, await answer.content.read(MAX_REFUSAL_BYTES))
                yield answer
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as err:
            raise self.unreached() from err
        except (aiohttp.ClientError, TimeoutError) as err:
            raise self.timed_out(f"{self.who} broke off in the middle") from err

    def unreached(self) -> BatwaError:
        """Return that the request did not get there, and by which way it should have."""
        if linked_id(str(self.url)) is None:
            return super().unreached()
        return AgentUnreachable(
            f"{self.who} is not linked; see that batwa-agent runs there and reaches the hub"
        )

    def refusal(self) -> BatwaError:
        """Return that the agent has another key."""
        return AgentMisbehaved(f"{self.who} refused the hub's key; start it with the key it registered with")


class NativeAgent:
    """An `AgentPort` for agents of this project."""

    def __init__(self, http: AgentHttp) -> None:
        self._http = http

    async def submit(self, operation_id: str, command: VmCommand, *, requested_by: str) -> Operation:
        """`PUT /api/operations/{id}`"""
        body = SubmitOperation(command=command, requested_by=requested_by).model_dump_json().encode()
        return await self._http.call("PUT", f"/api/operations/{operation_id}", _OPERATION, body=body)

    async def get_operation(self, operation_id: str, *, after_revision: int, wait_s: float) -> Operation:
        """`GET /api/operations/{id}?after_revision=&wait_s=`"""
        query = {"after_revision": str(after_revision), "wait_s": str(wait_s)}
        path = f"/api/operations/{operation_id}"
        return await self._http.call("GET", path, _OPERATION, query=query, wait_s=wait_s)

    async def cancel_operation(self, operation_id: str) -> Operation:
        """`DELETE /api/operations/{id}`"""
        return await self._http.call("DELETE", f"/api/operations/{operation_id}", _OPERATION)

    async def get_vm(self, name: str) -> VmInfo:
        """`GET /api/vm/info/{name}`"""
        return (
            await self._http.call("GET", f"/api/vm/info/{quote(name, safe='')}", _INFO, wait_s=INFO_WAIT_S)
        ).info

    async def list_vms(self) -> tuple[Vm, ...]:
        """`GET /api/vm/list`"""
        return (await self._http.call("GET", "/api/vm/list", _LIST, wait_s=INFO_WAIT_S)).vms
