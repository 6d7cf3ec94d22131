"""The driver with a program that plays recordings: what it asks, how often, what it makes of the answer."""

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from batwa_agent.driver import Driver, Progress
from batwa_agent.multipass.multipass import Deadlines, Multipass
from batwa_common.errors import (
    DriverFailed,
    DriverTimeout,
    DriverUnavailable,
    VmNotFound,
    VmStateConflict,
)
from batwa_common.wire.vm import CreateVm

RECORDINGS = Path(__file__).parent.parent / "recordings"
PLAYER = """
import json, os, stat, sys, time
here, argv = os.path.dirname(os.path.abspath(__file__)), sys.argv[1:]
files = [[oct(os.stat(a).st_mode & 0o777), open(a).read()] for a in argv if a.endswith(".yaml")]
with open(here + "/calls", "a") as log:
    log.write(json.dumps({"argv": argv, "files": files}) + "\\n")
for words, play in json.load(open(here + "/plan.json")):
    if argv[: len(words)] == words:
        break
else:
    sys.exit("not in the plan: %r" % argv)
for chunk in play["chunks"]:
    os.write(1, chunk.encode())
if play["exit"] is None:
    time.sleep(600)
if play["exit"] < 0:
    os.kill(os.getpid(), -play["exit"])
sys.exit(play["exit"])
"""
HANG: dict[str, Any] = {"chunks": [], "exit": None}


def _answer(text: str, code: int = 0) -> dict[str, Any]:
    return {"chunks": [text], "exit": code}


def _recorded(name: str) -> dict[str, Any]:
    recording = json.loads((RECORDINGS / f"{name}.json").read_text())
    output = recording["stdout"] + ("" if recording["tty"] else recording["stderr"])
    chunks = [output[at : at + 100] for at in range(0, len(output), 100)]
    return {"chunks": chunks, "exit": recording["exit"]}


class Player:
    """A `multipass` that answers as planned and keeps a record of what it was asked."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.program = directory / "multipass"
        self.program.write_text(f"#!{sys.executable} -SE\n{PLAYER}")
        self.program.chmod(0o755)
        self.plan({})

    def plan(self, plays: dict[str, str | dict[str, Any]]) -> None:
        """Answer calls that begin with these words with that recording, or that answer."""
        rows = [
            (words.split(), _recorded(play) if isinstance(play, str) else play)
            for words, play in plays.items()
        ]
        (self._directory / "plan.json").write_text(json.dumps(rows))

    def asked(self) -> list[str]:
        """Return the command lines so far."""
        return [" ".join(call["argv"]) for call in self.calls()]

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls so far, with the files that were named in them."""
        log = self._directory / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def player(tmp_path: Path) -> Player:
    return Player(tmp_path)


MakeDriver = Callable[..., Multipass]


@pytest.fixture
def make(player: Player, tmp_path: Path) -> MakeDriver:
    def driver(**options: Any) -> Multipass:
        return Multipass(str(player.program), scratch_dir=tmp_path / "scratch", **options)

    return driver


async def _asked(player: Player) -> list[str]:
    return await asyncio.to_thread(player.asked)


async def _until_asked(player: Player, count: int) -> None:
    for _ in range(2000):
        if len(await _asked(player)) >= count:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(f"fewer than {count} calls after 20 s")


async def test_the_list_asks_no_instance(player: Player, make: MakeDriver) -> None:
    player.plan({"list --no-ipv4": "61-frozen-list-no-ipv4"})
    driver: Driver = make()
    assert [vm.name for vm in await driver.list_vms()] == ["foo", "web"]
    assert await _asked(player) == ["list --no-ipv4 --format json"]


async def test_an_old_program_is_probed_once_and_then_asked_plainly(player: Player, make: MakeDriver) -> None:
    player.plan({"list --no-ipv4": "03-unknown-option", "list": "32-list-two-running-json"})
    driver = make()
    for _ in range(2):
        assert [vm.state for vm in await driver.list_vms()] == ["Running", "Running"]
    assert await _asked(player) == ["list --no-ipv4 --format json", *["list --format json"] * 2]


