"""A hub and agents as real processes on loopback, each with its own directory, to be used and abused."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import aiohttp

from batwa_common.tls import unverified_context

BIN = Path(sys.executable).parent
PASSWORD = "correct horse battery staple"
READY_S = 40.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _answers(url: str) -> bool:
    try:
        context = unverified_context()
        with urllib.request.urlopen(url, timeout=2, context=context) as answer:  # noqa: S310 -- loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def clean_environment() -> dict[str, str]:
    """Return this process's, without settings of ours, and without the public's CAs.

    No test calls anybody there, and reading them takes a tenth of a daemon's start.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BATWA_", "MULTIPASS_SIM_"))}
    return inherited | {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}


class Daemon:
    """One of our processes: started, killed and started again, always with the same settings."""

    def __init__(self, argv: list[str], env: dict[str, str], *, ready: str, log: Path) -> None:
        self._argv = argv
        self.env = env
        self.ready = ready
        self._log = log
        self._out: IO[bytes] | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        self._out = self._log.open("ab")
        self.process = subprocess.Popen(
            self._argv, env=self.env, stdout=self._out, stderr=self._out, start_new_session=True
        )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            assert self.process and self.process.poll() is None, self.log_text()
            if _answers(self.ready):
                return
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.log_text()}")

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")[-6000:]

    def kill(self) -> None:
        """Kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return self._end(signal.SIGTERM)

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def _end(self, number: int) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"did not stop: {self.log_text()}") from None
        status = self.process.returncode
        self.process = None
        if self._out:
            self._out.close()
        return status


class Fleet:
    """A hub and as many agents as asked for."""

    def __init__(self, directory: Path, *, tls: bool = False) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.env = clean_environment() | {
            "BATWA_HUB_DATA_DIR": str(directory / "hub"),
            "BATWA_HUB_PORT": str(self.port),
            "BATWA_HUB_ADMIN_PASSWORD": PASSWORD,
            "BATWA_HUB_TLS__MODE": "auto" if tls else "off",
            "BATWA_HUB_AGENT__STALE_AFTER_S": "3",
            "BATWA_HUB_AGENT__CALL_TIMEOUT_S": "5",
            "BATWA_HUB_LIMIT__CALLER_PER_MINUTE": "0",
        }
        self.hub = Daemon(
            [str(BIN / "batwa-hub"), "start", "--foreground"],
            self.env,
            ready=f"{self.url}/readyz",
            log=directory / "hub.log",
        )
        self.agents: dict[str, Daemon] = {}

    def __enter__(self) -> Self:
        try:
            self.hub.start()
        except BaseException:
            self.hub.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for daemon in [*self.agents.values(), self.hub]:
            if daemon.process and daemon.process.poll() is None:
                daemon.signal(signal.SIGCONT)
            daemon.kill()
        for holder in self.directory.glob("*/data/terminals/holder.sock"):
            holder.unlink()  # a holder of terminals whose socket is gone hangs them up and ends

    def make_key(self, name: str, agent_id: str | None = None) -> str:
        """Ask the hub for a key; this takes no process, as the hub's own command would."""
        context = urllib.request.HTTPSHandler(context=unverified_context())
        admin = urllib.request.build_opener(context, urllib.request.HTTPCookieProcessor())
        self._post(admin, "/api/auth/login", {"username": "admin", "password": PASSWORD})
        key: str = self._post(admin, "/api/agent/keys", {"name": name, "agent_id": agent_id})["api_key"]
        return key

    def _post(self, opener: urllib.request.OpenerDirector, path: str, body: object) -> Any:
        request = urllib.request.Request(self.url + path, json.dumps(body).encode())  # noqa: S310 -- loopback
        request.add_header("Content-Type", "application/json")
        with opener.open(request, timeout=READY_S) as answer:
            return json.load(answer)

    def add_agent(self, agent_id: str, *, ready: str = "/readyz", wait: bool = True, **more: str) -> Daemon:
        """Start an agent on a machine of its own (a simulator home), and wait until *ready* answers."""
        home, port = self.directory / agent_id, free_port()
        home.mkdir(exist_ok=True)
        env = clean_environment() | {
            "BATWA_AGENT_AGENT_ID": agent_id,
            "BATWA_AGENT_HUB_URL": self.url,
            "BATWA_AGENT_API_KEY": self.make_key(agent_id, agent_id),
            "BATWA_AGENT_HOSTNAME": f"{agent_id}-host",
            "BATWA_AGENT_PORT": str(port),
            "BATWA_AGENT_DATA_DIR": str(home / "data"),
            "BATWA_AGENT_HEARTBEAT_INTERVAL_S": "0.5",
            "BATWA_AGENT_MULTIPASS": str(BIN / "multipass-sim"),
            "MULTIPASS_SIM_HOME": str(home / "sim"),
            "MULTIPASS_SIM_LAUNCH_S": "0.6",
        }
        self.agents[agent_id] = Daemon(
            [str(BIN / "batwa-agent"), "run"],
            env | more,
            ready=f"http://127.0.0.1:{port}{ready}",
            log=home / "agent.log",
        )
        self.agents[agent_id].start(wait=wait)
        return self.agents[agent_id]

    def bundle(self) -> str:
        """The CAs to believe, where the hub has its own."""
        return (self.directory / "hub" / "tls" / "ca.pem").read_text()

    def faults(self, agent_id: str, **faults: object) -> None:
        """Switch the simulator's faults on that machine; none given switches all off."""
        file = self.directory / agent_id / "sim" / "faults.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".tmp")
        partial.write_text(json.dumps(faults))
        partial.rename(file)

    async def mend(self) -> None:
        """Make it as it was: every fault off, every daemon up, every agent online, no VM."""
        for agent in self.agents:
            self.faults(agent)
        for daemon in (self.hub, *self.agents.values()):
            if daemon.process is None or daemon.process.poll() is not None:
                daemon.kill()  # what ended by itself is tidied up after
                daemon.start()
            daemon.signal(signal.SIGCONT)
        async with asyncio.timeout(READY_S), self.admin() as admin:
            while not await self._all_are_online(admin):
                await asyncio.sleep(0.1)
            async with admin.get("/api/vm/list") as listed:
                vms = (await listed.json())["vms"]
            for vm in vms:
                await self._purge(admin, {"name": vm["name"], "agent_id": vm["agent_id"], "purge": True})

    async def _purge(self, admin: aiohttp.ClientSession, vm: dict[str, Any]) -> None:
        while True:
            async with admin.post("/api/vm/delete", json=vm) as answer:
                if answer.status == 200:
                    return
                told = await answer.json()
            assert told["code"] == "driver-unavailable", told
            await asyncio.sleep(0.1)  # until the agent looks again, every 2 s, it refuses

    async def _all_are_online(self, admin: aiohttp.ClientSession) -> bool:
        async with admin.get("/api/agent/list") as listed:
            statuses = {each["agent_id"]: each["status"] for each in await listed.json()}
        return all(statuses.get(agent) == "online" for agent in self.agents)

    def session(self) -> aiohttp.ClientSession:
        """A client that keeps cookies, but no connection: what it talks to may be killed meanwhile."""
        return aiohttp.ClientSession(
            self.url,
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # loopback addresses may have cookies
            connector=aiohttp.TCPConnector(force_close=True),
        )

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with self.session() as session:
            answer = await session.post("/api/auth/login", json={"username": "admin", "password": PASSWORD})
            assert answer.status == 200, await answer.text()
            yield session


@contextlib.contextmanager
def fleet_of(directory: Path, *agents: str, linked: Collection[str] = ()) -> Iterator[Fleet]:
    with Fleet(directory) as fleet:
        for agent in agents:
            fleet.add_agent(agent, wait=False, BATWA_AGENT_LINK=str(agent in linked))
        for agent in agents:
            fleet.agents[agent].wait_until_ready()
        yield fleet
