"""One hub over HTTP: where it is, who asks, how long an answer may take, what is asked twice."""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Hashable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar, cast
from urllib.parse import quote

import aiohttp
from pydantic import TypeAdapter, ValidationError
from yarl import URL

from batwa_common.errors import (
    BatwaError,
    HubMisbehaved,
    HubNotTrusted,
    HubUnreachable,
    InvalidRequest,
    NotAuthenticated,
)
from batwa_common.wire.base import utc_now

from .failures import failure
from .retries import Backoff, may_ask_again, read_retry_after

T = TypeVar("T")

REQUEST_TIMEOUT_S = 30.0
"""How long an ordinary answer may take."""
CONNECT_TIMEOUT_S = 10.0
MAX_PROBLEM_BYTES = 64 << 10
COOKIE = "session_id"


@functools.cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


@dataclass(frozen=True)
class Answer:
    """A success."""

    status: int
    body: bytes
    url: str
    request_id: str | None
    location: str | None = None
    """Where to go on, if the answer tells."""

    def read(self, shape: type[T]) -> T:
        """Return the body as *shape*. Raises `HubMisbehaved`."""
        try:
            value: T = _adapter(cast("Hashable", shape)).validate_json(self.body)
        except ValidationError as err:
            wrong = HubMisbehaved(f"{self.url} answered what a Batwa hub does not; check the address")
            wrong.request_id = self.request_id
            raise wrong from err
        return value


@dataclass(frozen=True)
class Identity:
    """As whom to ask: a token, else a session that exists, else a login made when it is needed."""

    token: str | None = None
    session_id: str | None = None
    username: str | None = None
    password: str | None = None

    @property
    def can_log_in(self) -> bool:
        """Whether there is a password to log in with."""
        return self.token is None and self.username is not None and self.password is not None


def path_of(*segments: str) -> str:
    """Return the path of *segments*, each of which stays one segment. Raises `InvalidRequest`."""
    for segment in segments:
        if segment in {"", ".", ".."}:
            raise InvalidRequest(f"{segment!r} names nothing")
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


