"""Batwa on a machine that boots: installed from its Debian packages, used, restarted, upgraded, purged.

The tests build on one another, in this order: a machine lives only once.
"""

import asyncio
import contextlib
import functools
import re
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from deploy.debian.build import publish
from tests.e2e.fleet import PASSWORD, free_port
from tests.e2e.test_contract import get, post
from tests.e2e.test_terminals import Screen, watch_soon

from .machine import Machine
from .root import build_packages, build_root, require_machine

pytestmark = pytest.mark.timeout(900)
NOW = version("batwa-hub")
PREVIOUS = f"{NOW}~previous"
UNITS = ("batwa-hub.socket", "batwa-hub.service", "batwa-agent.service")
MOST_EXPOSED = {"batwa-hub.service": 2.0, "batwa-agent.service": 6.0}
"""Bounds of `systemd-analyze security`; the agent's unit says what its number is made of."""
COUNTING = (
    "echo begin-$$; n=0; until [ -e ~/enough ]; do n=$((n+1)); echo $n; sleep 0.01; done; echo over-$$\n"
)


class Installed(NamedTuple):
    """A machine with a hub and an agent of an earlier version."""

    machine: Machine
    url: str
    files_before: frozenset[str]

    def session(self) -> aiohttp.ClientSession:
        """A client that makes a connection for each request."""
        jar = aiohttp.CookieJar(unsafe=True)  # loopback addresses may have cookies
        connector = aiohttp.TCPConnector(force_close=True)
        return aiohttp.ClientSession(self.url, cookie_jar=jar, connector=connector)

    def install(self, number: str) -> None:
        packages = [
            f"/packages/{each.name}" for each in (self.machine.root / "packages").glob(f"*_{number}_*")
        ]
        # a test's machine need not survive a power cut: without waiting for the disk it is twice as fast
        self.machine.run("dpkg", "--force-unsafe-io", "--install", *packages)


def files(root: Path) -> frozenset[str]:
    """Return the files that outlive their processes; the journal, apt's and dpkg's own are no one's."""
    passing = (
        "proc",
        "sys",
        "run",
        "dev",
        "tmp",
        "packages",
        "var/log",
        "var/lib/apt",
        "var/lib/dpkg",
        "var/tmp",
        "var/cache",
    )
    here = (str(each.relative_to(root)) for each in root.rglob("*"))
    return frozenset(each for each in here if not each.startswith(passing) and "__pycache__" not in each)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    require_machine()
    directory = tmp_path_factory.mktemp("machine")
    root, port = directory / "root", free_port()
    with ThreadPoolExecutor() as both:
        building = [both.submit(build_root, root), both.submit(build_packages, directory, PREVIOUS, NOW)]
        for each in building:
            each.result()
    (root / "packages").mkdir()
    for package in directory.glob("*.deb"):
        package.rename(root / "packages" / package.name)
    with Machine(root, directory / "console.log") as machine:
        (root / "etc/credstore").mkdir(mode=0o700, exist_ok=True)
        before = files(root)
        administer(machine, port)
        here = Installed(machine, f"http://127.0.0.1:{port}", before)
        here.install(PREVIOUS)
        yield here
    shutil.rmtree(root)  # pytest would keep it for some runs, and it is large


