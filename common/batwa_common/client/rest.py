"""`RESTClient`: a hub, as an object."""

import ssl
from types import TracebackType
from typing import Self

from .accounts import AccountMethods
from .agents import AgentMethods
from .audit import AuditMethods
from .events import EventMethods
from .http import REQUEST_TIMEOUT_S, Http, Identity
from .peers import PeerMethods
from .remote import RemoteVmMethods
from .retries import Backoff
from .terminals import TerminalMethods
from .vms import VmMethods

DEFAULT_URL = "http://localhost:8000"


class RESTClient(
    VmMethods,
    RemoteVmMethods,
    PeerMethods,
    AgentMethods,
    EventMethods,
    TerminalMethods,
    AccountMethods,
    AuditMethods,
):
    """A hub. Use it as `async with RESTClient(…) as client`, or call `close` when done.

    Failures are the exceptions of `batwa_common.errors`, one class per code, each with `status` and
    `request_id`. Reads are asked again when the hub cannot be reached, and so is work, which carries
    an idempotency key; nothing else is.

    Args:
        base_url: The hub, `http://host:port`.
        token: An API token; it wins over the rest.
        username: Whom to log in as, at the first request and again when the session has ended.
        password: With *username*.
        session_id: A session that exists already.
        timeout_s: How long an ordinary answer may take, in seconds; waiting for work is not counted.
        retries: How often to ask again; 0 never.
        tls: For hubs whose certificate the system does not trust.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        session_id: str | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
        retries: int = Backoff.tries,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        identity = Identity(token=token, session_id=session_id, username=username, password=password)
        super().__init__(
            Http(base_url, identity, timeout_s=timeout_s, backoff=Backoff(tries=retries), tls=tls)
        )

    @property
    def base_url(self) -> str:
        """The hub."""
        return self._http.base

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
