"""Whole hubs in one process, on loopback, and hands that tamper with what they say to each other."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import CookieJar, TCPConnector, web
from aiohttp.test_utils import TestClient, TestServer

from batwa_common.tls import unverified_context
from batwa_hub.app import make_app
from batwa_hub.hub import Hub, running
from batwa_hub.settings import Settings
from batwa_hub.transport.signing import SCHEME

from .conftest import PASSWORD
from .fleet_fakes import beat, register, vm


class Served(NamedTuple):
    """A hub that listens, and its administrator."""

    hub: Hub
    admin: TestClient[web.Request, web.Application]

    @property
    def id(self) -> str:
        return self.hub.p2p.own.id

    @property
    def url(self) -> str:
        scheme = "http" if self.hub.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.hub.p2p.port}"

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = await self.admin.request(method, path, json=body)
        assert answer.status == status, await answer.text()
        return await answer.json()


@asynccontextmanager
async def hub_at(
    directory: Path, name: str, *, started: bool = True, tls: bool = False, database_url: str | None = None
) -> AsyncIterator[Served]:
    """A hub of that name with its data in *directory*, with P2P services started but nothing announced."""
    given: dict[str, Any] = {
        "data_dir": directory,
        "admin_password": PASSWORD,
        "p2p": {"name": name, "discovery": False},
        "tls": {"mode": "auto" if tls else "off"},
        "database_url": database_url,
    }
    given["agent"] = {"call_timeout_s": 5}
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(running(await asyncio.to_thread(Settings.load, given)))
        await hub.accounts.add_first(PASSWORD)
        server = TestServer(make_app(hub), host="127.0.0.1", scheme="https" if tls else "http")
        await server.start_server(ssl=hub.tls.context if hub.tls else None)
        connector = TCPConnector(ssl=unverified_context())
        client = TestClient(server, cookie_jar=CookieJar(unsafe=True), connector=connector)
        await stack.enter_async_context(client)
        hub.p2p.port = client.port
        served = Served(hub, client)
        await served.ask("POST", "/api/auth/login", {"username": "admin", "password": PASSWORD})
        if started:
            await served.ask("POST", "/api/p2p/start")
        yield served


async def pair(maker: Served, typist: Served, *, role: str = "operator", back: str = "operator") -> None:
    """Pair two hubs: the typist gets *role* at the maker, which gets *back* at the typist."""
    made = await maker.ask("POST", "/api/p2p/pairing-codes", {"role": role})
    body = {"address": maker.url, "code": made["code"], "role": back}
    await typist.ask("POST", "/api/p2p/pair", body)


async def with_vms(served: Served, *names: str, agent_id: str = "local") -> dict[str, str]:
    """Give a hub an agent with these VMs; returns the agent's headers."""
    headers = await register(served.admin, agent_id, features=("inventory", "operations"))
    vms = [vm(name).model_dump(mode="json") for name in names]
    inventory = {"epoch": "e", "revision": 1, "vms": vms}
    await beat(served.admin, agent_id, headers, inventory)
    return headers


def signed(
    sender: Served, receiver: Served, method: str, path: str, body: bytes = b"", **more: Any
) -> Mapping[str, str]:
    """Return the header of a request that *sender* signs for *receiver*."""
    sent = sender.hub.signatures.sign_request(receiver.id, method, path, body, **more)
    return {"Authorization": f"{SCHEME} {sent.token}"}