async def test_lists_that_overlap_are_one_process(player: Player, make: MakeDriver) -> None:
    player.plan({"list": HANG})
    driver = make(deadlines=Deadlines(list_s=1.0))
    results = await asyncio.gather(*(driver.list_vms() for _ in range(20)), return_exceptions=True)
    assert {type(result) for result in results} == {DriverTimeout}
    assert len(await _asked(player)) == 1


async def test_one_who_leaves_does_not_take_the_answer_from_the_others(
    player: Player, make: MakeDriver
) -> None:
    player.plan({"list": HANG})
    driver = make(deadlines=Deadlines(list_s=1.5))
    leaving, staying = (asyncio.ensure_future(driver.list_vms()) for _ in range(2))
    await _until_asked(player, 1)
    leaving.cancel()
    with pytest.raises(DriverTimeout):
        await staying
    assert leaving.cancelled()


async def test_what_only_an_instance_knows_is_asked_one_at_a_time(player: Player, make: MakeDriver) -> None:
    player.plan({"info": HANG, "list": "60-list-no-ipv4"})
    driver = make(deadlines=Deadlines(info_s=1.5))
    asking = [asyncio.ensure_future(driver.details(name)) for name in ("foo", "web", "foo")]
    await _until_asked(player, 1)
    assert len(await driver.list_vms()) == 2
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(result) for result in results} == {DriverTimeout}
    assert [call for call in await _asked(player) if "web" in call] == []


async def test_a_daemon_that_hangs_is_reported_with_the_command_and_the_time(
    player: Player, make: MakeDriver
) -> None:
    began = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    driver = make(deadlines=Deadlines(list_s=0.5), now=lambda: began)
    player.plan({"version": "01-version-json", "list": HANG})
    with pytest.raises(DriverTimeout, match=r"multipass list has not answered for 0\.5 s"):
        await driver.list_vms()
    status = await driver.status()
    assert status.version == "1.16.3"
    assert "multipass list has not answered" in str(status.problem)
    assert status.problem_since == began


async def test_a_hang_is_over_with_the_next_answer(player: Player, make: MakeDriver) -> None:
    began = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    driver = make(deadlines=Deadlines(list_s=2, status_s=2), now=lambda: began)
    player.plan({"version": HANG, "list": HANG})
    with pytest.raises(DriverTimeout):
        await driver.list_vms()
    status = await driver.status()
    assert status.problem == (
        "multipass list has not answered for 2 s; restart the Multipass daemon (with the snap: sudo snap "
        "restart multipass)"
    )
    assert status.problem_since == began
    player.plan({"version": "01-version-json", "list": "60-list-no-ipv4"})
    await driver.list_vms()
    status = await driver.status()
    assert (status.problem, status.problem_since, status.version) == (None, None, "1.16.3")


async def test_the_call_that_has_been_open_longest_is_named_as_suspect(
    player: Player, make: MakeDriver
) -> None:
    clock = [datetime(2026, 11, 21, 20, 0, tzinfo=UTC)]
    driver = make(deadlines=Deadlines(list_s=0.5, status_s=0.5), now=lambda: clock[0])
    player.plan({"stop": HANG, "list": HANG, "version": HANG})
    stopping = asyncio.ensure_future(driver.stop("web", lambda _: None, force=False))
    await _until_asked(player, 1)
    clock[0] += timedelta(minutes=2)
    with pytest.raises(DriverTimeout):
        await driver.list_vms()
    assert "multipass stop web has been open since 20:00:00 UTC" in str((await driver.status()).problem)
    stopping.cancel()
    await asyncio.wait([stopping])


async def test_status_alone_notices_a_hang(player: Player, make: MakeDriver) -> None:
    player.plan({"version": HANG})
    status = await make(deadlines=Deadlines(status_s=0.3)).status()
    assert "multipass version has not answered for 0.3 s" in str(status.problem)
    assert status.version is None


