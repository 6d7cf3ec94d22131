"""The driver with the simulator as the `multipass` program: real processes, real terminals, real faults."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batwa_agent.driver import Driver, Progress
from batwa_agent.multipass.multipass import Deadlines, Multipass
from batwa_common.errors import (
    DriverFailed,
    DriverRefused,
    DriverTimeout,
    DriverUnavailable,
    VmExists,
    VmNotFound,
    VmStateConflict,
)
from batwa_common.wire.vm import CreateVm

SIMULATOR = str(Path(sys.executable).with_name("multipass-sim"))
SMALL = CreateVm(name="web", cpus=2, memory="512M", disk="4G")
MakeDriver = Callable[..., Multipass]


@pytest.fixture
def make(tmp_path: Path) -> MakeDriver:
    """Return what makes drivers of one simulated machine, with faults as keywords in small letters."""

    def driver(
        *, parallel_launches: int = 1, deadlines: Deadlines | None = None, **faults: object
    ) -> Multipass:
        quick = {"launch_s": 0.3, "start_s": 0.05, "stop_s": 0.05, "isolation": "plain"} | faults
        env = {f"MULTIPASS_SIM_{name.upper()}": str(value) for name, value in quick.items()}
        return Multipass(
            SIMULATOR,
            scratch_dir=tmp_path / "scratch",
            env={"MULTIPASS_SIM_HOME": str(tmp_path / "machine"), **env},
            parallel_launches=parallel_launches,
            deadlines=deadlines,
        )

    return driver


async def _set_faults(tmp_path: Path, **faults: Any) -> None:
    machine = tmp_path / "machine"
    await asyncio.to_thread(machine.mkdir, exist_ok=True)
    text = json.dumps({f"MULTIPASS_SIM_{name.upper()}": value for name, value in faults.items()})
    await asyncio.to_thread((machine / "faults.json").write_text, text)


def _ignored(_: Progress) -> None:
    pass


async def _states(driver: Driver) -> dict[str, str]:
    return {vm.name: vm.state for vm in await driver.list_vms()}


async def test_a_vm_lives_through_everything(make: MakeDriver) -> None:
    driver = make()
    told: list[Progress] = []
    await driver.launch(SMALL, told.append)
    phases = list(dict.fromkeys(one.phase for one in told))
    assert phases[0] == "Creating"
    assert phases[-3:] == ["Starting", "Waiting for initialization to complete", "Launched"]
    assert await driver.size("web") == (2, 512 << 20, 4 << 30)
    details = await driver.details("web")
    assert (details.state, details.cpus, len(details.ipv4)) == ("Running", 2, 1)
    await driver.suspend("web", _ignored)
    assert await _states(driver) == {"web": "Suspended"}
    with pytest.raises(VmStateConflict, match="Cannot shut down suspended instance web"):
        await driver.stop("web", _ignored, force=False)
    await driver.start("web", _ignored)
    await driver.restart("web", _ignored)
    await driver.stop("web", _ignored, force=True)
    assert await _states(driver) == {"web": "Stopped"}
    assert (await driver.details("web")).cpus is None
    await driver.delete("web", purge=False)
    assert await _states(driver) == {"web": "Deleted"}
    with pytest.raises(VmStateConflict):
        await driver.start("web", _ignored)
    with pytest.raises(VmExists):
        await driver.launch(SMALL, _ignored)
    await driver.recover("web")
    await driver.start("web", _ignored)
    await driver.delete("web", purge=True)
    assert await _states(driver) == {}


async def test_purging_one_leaves_the_trash_of_others_alone(make: MakeDriver) -> None:
    driver = make()
    for name in ("mine", "theirs"):
        await driver.launch(CreateVm(name=name), _ignored)
        await driver.delete(name, purge=False)
    await driver.delete("mine", purge=True)
    assert await _states(driver) == {"theirs": "Deleted"}


async def test_status_says_that_vms_are_simulated(make: MakeDriver) -> None:
    status = await make().status()
    assert (status.name, status.simulated, status.problem) == ("multipass", True, None)
    assert str(status.version).endswith("+sim")


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (CreateVm(name="web", image="nosuchimage"), DriverRefused),
        (CreateVm(name="web", memory="64M"), DriverRefused),
        (CreateVm(name="web", disk="100M"), DriverRefused),
        (CreateVm(name="web", cloud_init="a: [b"), DriverRefused),
    ],
)
async def test_bad_values_are_refused_and_leave_nothing(
    make: MakeDriver, command: CreateVm, error: type[Exception]
) -> None:
    driver = make()
    with pytest.raises(error):
        await driver.launch(command, _ignored)
    assert await _states(driver) == {}


async def test_what_does_not_exist_is_not_found(make: MakeDriver) -> None:
    driver = make()
    for call in (
        driver.details("web"),
        driver.size("web"),
        driver.start("web", _ignored),
        driver.stop("web", _ignored, force=False),
        driver.suspend("web", _ignored),
        driver.restart("web", _ignored),
        driver.delete("web", purge=True),
        driver.recover("web"),
    ):
        with pytest.raises(VmNotFound, match="web"):
            await call


async def test_a_launch_delays_no_list_and_ends_when_cancelled(make: MakeDriver) -> None:
    driver = make(launch_s=600)
    creating = asyncio.Event()
    launch = asyncio.ensure_future(driver.launch(SMALL, lambda _: creating.set()))
    async with asyncio.timeout(20):
        await creating.wait()
        await driver.list_vms()
        assert (await driver.status()).problem is None
    assert not launch.done()
    launch.cancel()
    await asyncio.wait([launch], timeout=10)
    assert launch.cancelled()


async def test_launches_beyond_the_limit_wait_and_say_so(make: MakeDriver) -> None:
    driver = make(parallel_launches=2, launch_s=0.5)
    log: list[tuple[str, str]] = []

    async def launch(name: str) -> None:
        await driver.launch(CreateVm(name=name), lambda one: log.append((name, one.phase)))

    names = ["a", "b", "c", "d"]
    await asyncio.gather(*(launch(name) for name in names))
    waited = [name for name, phase in log if phase == "Waiting for another launch to end"]
    assert waited == ["c", "d"]
    running, most = set[str](), 0
    for name, phase in log:
        running |= {name} if phase == "Creating" else set()
        most = max(most, len(running))
        running -= {name} if phase == "Launched" else set()
    assert most == 2
    assert await _states(driver) == dict.fromkeys(names, "Running")


async def test_a_hung_daemon_is_named_and_forgotten_when_it_answers(make: MakeDriver, tmp_path: Path) -> None:
    driver = make(deadlines=Deadlines(list_s=0.5, status_s=0.5), hang_ignores_term=1)
    await _set_faults(tmp_path, hang="all")
    with pytest.raises(DriverTimeout):
        await driver.list_vms()
    status = await driver.status()
    assert "multipass list has not answered for 0.5 s" in str(status.problem)
    assert "restart the Multipass daemon" in str(status.problem)
    assert status.problem_since is not None
    await _set_faults(tmp_path)
    async with asyncio.timeout(30):
        while (await driver.status()).problem is not None:
            try:
                await driver.list_vms()
            except DriverTimeout:
                continue  # half a second may be short on a busy machine


@pytest.mark.parametrize(("fault", "says"), [("down", "cannot connect"), ("unauthenticated", "authenticate")])
async def test_a_daemon_that_is_away_is_unavailable(make: MakeDriver, fault: str, says: str) -> None:
    driver = make(**{fault: 1})
    with pytest.raises(DriverUnavailable, match=says):
        await driver.list_vms()
    with pytest.raises(DriverUnavailable, match=says):
        await driver.launch(SMALL, _ignored)
    assert says in str((await driver.status()).problem)


async def test_garbage_is_a_failure_and_not_a_crash(make: MakeDriver) -> None:
    driver = make(garbage="all")
    for call in (driver.list_vms(), driver.details("web"), driver.size("web")):
        with pytest.raises(DriverFailed):
            await call
    assert (await driver.status()).version is None


async def test_a_program_that_appears_later_is_found(tmp_path: Path) -> None:
    program = tmp_path / "later"
    env = {"MULTIPASS_SIM_HOME": str(tmp_path / "machine")}
    driver = Multipass(str(program), scratch_dir=tmp_path / "scratch", env=env)
    with pytest.raises(DriverUnavailable, match="install Multipass"):
        await driver.list_vms()
    assert "install Multipass" in str((await driver.status()).problem)
    await asyncio.to_thread(program.symlink_to, SIMULATOR)
    assert await driver.list_vms() == []
    status = await driver.status()
    assert (status.problem, status.simulated) == (None, True)


async def test_a_frozen_instance_ends_in_a_timeout_and_the_list_goes_on(
    make: MakeDriver, tmp_path: Path
) -> None:
    driver = make(deadlines=Deadlines(info_s=1.0), frozen_spreads=0)
    await driver.launch(SMALL, _ignored)
    await _set_faults(tmp_path, frozen="web")
    with pytest.raises(DriverTimeout, match="multipass info web has not answered"):
        await driver.details("web")
    assert "multipass info web" in str((await driver.status()).problem)
    assert await _states(driver) == {"web": "Running"}
    assert (await driver.status()).problem is None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"fail_launch": "Starting"}, DriverTimeout),
        ({"fail_launch": "Preparing image: the disk is full"}, DriverFailed),
        ({"crash": "Configuring"}, DriverUnavailable),
    ],
)
async def test_a_launch_that_fails_halfway_is_an_error_of_its_kind(
    make: MakeDriver, fault: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await make(**fault).launch(SMALL, _ignored)


async def test_the_shell_is_a_plain_argv(make: MakeDriver) -> None:
    argv = list(make().command("web", ("echo", "a b", "$HOME")))
    assert argv[:5] == [SIMULATOR, "exec", "web", "--no-map-working-directory", "--"]
    assert argv[-3:] == ["echo", "a b", "$HOME"]
