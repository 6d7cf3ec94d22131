"""The agent stays known to a hub that forgets, restarts, refuses and goes away."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from batwa_agent.uplink import Uplink
from batwa_common.errors import DriverTimeout
from batwa_common.wire.agent import Heartbeat, HostLoad, InventoryPosition, RegisterAgent
from batwa_common.wire.vm import Vm
from tests.agent.conftest import Running, Start
from tests.agent.fakes import FakeDriver

ABOUT = RegisterAgent(agent_id="here", hostname="here", api_url="http://127.0.0.1:8001")
LOAD = HostLoad(cpus=2, load=(0, 0, 0), memory_bytes=1, memory_used_bytes=1, disk_bytes=1, disk_used_bytes=1)


@dataclass
class FakeHub:
    """The hub's half of the protocol: it keeps what it is told."""

    port: int = 0
    known: bool = False
    vms: dict[str, Vm] = field(default_factory=dict)
    position: InventoryPosition | None = None
    registrations: list[RegisterAgent] = field(default_factory=list)
    beats: list[Heartbeat] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    refuse_with: int | None = None
    takes_inventory: bool = True
    garbage: bytes | None = None
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def register(self, request: web.Request) -> web.Response:
        self.keys.add(request.headers.get("X-API-Key"))
        if self.refuse_with is not None:
            return await self._answer(web.Response(status=self.refuse_with))
        self.registrations.append(RegisterAgent.model_validate_json(await request.read()))
        self.known = True
        return await self._answer(web.json_response({"success": True, "message": "registered"}))

    async def heartbeat(self, request: web.Request) -> web.Response:
        if self.garbage is not None:
            return await self._answer(web.Response(body=self.garbage))
        if self.refuse_with is not None or not self.known:
            return await self._answer(web.Response(status=self.refuse_with or 404))
        beat = Heartbeat.model_validate_json(await request.read())
        self._take(beat)
        self.beats.append(beat)
        position = self.position.model_dump() if self.position else None
        return await self._answer(web.json_response({"success": True, "message": "", "inventory": position}))

    def forget(self) -> None:
        self.known, self.vms, self.position = False, {}, None

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(is_so)

    def _take(self, beat: Heartbeat) -> None:
        update = beat.inventory
        if update is None or not self.takes_inventory:
            return
        held = self.position
        if update.base is None:
            self.vms = {}
        elif held is None or (held.epoch, held.revision) != (update.epoch, update.base):
            self.position = None
            return
        self.vms |= {vm.name: vm for vm in update.vms}
        for name in update.gone:
            self.vms.pop(name, None)
        self.position = InventoryPosition(epoch=update.epoch, revision=update.revision)

    async def _answer(self, response: web.Response) -> web.Response:
        async with self.news:
            self.news.notify_all()
        return response

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/api/agent/register", self.register)
        app.router.add_post("/api/agent/heartbeat", self.heartbeat)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()


async def load() -> HostLoad:
    return LOAD


@asynccontextmanager
async def linked(life: Running, hub: FakeHub, interval_s: float = 60) -> AsyncIterator[Uplink]:
    async with aiohttp.ClientSession() as session:
        uplink = Uplink(
            session,
            hub_url=hub.url,
            api_key="secret",
            agent_id="here",
            inventory=life.inventory,
            watcher=life.watcher,
            load=load,
            interval_s=interval_s,
        )
        task = asyncio.create_task(uplink.run_forever(ABOUT))
        try:
            yield uplink
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_it_registers_with_its_key_and_tells_everything_then_only_changes(start: Start) -> None:
    hub, driver = FakeHub(), FakeDriver(a="Running", b="Stopped")
    async with start(driver) as life, hub.listening(), linked(life, hub):
        await hub.until(lambda: hub.vms == life.inventory.vms)
        assert hub.keys == {"secret"} and hub.registrations == [ABOUT]
        assert hub.beats[-1].vm_count == 2 and hub.beats[-1].load == LOAD
        driver.vms = {"a": "Stopped", "c": "Running"}
        await life.watcher.look()
        await hub.until(lambda: hub.vms == life.inventory.vms)
        update = hub.beats[-1].inventory
        assert update is not None and update.base is not None
        assert ({vm.name for vm in update.vms}, update.gone) == ({"a", "c"}, ("b",))