async def test_the_hypervisor_is_told_once_multipass_tells_it(player: Player, make: MakeDriver) -> None:
    clock = [datetime(2026, 11, 21, 20, 0, tzinfo=UTC)]
    driver = make(now=lambda: clock[0])
    player.plan({"version": "01-version-json", "get": "06-get-unknown"})
    assert (await driver.status()).hypervisor is None

    player.plan({"version": "01-version-json", "get": "06-get-local_driver"})
    clock[0] += timedelta(minutes=1)
    assert (await driver.status()).hypervisor == ("kvm" if sys.platform == "linux" else "qemu")
    player.plan({"version": "01-version-json", "get": "06-get-unknown"})
    clock[0] += timedelta(minutes=1)
    assert (await driver.status()).hypervisor is not None


async def test_the_version_is_asked_once_a_minute(player: Player, make: MakeDriver) -> None:
    clock = [datetime(2026, 11, 21, 20, 0, tzinfo=UTC)]
    player.plan({"version": "01-version-json"})
    driver = make(now=lambda: clock[0])
    for seconds in (0, 30, 29, 1, 30, 30):
        clock[0] += timedelta(seconds=seconds)
        assert (await driver.status()).version == "1.16.3"
    assert [call for call in await _asked(player) if call.startswith("version")] == [
        "version --format json"
    ] * 3


@pytest.mark.parametrize(
    ("recording", "says"),
    [
        ("50-down-list-json", "sudo snap start multipass"),
        ("53-unauth-list-json", "multipass authenticate"),
        ("00-neverstarted-list", "daemon is not running"),
    ],
)
async def test_a_daemon_that_cannot_be_reached_is_a_problem_with_its_remedy(
    player: Player, make: MakeDriver, recording: str, says: str
) -> None:
    player.plan({"version": "50-down-version-json", "list": recording})
    driver = make()
    with pytest.raises(DriverUnavailable, match=says):
        await driver.list_vms()
    status = await driver.status()
    assert says in str(status.problem)
    assert status.version == "1.16.3"


async def test_a_version_without_a_daemon_is_a_problem_too(player: Player, make: MakeDriver) -> None:
    player.plan({"version": "50-down-version-json"})
    assert "daemon does not answer" in str((await make().status()).problem)


async def test_a_refusal_is_no_problem_of_the_daemon(player: Player, make: MakeDriver) -> None:
    player.plan({"stop": "08-stop-nonexistent-tty", "version": "01-version-json"})
    driver = make()
    with pytest.raises(VmNotFound):
        await driver.stop("nosuch", lambda _: None, force=False)
    assert (await driver.status()).problem is None


async def test_without_home_nothing_is_asked(player: Player, make: MakeDriver) -> None:
    driver = make(env={"HOME": ""})
    with pytest.raises(DriverUnavailable, match="HOME is not set"):
        await driver.list_vms()
    assert "HOME is not set" in str((await driver.status()).problem)
    assert await _asked(player) == []


async def test_a_launch_passes_what_was_asked_for(player: Player, make: MakeDriver) -> None:
    player.plan({"launch": "31-launch-download-tty"})
    command = CreateVm(name="web", cpus=2, memory="1.5G", disk="1T", image="ubuntu-20.04")
    told: list[Progress] = []
    await make(deadlines=Deadlines(launch_s=900)).launch(command, told.append)
    assert await _asked(player) == [
        "launch 20.04 --name web --cpus 2 --memory 1536M --disk 1024G --timeout 900"
    ]
    assert told[0] == ("Creating", None)
    assert ("Retrieving image", 50.0) in told
    assert told[-1] == ("Launched", None)


