"""What is wrong on the path from Multipass through this machine to the hub, and how to mend it."""

import asyncio
import shutil
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
from pydantic import ValidationError
from yarl import URL

from batwa_common.findings import Finding, Wrong, found
from batwa_common.settings import SettingsError
from batwa_common.wire.agent import AgentSelf

from .driver import Driver
from .settings import Settings
from .trust import Trust

_BROKEN = (OSError, aiohttp.ClientError)
"""What it looks like when the network does not bear a check."""
SKEW_S = 30.0
"""How far the clocks of hub and machine may be apart."""
LEAST_FREE_BYTES = 1 << 30
ANSWER_BYTES = 64 << 10


class Doctor:
    """Checks one machine's settings and surroundings; changes nothing.

    Args:
        settings: Of the agent.
        driver: Its Multipass.
    """

    def __init__(self, settings: Settings, driver: Driver) -> None:
        self._settings = settings
        self._driver = driver
        self._trust = Trust(settings.ca)
        self._hub = URL(settings.hub_url or "")
        self._date: str | None = None

    async def examine(self) -> list[Finding]:
        """Return a finding for each check. On the way to the hub what follows a problem is skipped."""
        findings = [await found("multipass", self.multipass), await found("disk", self.disk)]
        broken: str | None = None
        for name, check in self._path():
            if broken is not None:
                findings.append(Finding(name, "skipped", f"needs {broken}"))
                continue
            findings.append(await found(name, check, broken=_BROKEN))
            if findings[-1].state == "problem" and name != "time":
                broken = name
        return findings

    def _path(self) -> list[tuple[str, Callable[[], Awaitable[str]]]]:
        return [
            ("name", self.name),
            ("tcp", self.tcp),
            ("tls", self.tls),
            ("hub", self.hub),
            ("time", self.time),
            ("key", self.key),
            ("upgrade", self.upgrade),
        ]

    async def multipass(self) -> str:
        """Multipass is there and answers."""
        status = await self._driver.status()
        if status.problem is not None:
            raise Wrong(status.problem, "Install Multipass, or name the program in BATWA_AGENT_MULTIPASS.")
        kind = "simulated VMs" if status.simulated else "real VMs"
        return f"{self._settings.multipass}, version {status.version or 'unknown'}, {kind}"

    async def disk(self) -> str:
        """The agent's directory can hold what it has to keep."""
        directory = self._settings.data_dir
        try:
            await asyncio.to_thread(directory.mkdir, mode=0o700, parents=True, exist_ok=True)
            free = (await asyncio.to_thread(shutil.disk_usage, directory)).free
        except OSError as err:
            mend = "Run it as the agent's user, or set data_dir to a directory of yours."
            raise Wrong(f"{directory} cannot be used: {err.strerror}", mend) from err
        if free < LEAST_FREE_BYTES:
            raise Wrong(f"{directory} has {free >> 20} MiB left", "Make room, or set data_dir elsewhere.")
        return f"{directory} has {free / (1 << 30):.0f} GiB left"

    async def name(self) -> str:
        """The hub's name leads to an address."""
        if not self._hub.host:
            raise Wrong("hub_url is not set", "Join a hub: batwa-agent join TOKEN.")
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(self._hub.host, self._hub.port, type=socket.SOCK_STREAM)
        except OSError as err:
            mend = "Correct hub_url, or this machine's DNS or /etc/hosts."
            raise Wrong(f"nobody knows {self._hub.host}: {err.strerror}", mend) from err
        return f"{self._hub.host} is {', '.join(sorted({str(each[4][0]) for each in found}))}"

    async def tcp(self) -> str:
        """Something listens there."""
        try:
            _, writer = await asyncio.open_connection(self._hub.host, self._hub.port)
        except ConnectionRefusedError as err:
            mend = "Start the hub; have it listen on that address (its setting `host`) and port."
            raise Wrong(f"nothing listens at {self._hub.host}:{self._hub.port}", mend) from err
        except OSError as err:
            mend = "Look at the route and the firewalls between this machine and the hub."
            raise Wrong(f"{self._hub.host}:{self._hub.port} cannot be reached: {err.strerror}", mend) from err
        writer.close()
        return f"{self._hub.host}:{self._hub.port} accepts connections"

    async def tls(self) -> str:
        """What listens there shows a certificate that is believed."""
        if self._hub.scheme != "https":
            return "not used: hub_url begins with http://"
        try:
            await self._trust.load()
        except SettingsError as err:
            raise Wrong(str(err), "Join again: batwa-agent join TOKEN.") from err
        context = self._trust.context
        try:
            _, writer = await asyncio.open_connection(self._hub.host, self._hub.port, ssl=context)
        except ssl.SSLCertVerificationError as err:
            pinned = "The hub has another CA: join again with a new token. If nobody changed it, ask who did."
            public = "Set `ca` to the CA of the hub's certificate, or correct the certificate."
            mend = public if self._settings.ca is None else pinned
            raise Wrong(f"its certificate is not believed: {err.verify_message}", mend) from err
        except ssl.SSLError as err:
            mend = "If the hub serves plain HTTP, hub_url begins with http://; else correct the port."
            raise Wrong(f"no TLS is spoken there ({err.reason})", mend) from err
        connection = writer.get_extra_info("ssl_object")
        writer.close()
        believed = "the system's CAs" if self._settings.ca is None else str(self._settings.ca)
        return f"{connection.version()}, believed because of {believed}"

    async def hub(self) -> str:
        """What answers is a hub, and can do its work."""
        try:
            status, _ = await self._get("/readyz")
        except aiohttp.ClientError as err:
            mend = "If the hub serves HTTPS, hub_url begins with https://; else see what listens there."
            raise Wrong(f"no HTTP is spoken there ({type(err).__name__})", mend) from err
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise Wrong("the hub is not ready", "Look into its log, or at its /readyz.")
        if status != HTTPStatus.OK:
            raise Wrong(f"/readyz answers {status}", "Correct hub_url: that is another server, or a proxy.")
        return f"{self._hub} is ready"

    async def time(self) -> str:
        """The clocks agree."""
        try:
            skew_s = time.time() - parsedate_to_datetime(self._date or "").timestamp()
        except ValueError:
            return "the hub's proxy does not tell the time"
        if abs(skew_s) > SKEW_S:
            ahead = "ahead of" if skew_s > 0 else "behind"
            mend = "Set the clock of whichever is wrong: timedatectl set-ntp true."
            raise Wrong(f"this clock is {abs(skew_s):.0f} s {ahead} the hub's", mend)
        return f"within {SKEW_S:g} s of the hub's clock"

    async def key(self) -> str:
        """The hub knows this agent by its key."""
        again = "Join again: batwa-agent join TOKEN, with a token of `batwa agent add`."
        if self._settings.api_key is None:
            raise Wrong("api_key is not set", again)
        status, body = await self._get("/api/agent/self")
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise Wrong("the hub does not know this key, or has revoked it", again)
        try:
            me = AgentSelf.model_validate_json(body)
        except ValidationError as err:
            raise Wrong(f"/api/agent/self answers {status}", "See that the hub is as new as this.") from err
        if me.agent_id not in {None, self._settings.agent_id}:
            mend = f"Set agent_id = {me.agent_id!r}, or join again."
            raise Wrong(f"the key is agent {me.agent_id!r}'s, not {self._settings.agent_id!r}'s", mend)
        if not me.approved:
            return f"known; waits for an administrator: batwa agent approve {me.agent_id}"
        return f"the hub knows {self._settings.agent_id!r}"

    async def upgrade(self) -> str:
        """WebSockets get through whatever is between."""
        try:
            async with self._session() as session, session.ws_connect(self._at("/api/agent/probe")) as socket:
                await socket.receive_str()
        except (aiohttp.ClientError, TypeError) as err:
            mend = "Have the proxy pass on Upgrade and Connection; deploy/nginx has a file that does."
            raise Wrong("something between here and the hub lets no WebSocket through", mend) from err
        return "WebSockets get through"

    async def _get(self, path: str) -> tuple[int, bytes]:
        async with self._session() as session, session.get(self._at(path), allow_redirects=False) as answer:
            self._date = answer.headers.get("Date")
            return answer.status, await answer.content.read(ANSWER_BYTES)

    def _session(self) -> aiohttp.ClientSession:
        key = self._settings.api_key
        headers = {"X-API-Key": key.get_secret_value()} if key is not None else {}
        connector = aiohttp.TCPConnector(ssl=self._trust.context)
        return aiohttp.ClientSession(headers=headers, connector=connector)

    def _at(self, path: str) -> URL:
        return self._hub.with_path(path)
