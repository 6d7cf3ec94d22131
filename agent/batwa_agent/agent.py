"""The long-lived objects of a running agent, in one place and in start order."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from batwa_common.service_manager import ServiceManager
from batwa_common.settings import SettingsError
from batwa_common.supervisor import Supervisor
from batwa_common.web.serve import WILDCARDS, Serving
from batwa_common.wire.agent import RegisterAgent
from batwa_common.wire.link import link_url

from . import disk, host
from .driver import Driver
from .exec.commands import Commands
from .inventory.inventory import Inventory
from .inventory.known_vms import KnownVms
from .inventory.lookups import Lookups
from .inventory.watcher import Watcher
from .link import Link
from .machine import Machine
from .metrics import AgentMetrics
from .multipass import remote
from .multipass.client import OnCall
from .multipass.images import ImageSources
from .multipass.multipass import Deadlines, Multipass
from .operations.operations import Operations
from .operations.settlement import Patience
from .operations.store import OperationStore
from .operations.worker import Looking, Worker
from .recordings.recordings import Bounds, Recordings, record
from .settings import Settings
from .terminals.fd_store import FdStore
from .terminals.holder_keeper import HolderKeeper
from .terminals.keeper import Keeper, NoKeeper
from .terminals.terminals import Bounds as TerminalBounds
from .terminals.terminals import Shells, Terminals
from .trust import Trust
from .uplink import FEATURES, Uplink

VERSION = version("batwa-agent")
ORPHAN_S = 3600.0
"""How long terminals wait for an agent to come back, at least."""
ADDRESS_S = 3.0
"""How long the end of an operation waits for the address of a VM that has just come up."""


@dataclass(frozen=True)
class Agent:
    """What a handler may reach. Made once by `running`, never changed."""

    agent_id: str
    hostname: str
    api_key: str
    machine: Machine
    watcher: Watcher
    terminals: Terminals
    commands: Commands
    recordings: Recordings
    uplink: Uplink | None
    link: Link | None
    metrics: AgentMetrics
    metrics_token: str | None
    serving: asyncio.Future[Serving]
    """Done once the agent is served; the hub is told then."""

    def status(self) -> str:
        """Return in a sentence how it fares, for who looks at the service."""
        hub = self.uplink.trouble if self.uplink is not None else "no hub is set"
        troubles = [each for each in (hub, self.watcher.problem) if each is not None]
        return f"{self.agent_id}: {'; '.join(troubles) or 'the hub and Multipass answer'}"


AGENT = web.AppKey("agent", Agent)


@asynccontextmanager
async def running(
    settings: Settings,
    driver: Driver,
    manager: ServiceManager | None = None,
    metrics: AgentMetrics | None = None,
) -> AsyncIterator[Agent]:
    """Start an agent, yield it, stop it in reverse order. *manager* has started this process, if any has.

    *metrics* are those that *driver* tells its calls to; left out, new ones.

    Raises `SettingsError` without a key, or if another agent uses the data directory.

    The supervisor owns every background task: one that dies takes the agent down with it, the
    process exits non-zero, and the service manager restarts a whole agent rather than keep a limping one.
    """
    api_key, metrics = key_of(settings), metrics or AgentMetrics(VERSION)
    await asyncio.to_thread(settings.data_dir.mkdir, mode=0o700, parents=True, exist_ok=True)
    async with (
        only_one(settings.data_dir),
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        Supervisor() as tasks,
    ):
        inventory = Inventory()
        known = KnownVms(settings.data_dir / "inventory.json")
        watcher = Watcher(driver, inventory, known, poll_s=settings.driver.poll_s)
        terminals = _terminals(settings, driver, manager or ServiceManager(), tasks)
        trust = Trust(settings.ca, settings.data_dir)
        await trust.load()
        uplink = _uplink(settings, api_key, session, trust, inventory, watcher, terminals)
        operations = _operations(settings, driver, inventory, watcher, uplink, metrics, tasks)
        metrics.look_at(
            inventory=inventory, operations=operations, terminals=terminals, watcher=watcher, uplink=uplink
        )
        commands = Commands(exec_argv=driver.command, env=_shell_environment(), limit=settings.exec.limit)
        recordings = _recordings(settings)
        terminals.on_opened = partial(record, recordings)
        link = _link(settings, api_key, session, trust)
        serving: asyncio.Future[Serving] = asyncio.get_running_loop().create_future()
        await recordings.load()
        await watcher.load()
        await operations.begin()
        await terminals.begin()
        tasks.spawn(metrics.watch_loop(), name="event loop lag")
        tasks.spawn(recordings.run(), name="recordings")
        tasks.spawn(watcher.watch_forever(), name="watcher")
        tasks.spawn(Lookups(driver, inventory, watcher).look_up_forever(), name="lookups")
        if uplink is not None:
            tasks.spawn(_keep_informed(settings, uplink, serving), name="uplink")
            if link is not None:
                tasks.spawn(_keep_linked(link, uplink, serving), name="link")
        try:
            yield Agent(
                agent_id=settings.agent_id,
                hostname=settings.hostname,
                api_key=api_key,
                machine=Machine(driver=driver, inventory=inventory, watcher=watcher, operations=operations),
                watcher=watcher,
                terminals=terminals,
                commands=commands,
                recordings=recordings,
                uplink=uplink,
                link=link,
                metrics=metrics,
                metrics_token=token.get_secret_value() if (token := settings.metrics.token) else None,
                serving=serving,
            )
        finally:
            await terminals.stop()
            await recordings.stop()


def key_of(settings: Settings) -> str:
    """Return the API key. Raises `SettingsError` if there is none."""
    if settings.api_key is None or not settings.api_key.get_secret_value():
        raise SettingsError(
            "api_key is not set: paste here the line that `batwa agent add` prints (batwa-agent join TOKEN),"
            " or make a key at the hub (`batwa-hub agent-key`) and give it as BATWA_AGENT_API_KEY"
        )
    return settings.api_key.get_secret_value()


@asynccontextmanager
async def only_one(directory: Path) -> AsyncIterator[None]:
    """Hold *directory* while the block runs; a file left by a kill means nothing, the lock does."""
    try:
        file = await asyncio.to_thread(disk.lock, directory / "lock")
    except BlockingIOError:
        raise SettingsError(f"another agent uses {directory}; give this one another data_dir") from None
    with file:
        yield


def multipass(settings: Settings, on_call: OnCall = lambda *_told: None) -> Multipass:
    """Return the driver that *settings* describe. Call it on the loop that will use it."""
    section = settings.driver
    return Multipass(
        settings.multipass,
        scratch_dir=settings.data_dir / "scratch",
        images=ImageSources(section.image_dir),
        parallel_launches=section.parallel_launches,
        on_call=on_call,
        deadlines=Deadlines(
            list_s=section.list_s,
            info_s=section.info_s,
            launch_s=section.launch_s,
            start_s=section.start_s,
            stop_s=section.stop_s,
        ),
    )


def _operations(
    settings: Settings,
    driver: Driver,
    inventory: Inventory,
    watcher: Watcher,
    uplink: Uplink | None,
    metrics: AgentMetrics,
    tasks: Supervisor,
) -> Operations:
    return Operations(
        worker=_worker(settings, driver, inventory, watcher),
        inventory=inventory,
        store=OperationStore(settings.data_dir / "operations"),
        tasks=tasks,
        must_answer=watcher.must_answer,
        look=partial(_look, watcher, inventory),
        tell_hub=uplink.push if uplink is not None else _nobody_to_tell,
        agent_id=settings.agent_id,
        parallel_launches=settings.driver.parallel_launches,
        keep=settings.operation.keep,
        on_end=metrics.ended,
    )


def _terminals(settings: Settings, driver: Driver, manager: ServiceManager, tasks: Supervisor) -> Terminals:
    section, directory = settings.terminal, settings.data_dir / "terminals"
    keeper: Keeper = NoKeeper()
    if section.survive:
        orphan_s = max(section.linger_s, ORPHAN_S)
        keeper = FdStore(manager) if manager.listens else HolderKeeper(directory, orphan_s=orphan_s)
    return Terminals(
        settings.agent_id,
        directory,
        keeper,
        Shells(shell=driver.shell, command=driver.command, told=remote.told, env=_shell_environment()),
        terminal_bounds(settings),
        tasks,
    )


def _worker(settings: Settings, driver: Driver, inventory: Inventory, watcher: Watcher) -> Worker:
    patience = Patience(looks=settings.operation.settle_looks, moving_s=settings.operation.settle_s)
    return Worker(
        driver,
        inventory,
        look=watcher.look,
        must_answer=watcher.must_answer,
        looking=Looking(every_s=settings.driver.poll_s, patience=patience),
    )


def _recordings(settings: Settings) -> Recordings:
    return Recordings(
        settings.data_dir / "recordings",
        agent_id=settings.agent_id,
        bounds=recording_bounds(settings),
        always=settings.recording.always,
    )


def terminal_bounds(settings: Settings) -> TerminalBounds:
    """Return what is allowed of terminals."""
    section = settings.terminal
    return TerminalBounds(limit=section.limit, linger_s=section.linger_s, keep_bytes=section.keep_bytes)


def recording_bounds(settings: Settings) -> Bounds:
    """Return how much is kept of recordings."""
    section = settings.recording
    return Bounds(section.max_bytes, section.total_bytes, section.max_age_s)


def _uplink(
    settings: Settings,
    api_key: str,
    session: aiohttp.ClientSession,
    trust: Trust,
    inventory: Inventory,
    watcher: Watcher,
    terminals: Terminals,
) -> Uplink | None:
    if settings.hub_url is None:
        return None
    return Uplink(
        session,
        hub_url=settings.hub_url,
        api_key=api_key,
        agent_id=settings.agent_id,
        inventory=inventory,
        watcher=watcher,
        load=partial(host.load, settings.data_dir),
        terminals=lambda: len(terminals.all()),
        interval_s=settings.heartbeat_interval_s,
        trust=trust,
    )


def _link(settings: Settings, api_key: str, session: aiohttp.ClientSession, trust: Trust) -> Link | None:
    if settings.hub_url is None or not settings.link:
        return None
    return Link(session, hub_url=settings.hub_url, agent_id=settings.agent_id, api_key=api_key, trust=trust)


async def _nobody_to_tell(_timeout_s: float) -> bool:
    return True


async def _look(watcher: Watcher, inventory: Inventory, vm_name: str) -> None:
    await watcher.look()
    with suppress(TimeoutError):
        async with asyncio.timeout(ADDRESS_S):
            while (vm := inventory.find(vm_name)) and vm.state == "Running" and not vm.ipv4:
                await inventory.news.wait()


async def _keep_linked(link: Link, uplink: Uplink, serving: asyncio.Future[Serving]) -> None:
    protocol = (await serving).protocol
    await uplink.registered.wait()  # before it, the key may belong to no agent
    await link.run_forever(protocol, back=uplink.back)


async def _keep_informed(settings: Settings, uplink: Uplink, serving: asyncio.Future[Serving]) -> None:
    address = (await serving).address
    about = RegisterAgent(
        agent_id=settings.agent_id,
        hostname=settings.hostname,
        api_url=link_url(settings.agent_id) if settings.link else settings.api_url or _reachable(address),
        tags=settings.tags,
        features=FEATURES,
        version=VERSION,
    )
    await uplink.run_forever(about)


def _reachable(address: str | None) -> str:
    url = URL(address or "")
    return str(url.with_host(host.host_name()) if url.host in WILDCARDS else url).rstrip("/")


def _shell_environment() -> dict[str, str]:
    """Return the agent's environment without its secrets, as a terminal emulator would give it."""
    ours = ("BATWA_", "CREDENTIALS_DIRECTORY", "LINES", "COLUMNS")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**env, "TERM": "xterm-256color"}
