"""Two machines in one: network namespaces joined by a cable, and a hub with an agent in each."""

import asyncio
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp

from batwa_common.tls import unverified_context

from .fleet import BIN, PASSWORD, READY_S, Daemon, clean_environment

_CLONE_NEWNET = 0x40000000
PORT = 8000


def run(*argv: str) -> None:
    """Run a program. Raises OSError with what it says if it fails."""
    done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(argv)}: {done.stdout.strip()}")


class Namespace:
    """One network namespace with one address."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address

    def socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Make a socket that is in this namespace, whoever uses it afterwards."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/proc/self/ns/net").open() as home, Path(f"/run/netns/{self.name}").open() as there:
            if libc.setns(there.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                return socket.socket(info[0], info[1], info[2])
            finally:
                if libc.setns(home.fileno(), _CLONE_NEWNET):
                    os.abort()  # nothing else of this process may run in there


@contextlib.contextmanager
def joined() -> Iterator[tuple[Namespace, Namespace]]:
    """Make two namespaces with a cable between them. Raises OSError where that is not possible."""
    if shutil.which("ip") is None:
        raise OSError("there is no program `ip`; install iproute2")
    mark = f"{os.getpid():x}"
    pair = Namespace(f"batwa-{mark}-a", "10.77.0.1"), Namespace(f"batwa-{mark}-b", "10.77.0.2")
    cable = f"bw{mark}a"[-15:], f"bw{mark}b"[-15:]
    with contextlib.ExitStack() as stack:
        for each in pair:
            run("ip", "netns", "add", each.name)
            stack.callback(run, "ip", "netns", "del", each.name)
        run("ip", "link", "add", cable[0], "type", "veth", "peer", "name", cable[1])
        for each, end in zip(pair, cable, strict=True):
            run("ip", "link", "set", end, "netns", each.name)
            for arguments in (
                ("addr", "add", f"{each.address}/24", "dev", end),
                ("link", "set", "lo", "up"),
                ("link", "set", end, "up"),
            ):
                run("ip", "-n", each.name, *arguments)
        yield pair


class Machine:
    """A hub named for its namespace, with a CA of its own if *tls*, and its local agent on the simulator."""

    def __init__(self, place: Namespace, directory: Path, name: str, *, tls: bool = False) -> None:
        self.place = place
        self.tls = tls
        self.url = f"{'https' if tls else 'http'}://{place.address}:{PORT}"
        self._env = clean_environment() | {
            "BATWA_HUB_DATA_DIR": str(directory / "hub"),
            "BATWA_HUB_HOST": place.address,
            "BATWA_HUB_PORT": str(PORT),
            "BATWA_HUB_ADMIN_PASSWORD": PASSWORD,
            "BATWA_HUB_AGENT__CALL_TIMEOUT_S": "5",
            "BATWA_HUB_P2P__NAME": name,
            "BATWA_HUB_TLS__MODE": "auto" if tls else "off",
        }
        self._directory = directory
        self.hub = self._daemon("hub", self._env, "batwa-hub", "start", "--foreground")
        self.agent: Daemon | None = None

    def _daemon(
        self, name: str, env: dict[str, str], program: str, *arguments: str, at: Namespace | None = None
    ) -> Daemon:
        argv = ["ip", "netns", "exec", (at or self.place).name, str(BIN / program), *arguments]
        self._directory.mkdir(exist_ok=True)
        return Daemon(argv, env, ready="", log=self._directory / f"{name}.log")

    def make_key(self, agent_id: str) -> str:
        command = [str(BIN / "batwa-hub"), "agent-key", agent_id, "--agent-id", agent_id]
        made = subprocess.run(command, env=self._env, check=True, stdout=subprocess.PIPE, text=True)
        return made.stdout.strip()

    def add_agent(self, agent_id: str = "local", *, at: Namespace | None = None, **more: str) -> None:
        """Start an agent of the hub, here or elsewhere."""
        env = clean_environment() | {
            "BATWA_AGENT_AGENT_ID": agent_id,
            "BATWA_AGENT_HUB_URL": self.url,
            "BATWA_AGENT_API_KEY": self.make_key(agent_id),
            "BATWA_AGENT_DATA_DIR": str(self._directory / "agent"),
            "BATWA_AGENT_HEARTBEAT_INTERVAL_S": "0.5",
            "BATWA_AGENT_MULTIPASS": str(BIN / "multipass-sim"),
            "MULTIPASS_SIM_HOME": str(self._directory / "sim"),
            "MULTIPASS_SIM_LAUNCH_S": "0.3",
        }
        if self.tls:
            env["BATWA_AGENT_CA"] = str(self._directory / "hub" / "tls" / "ca.pem")
        self.agent = self._daemon("agent", env | more, "batwa-agent", "run", at=at)
        self.agent.start(wait=False)

    def start_hub(self) -> None:
        self.hub.start(wait=False)
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            assert self.hub.process and self.hub.process.poll() is None, self.hub.log_text()
            info: aiohttp.AddrInfoType = (
                socket.AF_INET,
                socket.SOCK_STREAM,
                0,
                "",
                (self.place.address, PORT),
            )
            with self.place.socket(info) as probe:
                if probe.connect_ex((self.place.address, PORT)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.hub.log_text()}")

    def end(self) -> None:
        for daemon in (self.agent, self.hub):
            if daemon is not None:
                daemon.kill()
        # a holder of terminals whose socket is gone hangs them up and ends
        (self._directory / "agent" / "terminals" / "holder.sock").unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator["Admin"]:
        opened: list[socket.socket] = []

        def open_one(info: aiohttp.AddrInfoType) -> socket.socket:
            opened.append(self.place.socket(info))
            return opened[-1]

        connector = aiohttp.TCPConnector(force_close=True, socket_factory=open_one, ssl=unverified_context())
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(self.url, cookie_jar=jar, connector=connector) as session:
            admin = Admin(session)
            await admin.ask("POST", "/api/auth/login", {"username": "admin", "password": PASSWORD})
            yield admin
        async with asyncio.timeout(READY_S):  # the farewells of TLS come after the session's end
            while any(each.fileno() >= 0 for each in opened):
                await asyncio.sleep(0.01)


class Admin:
    """Somebody logged in to one of the hubs."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        async with self.session.request(method, path, json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()
