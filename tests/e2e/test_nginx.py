"""Hub and linked agent with nginx between them, set up by the file that administrators are given."""

import asyncio
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from .fleet import PASSWORD, Daemon, Fleet, clean_environment, free_port
from .test_contract import get, post, read_until

GIVEN = (Path(__file__).parents[2] / "deploy" / "nginx" / "batwa.conf").read_text()
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


def configuration(directory: Path, hub_port: int, port: int) -> str:
    """Return nginx's configuration: the given file but for its certificate, and what surrounds it.

    Its workers must be able to write answers into *directory*, which is the user's who runs the tests.
    """
    lines = [line for line in GIVEN.splitlines() if not re.match(r"    (listen|ssl_|server_name)", line)]
    given = "\n".join(lines).replace("server {", f"server {{ listen 127.0.0.1:{port};")
    temporary = [
        f"{kind}_temp_path {directory}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    ]
    return "\n".join(
        (
            f"{'user root;' if os.geteuid() == 0 else ''} daemon off; pid {directory}/nginx.pid;",
            "error_log stderr; events {}",
            f"http {{ access_log off; {' '.join(temporary)}",
            given.replace("127.0.0.1:8000", f"127.0.0.1:{hub_port}"),
            "}",
        )
    )


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    directory, port = tmp_path_factory.mktemp("nginx"), free_port()
    url = f"http://127.0.0.1:{port}"
    with Fleet(directory) as fleet:
        file = directory / "nginx.conf"
        file.write_text(configuration(directory, fleet.port, port))
        nginx = Daemon(
            ["nginx", "-p", str(directory), "-c", str(file)],
            clean_environment(),
            ready=f"{url}/readyz",
            log=directory / "nginx.log",
        )
        nginx.start()
        try:
            fleet.add_agent("oslo", BATWA_AGENT_LINK="true", BATWA_AGENT_HUB_URL=url)
            yield Proxied(fleet, nginx, url)
        finally:
            nginx.stop()


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
        proxied.nginx.kill()
        proxied.nginx.start()
        async with asyncio.timeout(20):
            while (await session.get("/api/vm/info/far")).status != 200:
                await asyncio.sleep(0.1)
        agent = (await get(session, "/api/agent/info/oslo"))["agent"]
        assert (agent["connection"], agent["status"]) == ("linked", "online")
