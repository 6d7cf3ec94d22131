"""One daemon at the far end of HTTP: where it is, what proves who calls, and what its failures mean."""

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from typing import ClassVar, NamedTuple, TypeVar

import aiohttp
from pydantic import TypeAdapter, ValidationError
from yarl import URL

from batwa_common.errors import BatwaError, Conflict, InvalidRequest, NotFound
from batwa_common.wire.base import Wire

T = TypeVar("T")

MAX_ANSWER_BYTES = 8 << 20
"""No answer is longer; a list of 10,000 VMs is about 2 MiB."""
MAX_REFUSAL_BYTES = 64 << 10
"""Read of an answer that refuses a WebSocket."""


class Answer(NamedTuple):
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Told(Wire):
    """An error body of either documented kind; ours has all three."""

    code: str = ""
    detail: str = ""
    error: str = ""


_BY_STATUS: dict[int, type[BatwaError]] = {400: InvalidRequest, 404: NotFound, 409: Conflict}
"""What errors mean that only speak the documented API, and give no code."""


class Far(ABC):
    """A daemon that is called over HTTP.

    Args:
        session: Shared by all; pools per host.
        who: Names it in messages, for instance `agent 'oslo'`.
        url: `http://host:port`.
        timeout_s: How long it may take to answer, on top of what a call waits for.
    """

    unreachable: ClassVar[type[BatwaError]]
    misbehaved: ClassVar[type[BatwaError]]
    timed_out: ClassVar[type[BatwaError]]
    program: ClassVar[str]
    """What runs there, for the advice in messages."""

    def __init__(self, session: aiohttp.ClientSession, *, who: str, url: str, timeout_s: float) -> None:
        self.session = session
        self.who = who
        self.url = URL(url, encoded=True)  # as written: the case of an agent's id matters in its link
        self.timeout_s = timeout_s

    @abstractmethod
    async def exchange(
        self, method: str, url: URL, *, body: bytes, headers: Mapping[str, str], within_s: float
    ) -> Answer:
        """Send one request with proof of who calls, and return the answer if it may be believed."""

    @abstractmethod
    def upgraded(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Open a WebSocket there, for as long as the block runs; see `opening`."""

    @abstractmethod
    def refusal(self) -> BatwaError:
        """Return what it means that the far end does not accept who we are."""

    async def believed(self) -> ssl.SSLContext | bool:
        """Return whose certificates are believed; True for those that the system's CAs vouch for."""
        return True

    async def call(
        self,
        method: str,
        path: str,
        shape: TypeAdapter[T],
        *,
        body: bytes = b"",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        wait_s: float = 0,
    ) -> T:
        """Make one request and return its answer as *shape*; *path* is percent-encoded already."""
        url = self.url.with_path(path, encoded=True).with_query(query)
        sent = {"Content-Type": "application/json", **(headers or {})}
        answer = await self.exchange(method, url, body=body, headers=sent, within_s=self.timeout_s + wait_s)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise self.failure(answer.status, answer.body)
        try:
            return shape.validate_json(answer.body)
        except ValidationError as err:
            raise self._no_protocol(answer.status) from err

    async def send(
        self, method: str, url: URL, *, body: bytes, headers: Mapping[str, str], within_s: float
    ) -> Answer:
        """Make one request as it is given; failures of the network become named errors."""
        try:
            async with (
                asyncio.timeout(within_s),
                self.session.request(
                    method,
                    url,
                    data=body or None,
                    headers=headers,
                    ssl=await self.believed(),
                    allow_redirects=False,
                ) as answer,
            ):
                return Answer(answer.status, answer.headers, await _bounded(answer))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as err:
            raise self.unreached() from err
        except TimeoutError as err:
            raise self.timed_out(f"{self.who} did not answer in time") from err
        except (aiohttp.ClientError, ConnectionError) as err:
            raise self.timed_out(f"{self.who} broke off before it answered") from err

    @asynccontextmanager
    async def opening(self, url: URL, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a WebSocket as it is asked for; yields the 101, raises what any other answer tells."""
        asked = {**headers, "Connection": "Upgrade", "Upgrade": "websocket"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
        try:
            async with self.session.get(
                url, headers=asked, timeout=timeout, ssl=await self.believed(), allow_redirects=False
            ) as answer:
                if answer.status != HTTPStatus.SWITCHING_PROTOCOLS:
                    raise self.failure(answer.status, await answer.content.read(MAX_REFUSAL_BYTES))
                yield answer
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as err:
            raise self.unreached() from err
        except (aiohttp.ClientError, TimeoutError) as err:
            raise self.timed_out(f"{self.who} did not open the terminal") from err

    def failure(self, status: int, text: bytes) -> BatwaError:
        """Return the error that an answer of *status* with body *text* tells."""
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return self.refusal()
        if (told := _told(text)) is None:
            return self._no_protocol(status)
        code, sentence = told
        known = BatwaError.by_code.get(code) or _BY_STATUS.get(status)
        if known is None or known is BatwaError:
            return self.misbehaved(f"{self.who} failed: {sentence}")
        return known(sentence)

    def unreached(self) -> BatwaError:
        """Return that the request did not get there."""
        return self.unreachable(
            f"{self.who} cannot be reached at {self.url}; see that {self.program} runs there"
        )

    def _no_protocol(self, status: int) -> BatwaError:
        return self.misbehaved(
            f"{self.who} answered with status {status} and something that is not the protocol; "
            f"see what listens at {self.url}"
        )


def _told(text: bytes) -> tuple[str, str] | None:
    """Return code and sentence of an error body; None if it is none."""
    try:
        told = _Told.model_validate_json(text)
    except ValidationError:
        return None
    sentence = told.detail or told.error
    return (told.code, sentence) if sentence else None


def sentence_of(text: bytes) -> str:
    """Return what an error body says; empty if it says nothing."""
    told = _told(text)
    return told[1] if told else ""


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise aiohttp.ClientPayloadError("the answer is too long")
    return bytes(body)