@pytest.mark.parametrize("answer", ["20-launch-file-tty", "38-launch-hash-mismatch-tty"])
async def test_user_data_is_private_and_gone_afterwards(
    player: Player, make: MakeDriver, tmp_path: Path, answer: str
) -> None:
    left = tmp_path / "scratch" / "cloud-init-of-one-killed.yaml"
    left.parent.mkdir()
    left.write_text("password: old")
    player.plan({"launch": answer})
    command = CreateVm(name="web", cloud_init="#cloud-config\npassword: geheim\n")
    launch = asyncio.ensure_future(make().launch(command, lambda _: None))
    await asyncio.wait([launch])
    assert isinstance(launch.exception(), DriverFailed) is (answer != "20-launch-file-tty")
    [call] = await asyncio.to_thread(player.calls)
    assert call["argv"][:1] + call["argv"][-2:-1] == ["launch", "--cloud-init"]
    assert call["files"] == [["0o600", "#cloud-config\npassword: geheim\n"]]
    assert list(left.parent.iterdir()) == []


async def test_a_cancelled_launch_takes_its_user_data_along(
    player: Player, make: MakeDriver, tmp_path: Path
) -> None:
    player.plan({"launch": HANG})
    launch = asyncio.ensure_future(make().launch(CreateVm(name="web", cloud_init="x: y"), lambda _: None))
    await _until_asked(player, 1)
    launch.cancel()
    await asyncio.wait([launch])
    assert launch.cancelled()
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_a_start_looks_first_because_multipass_launches_an_absent_primary(
    player: Player, make: MakeDriver
) -> None:
    player.plan({"list": "30-list-deleted-json", "start": "21-start-already-running-tty"})
    driver = make()
    with pytest.raises(VmNotFound, match='instance "primary" does not exist'):
        await driver.start("primary", lambda _: None)
    with pytest.raises(VmStateConflict, match="in the trash; recover it first"):
        await driver.start("foo-clone1", lambda _: None)
    await driver.start("foo", lambda _: None)
    assert [call for call in await _asked(player) if call.startswith("start")] == ["start --timeout 600 foo"]


async def test_each_action_asks_for_one_instance_and_no_more_than_was_asked(
    player: Player, make: MakeDriver
) -> None:
    silent = _answer("")
    player.plan(
        {"stop": "27-stop-tty", "restart": "35-restart-tty", "suspend": "34-suspend-tty"}
        | {"delete": silent, "recover": silent}
    )
    driver, told = make(), list[Progress]()
    await driver.stop("foo", told.append, force=False)
    await driver.stop("foo", told.append, force=True)
    await driver.restart("foo", told.append)
    await driver.suspend("foo", told.append)
    await driver.delete("foo", purge=False)
    await driver.delete("foo", purge=True)
    await driver.recover("foo")
    assert await _asked(player) == [
        *("stop foo", "stop --force foo", "restart foo", "suspend foo"),
        *("delete foo", "delete --purge foo", "recover foo"),
    ]
    assert [one.phase for one in told] == ["Stopping", "Stopping", "Restarting", "Suspending"]
    assert list(driver.shell("foo"))[:3] == [str(player.program), "exec", "foo"]


async def test_the_size_of_a_vm_is_read_from_its_settings(player: Player, make: MakeDriver) -> None:
    player.plan(
        {
            "get local.foo.cpus": "21-get-cpus",
            "get local.foo.memory": "21-get-memory",
            "get local.foo.disk": "21-get-disk",
            "get": _answer("get failed: Unrecognized settings key: 'local.web.cpus'\n", 2),
        }
    )
    driver = make()
    assert await driver.size("foo") == (1, 1 << 30, 5 << 30)
    with pytest.raises(VmNotFound):
        await driver.size("web")


async def test_a_listener_that_fails_ends_the_launch_and_its_program(
    player: Player, make: MakeDriver
) -> None:
    player.plan({"launch": {"chunks": ["Creating foo  \x08/"], "exit": None}})

    def fail(progress: Progress) -> None:
        raise LookupError(progress.phase)

    with pytest.raises(LookupError, match="Creating"):
        await make().launch(CreateVm(name="foo"), fail)
