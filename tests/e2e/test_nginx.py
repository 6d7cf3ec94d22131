"""Hub and linked agent with nginx between them, set up by the file that administrators are given."""

import asyncio
import signal
from collections.abc import Iterator
from typing import NamedTuple

import aiohttp
import pytest

from .fleet import PASSWORD, Daemon, Fleet, free_port
from .nginx import nginx
from .test_contract import get, post, read_until

pytestmark = pytest.mark.timeout(120)


class Proxied(NamedTuple):
    """A fleet whose agent and people come by nginx."""

    fleet: Fleet
    nginx: Daemon
    url: str

    async def admin(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(force_close=True)
        session = aiohttp.ClientSession(
            self.url, cookie_jar=aiohttp.CookieJar(unsafe=True), connector=connector
        )
        await post(session, "/api/auth/login", {"username": "admin", "password": PASSWORD})
        return session


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    directory, port = tmp_path_factory.mktemp("nginx"), free_port()
    url = f"http://127.0.0.1:{port}"
    with Fleet(directory) as fleet:
        proxy = nginx("batwa.conf", directory, port, {"127.0.0.1:8000": fleet.port})
        proxy.start()
        try:
            fleet.add_agent("oslo", BATWA_AGENT_LINK="true", BATWA_AGENT_HUB_URL=url)
            yield Proxied(fleet, proxy, url)
        finally:
            proxy.stop()


async def test_terminals_and_calls_travel_through_nginx_and_its_reload(proxied: Proxied) -> None:
    async with await proxied.admin() as session:
        await post(session, "/api/vm/create", {"name": "far", "agent_id": "oslo"})
        async with session.ws_connect("/ws?vm_name=far") as terminal:
            await read_until(terminal, b"$ ")
            proxied.nginx.signal(signal.SIGHUP)
            await terminal.send_str("echo a-$((40+2))\n")
            await read_until(terminal, b"a-42")
        done = await post(session, "/api/vm/far/exec", {"command": ["head", "-c", "3000000", "/dev/zero"]})
        assert done["exit_code"] == 0


async def test_the_agent_is_back_after_nginx_was(proxied: Proxied) -> None:
    async with await proxied.admin() as session:
        proxied.nginx.stop()  # at once; killed, it would leave a worker that serves on
        proxied.nginx.start()
        async with asyncio.timeout(20):
            while (await session.get("/api/vm/info/far")).status != 200:
                await asyncio.sleep(0.1)
        agent = (await get(session, "/api/agent/info/oslo"))["agent"]
        assert (agent["connection"], agent["status"]) == ("linked", "online")
