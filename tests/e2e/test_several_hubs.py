"""Three hub processes on one database behind nginx, under load, and one of them is killed."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from tests.postgres import server as postgres_server

from .fleet import BIN, PASSWORD, Daemon, Fleet, clean_environment, free_port

pytestmark = pytest.mark.timeout(500)  # three hubs that start six times, on a machine that may be busy
HUBS = 3


NGINX = """daemon off; pid {directory}/nginx.pid; error_log stderr; {user} events {{}}
http {{
    access_log off; {temporary}
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    upstream hubs {{ {servers} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://hubs;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 1h;
            proxy_next_upstream error timeout;
        }}
    }}
}}"""
"""As docs/scaling.md has it: whoever does not take a connection is passed over."""


class Hubs(Fleet):
    """Three hubs and nginx before them: what has the fleet's `url` reaches any of them."""

    def __init__(self, directory: Path, database_url: str) -> None:
        super().__init__(directory)
        self.env |= {"BATWA_HUB_DATABASE_URL": database_url, "BATWA_HUB_AGENT__STALE_AFTER_S": "20"}
        self.ports = [free_port() for _ in range(HUBS)]
        self.hubs = [self._daemon(n, port) for n, port in enumerate(self.ports)]
        file = directory / "nginx.conf"
        file.write_text(self._balancing())
        argv = ["nginx", "-e", "stderr", "-p", str(directory), "-c", str(file)]
        self.nginx = Daemon(
            argv, clean_environment(), ready=f"{self.url}/healthz", log=directory / "nginx.log"
        )

    def _balancing(self) -> str:
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        return NGINX.format(
            directory=self.directory,
            user="user root;" if os.geteuid() == 0 else "",
            temporary=" ".join(f"{kind}_temp_path {self.directory}/{kind};" for kind in kinds),
            servers=" ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in self.ports),
            port=self.port,
        )

    def _daemon(self, n: int, port: int) -> Daemon:
        home = self.directory / f"hub{n}"
        env = self.env | {"BATWA_HUB_DATA_DIR": str(home), "BATWA_HUB_PORT": str(port)}
        argv = [str(BIN / "batwa-hub"), "start", "--foreground"]
        return Daemon(argv, env, ready=f"http://127.0.0.1:{port}/readyz", log=self.directory / f"hub{n}.log")

    def __enter__(self) -> Self:
        for n, hub in enumerate(self.hubs):
            if n:  # by the key file they know each other
                home = self.directory / f"hub{n}"
                home.mkdir(mode=0o700)
                (home / "secret.key").touch(0o600)
                (home / "secret.key").write_bytes((self.directory / "hub0" / "secret.key").read_bytes())
            hub.start()
        self.env |= {"BATWA_HUB_DATA_DIR": str(self.directory / "hub0")}
        self.nginx.start()
        self.add_agent("oslo", BATWA_AGENT_DRIVER__PARALLEL_LAUNCHES="4", BATWA_AGENT_LINK="true")
        return self

    def __exit__(self, *exc: object) -> None:
        for daemon in [*self.agents.values(), self.nginx, *self.hubs]:
            daemon.kill()


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hubs]:
    directory = tmp_path_factory.mktemp("hubs")
    with postgres_server() as postgres, Hubs(directory, postgres.new_database()) as hubs:
        yield hubs


class Load:
    """People who create VMs and look at them, all the time; what was acknowledged is noted."""

    def __init__(self, session: aiohttp.ClientSession, prefix: str) -> None:
        self._session, self._prefix = session, prefix
        self.acknowledged: dict[str, str] = {}
        """Operation by name of the VM."""
        self.failed: list[str] = []
        self.asked = 0
        self.over = asyncio.Event()

    async def create(self) -> None:
        while not self.over.is_set():
            name = f"{self._prefix}-{len(self.acknowledged)}"
            vm, headers = (
                {"name": name, "agent_id": "oslo"},
                {"Prefer": "respond-async", "Idempotency-Key": name},
            )
            told = await self._ask("POST", "/api/vm/create", json=vm, headers=headers)
            if told is not None:
                self.acknowledged[name] = told["id"]
            await asyncio.sleep(0.3)

    async def look(self) -> None:
        while not self.over.is_set():
            await self._ask("GET", "/api/vm/list")
            await self._ask("GET", "/api/terminals")  # which asks the agent, through whoever has its link
            await asyncio.sleep(0.02)

    async def _ask(self, method: str, path: str, **more: Any) -> dict[str, str] | None:
        self.asked += 1
        try:
            async with self._session.request(method, path, **more) as answer:
                if answer.status < 400 and (told := await answer.json()) and not told.get("unanswered"):
                    return dict(told)
                self.failed.append(f"{method} {path}: {answer.status} {await answer.text()}")
        except aiohttp.ClientError as err:
            self.failed.append(f"{method} {path}: {err!r}")
        return None


@asynccontextmanager
async def load(hubs: Hubs, prefix: str) -> AsyncIterator[Load]:
    async with hubs.session() as session:
        login = {"username": "admin", "password": PASSWORD}
        assert (await session.post("/api/auth/login", json=login)).status == 200
        load = Load(session, prefix)
        async with asyncio.TaskGroup() as tasks:
            for work in (load.create(), load.look(), load.look()):
                _ = tasks.create_task(work)
            try:
                await until(lambda: len(load.acknowledged) >= 3)
                yield load
                enough = len(load.acknowledged) + 3
                await until(lambda: len(load.acknowledged) >= enough)
            finally:
                load.over.set()
        await all_done(session, load)


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(180):
        while not what():
            await asyncio.sleep(0.05)


async def all_done(session: aiohttp.ClientSession, load: Load) -> None:
    """Everything that was acknowledged is done, once."""
    for name, operation in load.acknowledged.items():
        path, told = f"/api/operations/{operation}?wait_s=5&after_revision=999999", {"state": "queued"}
        async with asyncio.timeout(180):
            while told["state"] in {"queued", "running"}:
                told = await (await session.get(path)).json()
        assert told["state"] == "succeeded", (name, told)
    listed = [vm["name"] for vm in (await (await session.get("/api/vm/list")).json())["vms"]]
    assert sorted(name for name in listed if name in load.acknowledged) == sorted(load.acknowledged)


async def test_killing_one_of_three_loses_nothing_that_was_acknowledged(hubs: Hubs) -> None:
    async with load(hubs, "killed") as users:
        hubs.hubs[1].kill()
    await asyncio.to_thread(hubs.hubs[1].start)
    assert len(users.failed) < users.asked / 2, users.failed[:5]
