"""The inventory follows the driver, and survives its silence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from batwa_agent.driver import Listed
from batwa_agent.inventory.lookups import Lookups
from batwa_common.errors import DriverTimeout, DriverUnavailable, Unavailable
from tests.agent.conftest import Running, Start
from tests.agent.fakes import FakeDriver


@asynccontextmanager
async def looking_up(life: Running, driver: FakeDriver) -> AsyncIterator[None]:
    lookups = Lookups(driver, life.inventory, life.watcher)
    task = asyncio.create_task(lookups.look_up_forever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_ids_and_ages_survive_a_restart(start: Start) -> None:
    driver = FakeDriver(a="Running", b="Stopped")
    async with start(driver) as life:
        before = dict(life.inventory.vms)
    driver.vms["c"] = "Running"
    async with start(driver) as life:
        after = life.inventory.vms
    assert {name: (vm.id, vm.created_at) for name, vm in before.items()} == {
        name: (vm.id, vm.created_at) for name, vm in after.items() if name != "c"
    }
    assert len({vm.id for vm in after.values()}) == 3


async def test_a_vm_made_anew_under_an_old_name_is_another_vm(start: Start) -> None:
    driver = FakeDriver(a="Running")
    async with start(driver) as life:
        before = life.inventory.vms["a"].id
        driver.vms.clear()
        await life.watcher.look()
        driver.vms["a"] = "Running"
        await life.watcher.look()
        assert life.inventory.vms["a"].id != before


async def test_when_multipass_is_silent_the_last_list_stays_with_the_reason(start: Start) -> None:
    driver = FakeDriver(a="Running")
    async with start(driver) as life:
        driver.silence = DriverTimeout("multipass list did not answer within 15 s")
        assert not await life.watcher.look()
        assert life.inventory.vms["a"].state == "Running"
        status = life.watcher.driver_status
        assert status is not None and status.problem == "multipass list did not answer within 15 s"
        since = status.problem_since
        await life.watcher.look()
        assert life.watcher.driver_status is not None
        assert life.watcher.driver_status.problem_since == since is not None
        driver.silence = None
        assert await life.watcher.look()
        assert life.watcher.problem is None


async def test_before_the_first_list_the_answer_is_why(start: Start) -> None:
    driver = FakeDriver()
    driver.silence = DriverUnavailable("multipass is not installed here")
    async with start(driver) as life:
        with pytest.raises(DriverUnavailable, match="not installed"):
            await life.machine.list_vms()
        life.watcher.driver_status = None
        with pytest.raises(Unavailable, match="just started"):
            await life.machine.list_vms()


async def test_sizes_are_asked_once_and_addresses_once_a_boot(start: Start) -> None:
    driver = FakeDriver(a="Running", b="Stopped")
    async with start(driver) as life, looking_up(life, driver), asyncio.timeout(5):
        while life.inventory.vms["a"].ipv4 == () or life.inventory.vms["b"].cpus is None:
            await life.inventory.news.wait()
        assert life.inventory.vms["a"].memory_bytes == 1 << 30
        await life.watcher.look()
        assert sorted(driver.calls) == ["details a", "size a", "size b"]
        driver.vms["a"] = "Stopped"
        await life.watcher.look()
        driver.vms["a"] = "Running"
        await life.watcher.look()
        while life.inventory.vms["a"].ipv4 == ():
            await life.inventory.news.wait()
        assert sorted(driver.calls) == ["details a", "details a", "size a", "size b"]


async def test_a_frozen_instance_stops_no_poll(start: Start) -> None:
    driver = FakeDriver(a="Running")
    driver.frozen.add("a")
    async with start(driver) as life, looking_up(life, driver), asyncio.timeout(5):
        while "details a" not in driver.calls:
            await life.inventory.news.wait()
            await asyncio.sleep(0)
        driver.vms["b"] = "Stopped"
        assert await life.watcher.look()
        assert set(life.inventory.vms) == {"a", "b"}


async def test_many_who_look_at_once_share_the_next_list(start: Start) -> None:
    class Counting(FakeDriver):
        asked = 0

        async def list_vms(self) -> list[Listed]:
            self.asked += 1
            await asyncio.sleep(0)
            return await super().list_vms()

    driver = Counting(a="Running")
    async with start(driver) as life:
        driver.asked = 0
        looks = [asyncio.create_task(life.watcher.look()) for _ in range(10)]
        await asyncio.sleep(0)
        driver.vms["b"] = "Stopped"
        late = await life.watcher.look()
        assert all(await asyncio.gather(*looks)) and late
        assert driver.asked == 2 and set(life.inventory.vms) == {"a", "b"}


async def test_info_tells_the_size_that_was_given(start: Start) -> None:
    driver = FakeDriver(a="Running")
    async with start(driver) as life:
        details = await life.machine.get_vm("a")
        assert (details.memory, details.disk_size, details.ipv4) == ("1G", "5G", ("10.0.0.7",))
        assert details.id == life.inventory.vms["a"].id
        assert await life.machine.get_vm(details.id) == details