def administer(machine: Machine, port: int) -> None:
    """Set what an administrator sets beforehand: a password nobody sees, and where the hub listens."""
    secret = machine.root / "etc/credstore/batwa-hub.admin_password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    listen = machine.root / "etc/systemd/system/batwa-hub.socket.d/port.conf"
    listen.parent.mkdir(parents=True)
    listen.write_text(f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n")


@pytest.fixture
async def admin(installed: Installed) -> AsyncIterator[aiohttp.ClientSession]:
    async with installed.session() as session:
        await post(session, "/api/auth/login", {"username": "admin", "password": PASSWORD})
        yield session


async def until_online(session: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(60):
        while [each["status"] for each in await get(session, "/api/agent/list")] != ["online"]:
            await asyncio.sleep(0.2)


async def test_both_are_enabled_and_the_hub_serves_at_once(
    installed: Installed, admin: aiohttp.ClientSession
) -> None:
    """The login of `admin` used the password from the credential store."""
    machine = installed.machine
    assert machine.run("systemctl", "is-enabled", *UNITS).split() == ["enabled"] * 3
    assert installed.url in machine.show("batwa-hub.service", "StatusText")
    assert machine.show("batwa-hub.service", "NotifyAccess") == "main"
    assert machine.show("batwa-agent.service", "ConditionResult") == "no"
    assert machine.run("sh", "-c", "batwa-hub stop 2>&1 || true").startswith(
        "batwa-hub: systemd runs this hub. Use: systemctl stop batwa-hub.socket batwa-hub.service,"
    )
    advice = (await post(admin, "/api/agent/join-tokens", {}))["advice"]
    assert "give batwa-hub.socket another ListenStream" in advice
    assert (await get(admin, "/api/vm/list"))["vms"] == []


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[str]:
    """Serve *directory* on loopback, as any web server does, and yield its address."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_installer_takes_from_an_address_only_what_has_its_sum(
    installed: Installed, tmp_path: Path
) -> None:
    """The script comes by a pipe, as who pastes one line has it."""
    machine = installed.machine
    [package] = (machine.root / "packages").glob(f"batwa_{NOW}_*.deb")
    served = Path(shutil.copy(package, tmp_path))
    publish(tmp_path)
    script = (tmp_path / "install.sh").read_text()
    served.write_bytes(package.read_bytes()[:-1])
    with serving(tmp_path) as url:
        command = ("sh", "-s", "client", "--from", url)
        refused = machine.try_run(*command, text=script)
        assert refused.returncode == 1 and "Nothing was installed" in refused.stderr
        assert machine.run("dpkg-query", "-Wf${Version}", "batwa") == PREVIOUS

        shutil.copy(package, served)
        assert "Next: batwa login" in machine.run(*command, text=script)
    assert machine.run("dpkg-query", "-Wf${Version}", "batwa") == NOW


def test_the_units_are_sound_and_as_shut_off_as_they_say(installed: Installed) -> None:
    machine = installed.machine
    assert machine.run("systemd-analyze", "verify", *UNITS) == ""
    for unit, most in MOST_EXPOSED.items():
        told = machine.run("systemd-analyze", "security", "--no-pager", unit)
        [exposure] = re.findall(r"Overall exposure level for \S+: ([\d.]+)", told)
        assert float(exposure) <= most


async def test_joining_starts_the_agent_now_and_ever_after(
    installed: Installed, admin: aiohttp.ClientSession
) -> None:
    machine = installed.machine
    config = machine.root / "etc/batwa/agent.toml"
    config.write_text('# the office\nmultipass = "multipass-sim"\n')
    token = (await post(admin, "/api/agent/join-tokens", {"name": "office"}))["token"]
    said = machine.run("batwa-agent", "join", token)
    assert "batwa-agent.service runs" in said
    await until_online(admin)
    assert config.read_text().startswith("# the office\n") and config.stat().st_mode & 0o777 == 0o600
    async with asyncio.timeout(30):
        while "the hub and Multipass answer" not in machine.show("batwa-agent.service", "StatusText"):
            await asyncio.sleep(0.2)
    [agent] = await get(admin, "/api/agent/list")
    assert agent["connection"] == "linked"
    await post(admin, "/api/vm/create", {"name": "web", "agent_id": agent["agent_id"]})


async def test_a_restart_of_the_hub_refuses_no_connection(installed: Installed) -> None:
    asked, over = 0, asyncio.Event()

    async def ask() -> None:
        nonlocal asked
        async with installed.session() as session:
            while not over.is_set():
                await get(session, "/healthz")
                asked += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(ask())
        before = installed.machine.show("batwa-hub.service", "MainPID")
        await asyncio.to_thread(installed.machine.run, "systemctl", "restart", "batwa-hub")
        over.set()
    assert installed.machine.show("batwa-hub.service", "MainPID") != before
    assert asked > 10


async def test_an_upgrade_loses_no_byte_of_a_terminal(
    installed: Installed, admin: aiohttp.ClientSession
) -> None:
    machine = installed.machine
    await until_online(admin)
    setting = machine.root / "etc/batwa/hub.toml"
    setting.write_text(setting.read_text() + "[join]\napproval = true\n")
    terminal = (await post(admin, "/api/terminals", {"vm_name": "web"}, 201))["id"]
    first = await watch_soon(admin, f"terminal_id={terminal}&offset=0")
    await first.type(COUNTING)
    await first.until(b"\n9\r\n")
    pids = {unit: machine.show(unit, "MainPID") for unit in UNITS[1:]}
    reading = asyncio.create_task(first.closed(within_s=120))
    await asyncio.to_thread(installed.install, NOW)
    await reading
    for unit, pid in pids.items():
        assert machine.show(unit, "MainPID") != pid, machine.journal(unit)
    seen = first.seen + await rest_of(installed, terminal, first.offset)
    begin, end = (re.findall(rb"%s-(\d+)\r\n" % word, seen) for word in (b"begin", b"over"))
    assert len(begin) == 1 and begin == end, "it is another shell"
    numbers = re.findall(rb"^(\d+)\r$", seen, re.MULTILINE)
    assert numbers == [b"%d" % number for number in range(1, len(numbers) + 1)]
    assert "approval = true" in setting.read_text()
    assert machine.run("dpkg-query", "--show", "--showformat=${Version}", "batwa-hub") == NOW


async def rest_of(installed: Installed, terminal: str, offset: int) -> bytes:
    """Return what *terminal* puts out from *offset* on, as one who comes back asks for it."""
    async with installed.session() as session:
        await post(session, "/api/auth/login", {"username": "admin", "password": PASSWORD})
        await until_online(session)
        again: Screen = await watch_soon(session, f"terminal_id={terminal}&offset={offset}")
        await again.until(b"\n", within_s=60)
        assert (again.hello["missed"], again.hello["offset"]) == (False, offset)
        await post(session, "/api/vm/web/exec", {"command": ["sh", "-c", "touch $HOME/enough"]})
        await again.until(b"over-", within_s=60)
        await again.until(b"$ ")
        return again.seen


async def test_after_a_reboot_everything_runs_by_itself(installed: Installed) -> None:
    await asyncio.to_thread(installed.machine.reboot)
    async with installed.session() as session:
        await post(session, "/api/auth/login", {"username": "admin", "password": PASSWORD})
        await until_online(session)
        assert [each["name"] for each in (await get(session, "/api/vm/list"))["vms"]] == ["web"]
        assert await running_terminals(session) == []
    for unit in UNITS[1:]:
        assert installed.machine.show(unit, "NRestarts") == "0"


async def running_terminals(session: aiohttp.ClientSession) -> list[Any]:
    told = await get(session, "/api/terminals")
    return [each for each in told["terminals"] if each["state"] == "running"]


def test_purge_asks_nothing_and_leaves_nothing(installed: Installed) -> None:
    machine = installed.machine
    machine.run("dpkg", "--purge", "batwa-hub", "batwa-agent", "batwa")
    assert files(machine.root) - installed.files_before == set()
    assert "batwa" not in machine.run("ps", "-eo", "args")
    assert machine.try_run("getent", "passwd", "batwa-hub").returncode != 0
    assert machine.try_run("systemctl", "list-unit-files", "--no-legend", "batwa*").stdout == ""