class Http:
    """What all the client's methods share.

    Args:
        base_url: The hub, `http://host:port`, with a path if it lives below one.
        identity: As whom to ask.
        timeout_s: How long an ordinary answer may take.
        backoff: How often and how soon to ask again.
        tls: For hubs whose certificate the system does not trust.
    """

    def __init__(
        self,
        base_url: str,
        identity: Identity,
        *,
        timeout_s: float,
        backoff: Backoff,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.base = _checked(base_url)
        self._identity = identity
        self._timeout_s = timeout_s
        self._backoff = backoff
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._logging_in = asyncio.Lock()
        self._logged_in = False

    @property
    def session_id(self) -> str | None:
        """The session's id, if there was a login."""
        if self._session is None:
            return None
        cookie = self._session.cookie_jar.filter_cookies(URL(self.base)).get(COOKIE)
        return cookie.value if cookie is not None and cookie.value else None

    async def ask(self, shape: type[T], method: str, path: str, **more: Any) -> T:
        """Send a request and return the answer as *shape*; the arguments are those of `send`."""
        return (await self.send(method, path, **more)).read(shape)

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Send a request, again if that is safe and may help, and return the success.

        When the hub says when to come again, that is waited for if it is within *timeout_s* of the first try.
        *path* is already encoded; None in *query* is left out. Raises the class of the failure's code,
        `HubUnreachable`, `HubMisbehaved`.
        """
        headers = dict(headers or {})
        repeatable = method == "GET" or "Idempotency-Key" in headers
        url = self._url(path, query)
        timeout = aiohttp.ClientTimeout(total=timeout_s or self._timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        once = functools.partial(self._once, method, url, json=body, headers=headers, timeout=timeout)
        clock = asyncio.get_running_loop().time
        ends_s = clock() + (timeout_s or self._timeout_s)
        for pause_s in self._backoff.pauses():
            try:
                return await once()
            except BatwaError as err:
                wait_s = max(pause_s, err.retry_after_s or 0.0)
                too_long = err.retry_after_s is not None and clock() + wait_s > ends_s
                if too_long or not may_ask_again(err, repeatable=repeatable):
                    raise
            await asyncio.sleep(wait_s)
        return await once()

    @asynccontextmanager
    async def stream(
        self, path: str, *, headers: Mapping[str, str], silence_s: float
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Open an answer that goes on; more than *silence_s* without a byte ends it. Asks once."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=silence_s)
        with _told_as_ours(self.base):
            session = await self._ready()
            async with session.get(self._url(path), headers=dict(headers), timeout=timeout) as response:
                yield response.content

    async def connect(self, path: str, query: Mapping[str, object]) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket. Raises like `send`; asks once."""
        with _told_as_ours(self.base):
            session = await self._ready()
            async with asyncio.timeout(self._timeout_s):
                return await session.ws_connect(self._url(path, query), compress=0)

    async def login(self, username: str, password: str, code: str | None = None) -> Answer:
        """Log in; the session's cookie is kept for what follows."""
        await self.close()
        self._identity = Identity()
        answer = await self._plain_login(username, password, code)
        self._identity = Identity(username=username, password=password)
        self._logged_in = True
        return answer

    async def forget(self) -> None:
        """Forget who asks."""
        await self.close()
        self._identity = Identity()

    async def close(self) -> None:
        """Close the connections. The next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            self._logged_in = False

    async def _once(self, method: str, url: URL, **request: Any) -> Answer:
        with _told_as_ours(self.base):
            session = await self._ready()
            try:
                return await _exchange(session, method, url, **request)
            except NotAuthenticated:
                if not self._identity.can_log_in:
                    raise
            self._logged_in = False  # the session has ended meanwhile
            return await _exchange(await self._ready(), method, url, **request)

    async def _ready(self) -> aiohttp.ClientSession:
        session = self._open()
        if self._identity.can_log_in and not self._logged_in:
            async with self._logging_in:
                if not self._logged_in:
                    await self._plain_login(self._identity.username or "", self._identity.password or "")
                    self._logged_in = True
        return session

    async def _plain_login(self, username: str, password: str, code: str | None = None) -> Answer:
        body = {"username": username, "password": password} | ({"code": code} if code else {})
        timeout = aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        with _told_as_ours(self.base):
            url = self._url("/api/auth/login")
            return await _exchange(self._open(), "POST", url, json=body, timeout=timeout)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is not None:
            return self._session
        headers = {}
        if self._identity.token is not None:
            headers["Authorization"] = f"Bearer {self._identity.token}"
        jar = aiohttp.CookieJar(unsafe=True)  # hubs are often named by address
        if self._identity.session_id is not None:
            jar.update_cookies({COOKIE: self._identity.session_id}, URL(self.base))
        connector = aiohttp.TCPConnector(ssl=self._tls if self._tls is not None else True)
        self._session = aiohttp.ClientSession(
            headers=headers, cookie_jar=jar, connector=connector, raise_for_status=_refuse
        )
        return self._session

    def _url(self, path: str, query: Mapping[str, object] | None = None) -> URL:
        asked = {key: str(value) for key, value in (query or {}).items() if value is not None}
        return URL(self.base + path, encoded=True).with_query(asked or None)


async def _exchange(session: aiohttp.ClientSession, method: str, url: URL, **request: Any) -> Answer:
    async with session.request(method, url, allow_redirects=False, **request) as response:
        request_id = response.headers.get("X-Request-Id")
        location = response.headers.get("Location")
        return Answer(response.status, await response.read(), str(url), request_id, location)


async def _refuse(response: aiohttp.ClientResponse) -> None:
    """Raise what the answer tells, unless it is a success; aiohttp calls this for WebSockets as well."""
    if response.status < HTTPStatus.MULTIPLE_CHOICES:
        return
    body = await response.content.read(MAX_PROBLEM_BYTES)
    where = response.headers.get("Location")
    url = f"{response.url} (which points to {where})" if where else str(response.url.with_query(None))
    raise failure(
        response.status,
        body,
        url=url,
        request_id=response.headers.get("X-Request-Id"),
        retry_after_s=read_retry_after(response.headers.get("Retry-After"), now=utc_now()),
    )


@contextmanager
def _told_as_ours(base: str) -> Iterator[None]:
    """Turn what aiohttp raises into `HubUnreachable`, keeping it as the cause."""
    try:
        yield
    except TimeoutError as err:
        raise HubUnreachable(f"the hub at {base} did not answer in time") from err
    except aiohttp.ClientConnectorCertificateError as err:
        raise HubNotTrusted(
            f"the certificate of {base} is not believed: {err.certificate_error}; if the hub has a CA of its"
            " own, or a new one, log in again and compare it with what `batwa-hub ca show` prints"
        ) from err
    except aiohttp.ClientConnectorError as err:
        raise HubUnreachable(f"the hub at {base} cannot be reached: {err.os_error}") from err
    except aiohttp.ClientError as err:
        hung_up = base.startswith("http:") and isinstance(err, aiohttp.ServerDisconnectedError)
        perhaps = "; if the hub serves HTTPS, log in at https://…" if hung_up else ""
        raise HubUnreachable(
            f"the connection to {base} broke: {str(err) or type(err).__name__}{perhaps}"
        ) from err


def _checked(base_url: str) -> str:
    url = URL(base_url)
    if url.scheme not in {"http", "https"} or not url.host or url.user or url.query_string:
        raise InvalidRequest(f"{base_url!r} is not a hub's address; write it like https://hub.example:8000")
    return str(url).rstrip("/")