async def test_push_returns_when_the_hub_has_it(start: Start) -> None:
    hub, driver = FakeHub(), FakeDriver(a="Running")
    async with start(driver) as life, hub.listening(), linked(life, hub) as uplink:
        for state in ("Stopped", "Running", "Suspended"):
            driver.vms["a"] = state
            await life.watcher.look()
            assert await uplink.push(5)
            assert hub.vms["a"].state == state


async def test_push_gives_up_on_a_hub_that_is_away(start: Start) -> None:
    hub = FakeHub()
    async with hub.listening():
        pass
    async with start(FakeDriver(a="Running")) as life, linked(life, hub) as uplink:
        assert not await uplink.push(0.05)


async def test_a_hub_that_forgot_is_told_again(start: Start) -> None:
    hub = FakeHub()
    async with start(FakeDriver(a="Running")) as life, hub.listening(), linked(life, hub, 0.1):
        await hub.until(lambda: "a" in hub.vms)
        hub.forget()
        await hub.until(lambda: len(hub.registrations) == 2 and hub.vms == life.inventory.vms)


async def test_a_hub_that_lost_only_the_inventory_gets_all_of_it_at_once(start: Start) -> None:
    hub, driver = FakeHub(), FakeDriver(a="Running", b="Running")
    async with start(driver) as life, hub.listening(), linked(life, hub):
        await hub.until(lambda: len(hub.vms) == 2)
        hub.vms, hub.position = {}, None
        driver.vms["a"] = "Stopped"
        await life.watcher.look()  # told as a change, which this hub cannot follow
        await hub.until(lambda: hub.vms == life.inventory.vms)
        assert len(hub.registrations) == 1


async def test_a_hub_that_was_away_is_told_when_it_is_back(start: Start) -> None:
    hub, driver = FakeHub(), FakeDriver(a="Running")
    with capture_logs() as logged:
        async with start(driver) as life:
            async with hub.listening():
                pass
            async with linked(life, hub, 0.1) as uplink:
                async with asyncio.timeout(10):
                    while not (uplink.trouble or "").startswith("the hub cannot be reached"):
                        await uplink.push(0.02)
                async with hub.listening():
                    await hub.until(lambda: hub.vms == life.inventory.vms)
                    await uplink.push(5)
                    assert uplink.trouble is None
    # the state is logged when it changes, not at every try
    events = [entry["event"] for entry in logged if entry["event"].startswith("hub.")]
    assert events == ["hub.trouble", "hub.reached"]


async def test_a_refused_key_is_told_with_what_to_do(start: Start) -> None:
    hub = FakeHub(refuse_with=403)
    async with start(FakeDriver()) as life, hub.listening(), linked(life, hub) as uplink:
        await hub.until(lambda: bool(hub.keys))
        await uplink.push(0.05)
        assert uplink.trouble is not None and "make a key for it at the hub" in uplink.trouble
        hub.refuse_with = None
        assert await uplink.push(5)


@pytest.mark.parametrize("garbage", [b"<html>", b"{", b"[]", b"x" * (1 << 20)])
async def test_what_is_no_hub_is_named_as_such(start: Start, garbage: bytes) -> None:
    hub = FakeHub(garbage=garbage)
    async with start(FakeDriver()) as life, hub.listening(), linked(life, hub) as uplink:
        await hub.until(lambda: bool(hub.registrations))
        async with asyncio.timeout(10):
            while "check hub_url" not in (uplink.trouble or ""):
                await uplink.push(0.05)


async def test_a_hub_that_keeps_no_inventory_holds_nothing_up(start: Start) -> None:
    hub = FakeHub(takes_inventory=False)
    async with start(FakeDriver(a="Running")) as life, hub.listening(), linked(life, hub) as uplink:
        assert await uplink.push(5)
        await life.watcher.look()
        assert await uplink.push(5)


async def test_the_drivers_trouble_is_told_at_once(start: Start) -> None:
    hub, driver = FakeHub(), FakeDriver(a="Running")
    async with start(driver) as life, hub.listening(), linked(life, hub):
        await hub.until(lambda: "a" in hub.vms)
        driver.silence = DriverTimeout("multipass list did not answer within 15 s")
        await life.watcher.look()
        await hub.until(lambda: hub.beats[-1].driver is not None and bool(hub.beats[-1].driver.problem))


async def test_a_hub_that_accepts_and_says_nothing_is_left_after_a_while(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        hub = FakeHub(port=deaf.getsockname()[1])
        async with start(FakeDriver()) as life, linked(life, hub) as uplink:
            assert not await uplink.push(0.05)
