"""Three hub processes on one database behind nginx, and people who use them without a pause."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

from .fleet import BIN, Daemon, Fleet, free_port
from .nginx import nginx
from .test_terminals import Screen, watch

HUBS = ("10.0.0.5:8000", "10.0.0.6:8000", "10.0.0.7:8000")
"""Their addresses in deploy/nginx/several.conf."""
ENOUGH_S = 180.0
"""On a machine that may be busy; nothing here is waited for by the clock."""


class Hubs(Fleet):
    """Three hubs and nginx before them: what has the fleet's `url` reaches any of them."""

    def __init__(self, directory: Path, database_url: str) -> None:
        super().__init__(directory)
        self.env |= {
            "BATWA_HUB_DATABASE_URL": database_url,
            "BATWA_HUB_AGENT__STALE_AFTER_S": "20",
            "BATWA_HUB_AGENT__CALL_TIMEOUT_S": "30",
        }
        ports = {address: free_port() for address in HUBS}
        self.urls = [f"http://127.0.0.1:{port}" for port in ports.values()]
        self.hubs = [self._daemon(n, port) for n, port in enumerate(ports.values())]
        self.nginx = nginx("several.conf", directory, self.port, ports)

    def _daemon(self, n: int, port: int) -> Daemon:
        home = self.directory / f"hub{n}"
        env = self.env | {"BATWA_HUB_DATA_DIR": str(home), "BATWA_HUB_PORT": str(port)}
        argv = [str(BIN / "batwa-hub"), "start", "--foreground"]
        return Daemon(argv, env, ready=f"http://127.0.0.1:{port}/readyz", log=self.directory / f"hub{n}.log")

    def __enter__(self) -> Self:
        key = self.directory / "hub0" / "secret.key"
        for n, hub in enumerate(self.hubs):
            if n:  # by the key file they know each other
                home = self.directory / f"hub{n}"
                home.mkdir(mode=0o700)
                (home / key.name).touch(0o600)
                (home / key.name).write_bytes(key.read_bytes())
            hub.start(wait=n == 0)
        for hub in self.hubs:
            hub.wait_until_ready()
        self.env |= {"BATWA_HUB_DATA_DIR": str(self.directory / "hub0")}
        self.nginx.start()
        self.add_agent("oslo", BATWA_AGENT_DRIVER__PARALLEL_LAUNCHES="4", BATWA_AGENT_LINK="true")
        return self

    def __exit__(self, *exc: object) -> None:
        self.nginx.stop()  # killed, it would leave its worker
        for daemon in [*self.agents.values(), *self.hubs]:
            daemon.kill()
        for holder in self.directory.glob("*/data/terminals/holder.sock"):
            holder.unlink()  # see `Fleet`


class Load:
    """People who create VMs, look at everything, and watch a terminal; what went wrong is noted."""

    def __init__(self, session: aiohttp.ClientSession, prefix: str) -> None:
        self._session, self._prefix = session, prefix
        self.acknowledged: dict[str, str] = {}
        """Operation by name of the VM."""
        self.failed: list[str] = []
        self.asked = 0
        self.over = asyncio.Event()

    async def first_vm(self) -> None:
        """Create one and wait until it runs."""
        vm = {"name": f"{self._prefix}-0", "agent_id": "oslo"}
        assert await self._ask("POST", "/api/vm/create", json=vm), self.failed

    async def create(self) -> None:
        while not self.over.is_set():
            name = f"{self._prefix}-{len(self.acknowledged) + 1}"
            vm, headers = {"name": name, "agent_id": "oslo"}, {"Prefer": "respond-async"}
            told = await self._ask("POST", "/api/vm/create", json=vm, headers=headers)
            if told is not None:
                self.acknowledged[name] = told["id"]
                await self._follow(told["id"])

    async def _follow(self, operation_id: str) -> None:
        told: dict[str, Any] | None = {"state": "queued", "revision": 0}
        while told is not None and told["state"] in {"queued", "running"} and not self.over.is_set():
            path = f"/api/operations/{operation_id}?wait_s=5&after_revision={told['revision']}"
            told = await self._ask("GET", path)

    async def look(self) -> None:
        while not self.over.is_set():
            await self._ask("GET", "/api/vm/list")
            await self._ask("GET", "/api/terminals")  # which asks the agent, through whoever has its link
            await asyncio.sleep(0.05)

    async def open(self) -> None:
        """Open terminals, which is never asked twice."""
        while not self.over.is_set():
            await self._ask("POST", "/api/terminals", json={"vm_name": f"{self._prefix}-0", "linger_s": 1})
            await asyncio.sleep(0.5)

    async def watch(self, screen: Screen, terminal_id: str) -> None:
        """Attach again, where it was left, whenever the viewer is closed."""
        while not self.over.is_set():
            if await screen.take() or self.over.is_set():
                continue
            self.asked += 1
            try:
                again = await watch(self._session, f"terminal_id={terminal_id}&offset={screen.offset}")
            except aiohttp.ClientError as err:
                self.failed.append(f"viewer: {err!r}")
            else:
                screen.socket = again.socket

    async def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any] | None:
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
    async with hubs.admin() as session:
        load = Load(session, prefix)
        async with asyncio.TaskGroup() as tasks:
            try:
                await load.first_vm()
                for work in (load.create(), load.look(), load.open()):
                    _ = tasks.create_task(work)
                await until(lambda: len(load.acknowledged) >= 2)
                yield load
                enough = len(load.acknowledged) + 2
                await until(lambda: len(load.acknowledged) >= enough)
            finally:
                load.over.set()
        await all_done(session, load)


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(ENOUGH_S):
        while not what():
            await asyncio.sleep(0.05)


async def all_done(session: aiohttp.ClientSession, load: Load) -> None:
    """Everything that was acknowledged is done, once."""
    for name, operation in load.acknowledged.items():
        path, told = f"/api/operations/{operation}?wait_s=5&after_revision=999999", {"state": "queued"}
        async with asyncio.timeout(ENOUGH_S):
            while told["state"] in {"queued", "running"}:
                told = await (await session.get(path)).json()
        assert told["state"] == "succeeded", (name, told)
    listed = [vm["name"] for vm in (await (await session.get("/api/vm/list")).json())["vms"]]
    assert sorted(name for name in listed if name in load.acknowledged) == sorted(load.acknowledged)
