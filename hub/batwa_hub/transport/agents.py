"""The hub's HTTP calls to one agent that speaks our protocol."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import quote

import aiohttp
from pydantic import TypeAdapter, ValidationError
from yarl import URL

from batwa_common.errors import (
    AgentMisbehaved,
    AgentTimeout,
    AgentUnreachable,
    BatwaError,
    Conflict,
    InvalidRequest,
    NotFound,
)
from batwa_common.wire.base import Wire
from batwa_common.wire.documented import VmInfoAnswer, VmList
from batwa_common.wire.operation import Operation, SubmitOperation
from batwa_common.wire.vm import Vm, VmCommand, VmInfo

T = TypeVar("T")

MAX_ANSWER_BYTES = 8 << 20
"""No answer of an agent is longer; a list of 10,000 VMs is about 2 MiB."""

_OPERATION = TypeAdapter(Operation)
_INFO = TypeAdapter(VmInfoAnswer)
_LIST = TypeAdapter(VmList)

INFO_WAIT_S = 30.0
"""What asking a machine's Multipass may take, by the agent's own deadline."""


class _Told(Wire):
    """An error body of either documented kind; ours has all three."""

    code: str = ""
    detail: str = ""
    error: str = ""


_BY_STATUS: dict[int, type[BatwaError]] = {400: InvalidRequest, 404: NotFound, 409: Conflict}
"""What the errors of agents mean that only speak the documented API, and give no code."""


class AgentHttp:
    """One agent's address, its key, and what its failures mean.

    Args:
        session: Shared by all agents; pools per host.
        agent_id: For messages.
        url: `http://host:port`.
        api_key: Gives what is sent as `X-API-Key`; asked at each call, so that a new key is used at once.
        timeout_s: How long the agent may take to answer, on top of what a call waits for.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        agent_id: str,
        url: str,
        api_key: Callable[[], Awaitable[str]],
        timeout_s: float,
    ) -> None:
        self.session = session
        self.agent_id = agent_id
        self.url = URL(url)
        self._api_key = api_key
        self._timeout_s = timeout_s

    async def headers(self) -> dict[str, str]:
        """Return what authenticates the hub to the agent."""
        return {"X-API-Key": await self._api_key()}

    async def call(
        self,
        method: str,
        path: str,
        shape: TypeAdapter[T],
        *,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        wait_s: float = 0,
    ) -> T:
        """Make one request and return its answer as *shape*. Raises as `AgentPort` says."""
        headers = {**await self.headers(), "Content-Type": "application/json"}
        url = self.url.with_path(path, encoded=True).with_query(query)
        try:
            async with (
                asyncio.timeout(self._timeout_s + wait_s),
                self.session.request(
                    method, url, data=body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                text = await _bounded(answer)
        except aiohttp.ClientConnectorError as err:
            raise AgentUnreachable(
                f"agent {self.agent_id!r} cannot be reached at {self.url}; see that batwa-agent runs there"
            ) from err
        except TimeoutError as err:
            raise AgentTimeout(f"agent {self.agent_id!r} did not answer in time") from err
        except (aiohttp.ClientError, ConnectionError) as err:
            raise AgentTimeout(f"agent {self.agent_id!r} broke off before it answered") from err
        if answer.status >= 400:
            raise self.failure(answer.status, text)
        try:
            return shape.validate_json(text)
        except ValidationError as err:
            raise self._misbehaved(answer.status) from err

    def failure(self, status: int, text: bytes) -> BatwaError:
        """Return the error that an answer of *status* with body *text* tells."""
        if status in {401, 403}:
            return AgentMisbehaved(
                f"agent {self.agent_id!r} refused the hub's key; start it with the key it registered with"
            )
        try:
            told = _Told.model_validate_json(text)
        except ValidationError:
            return self._misbehaved(status)
        if not (sentence := told.detail or told.error):
            return self._misbehaved(status)
        known = BatwaError.by_code.get(told.code) or _BY_STATUS.get(status)
        if known is None or known is BatwaError:
            return AgentMisbehaved(f"agent {self.agent_id!r} failed: {sentence}")
        return known(sentence)

    def _misbehaved(self, status: int) -> AgentMisbehaved:
        return AgentMisbehaved(
            f"agent {self.agent_id!r} answered with status {status} and something that is not the protocol; "
            "see what listens at its api_url"
        )


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise aiohttp.ClientPayloadError("the answer is too long")
    return bytes(body)


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
