"""Work as an object: accepted once, done once, undone when asked, and settled with the truth."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from batwa_common.errors import (
    AgentNotFound,
    BatwaError,
    DriverUnavailable,
    IdempotencyKeyReused,
    InvalidRequest,
    OperationEnded,
    OperationNotFound,
    VmBusy,
    VmExists,
    VmNotFound,
    VmStateConflict,
)
from batwa_common.vms import VmService, ended
from batwa_common.web.vms import AnyCommand
from batwa_common.wire.operation import Operation
from batwa_common.wire.vm import (
    CreateVm,
    DeleteVm,
    RecoverVm,
    RestartVm,
    StartVm,
    StopVm,
    SuspendVm,
    VmState,
)
from tests.agent.conftest import Running, Start
from tests.agent.fakes import BROKEN, FakeDriver


async def end_of(service: VmService, operation: Operation) -> Operation:
    after = await ended(service, operation, within_s=5)
    assert after.has_ended, after
    return after


async def do(life: Running, command: AnyCommand) -> Operation:
    return await end_of(life.machine, await life.machine.submit(command, requested_by="ann"))


async def test_a_hub_that_was_away_at_the_end_has_the_vm_before_it_sees_that_end(start: Start) -> None:
    async with start(FakeDriver()) as life:
        life.hub.clear()
        made = await do(life, CreateVm(name="oslo"))
        assert not any("oslo" in told for told in life.published)
        life.hub.set()
        await life.machine.get_operation(made.id, after_revision=None, wait_s=0)
        assert life.published == ["oslo"]
        await life.machine.get_operation(made.id, after_revision=None, wait_s=0)
        assert life.published == ["oslo"], "once is enough"


async def test_a_create_tells_its_progress_and_ends_with_the_vm(start: Start) -> None:
    driver = FakeDriver()
    driver.gate = asyncio.Event()
    async with start(driver) as life:
        operation = await life.machine.submit(CreateVm(name="oslo"), requested_by="ann")
        assert (operation.state, operation.kind, operation.requested_by) == ("queued", "create", "ann")
        await driver.begun.wait()
        running = await life.machine.get_operation(operation.id, after_revision=operation.revision, wait_s=5)
        assert (running.state, running.phase, running.percent) == ("running", "Retrieving image", 40)
        driver.gate.set()
        operation = await end_of(life.machine, running)
        assert operation.state == "succeeded"
        assert operation.vm == life.inventory.vms["oslo"]
        assert [line.text for line in operation.log] == ["Started", "Retrieving image", "Succeeded"]
        assert "oslo" in life.published[-1]  # the hub had it before anybody could see the success


async def test_a_failure_is_told_in_the_drivers_words(start: Start) -> None:
    driver = FakeDriver(a="Stopped")
    driver.failure = BROKEN
    async with start(driver) as life:
        operation = await do(life, StartVm(name="a"))
        assert operation.state == "failed"
        assert operation.error is not None
        assert (operation.error.code, operation.error.status) == ("driver-failed", 502)
        assert operation.error.detail == str(BROKEN)
        assert operation.log[-1].text == f"Failed: {BROKEN}"


async def test_the_same_key_does_it_once(start: Start) -> None:
    driver = FakeDriver()
    async with start(driver) as life:
        command = CreateVm(name="oslo")
        submit = life.machine.submit
        first, second = await asyncio.gather(
            *(submit(command, requested_by="ann", idempotency_key="k") for _ in range(2))
        )
        assert first.id == second.id
        await end_of(life.machine, first)
        again = await submit(command, requested_by="ann", idempotency_key="k")
        assert again.state == "succeeded"
        with pytest.raises(VmExists):  # another caller's key is another key
            await submit(command, requested_by="bob", idempotency_key="k")
        with pytest.raises(IdempotencyKeyReused):
            await submit(CreateVm(name="rome"), requested_by="ann", idempotency_key="k")
        assert driver.calls.count("launch oslo") == 1


async def test_the_hubs_id_is_kept_and_means_one_command(start: Start) -> None:
    async with start(FakeDriver(a="Stopped")) as life:
        put = life.machine.put
        operation = await put("op-77", StartVm(name="a", agent_id="here"), requested_by="ann")
        assert operation.id == "op-77"
        await end_of(life.machine, operation)
        assert (await put("op-77", StartVm(name="a"), requested_by="ann")).state == "succeeded"
        with pytest.raises(IdempotencyKeyReused):
            await put("op-77", StopVm(name="a"), requested_by="ann")
        with pytest.raises(AgentNotFound):
            await put("op-78", StopVm(name="a", agent_id="there"), requested_by="ann")
        for bad in ("", "../x", ".hidden", "x" * 65):
            with pytest.raises(InvalidRequest):
                await put(bad, StopVm(name="a"), requested_by="ann")


async def test_a_vm_does_one_thing_at_a_time(start: Start) -> None:
    driver = FakeDriver(a="Running", b="Running")
    driver.gate = asyncio.Event()
    async with start(driver) as life:
        first = await life.machine.submit(StopVm(name="a"), requested_by="ann")
        with pytest.raises(VmBusy, match=f"'a' is busy: operation {first.id} \\(stop\\)"):
            await life.machine.submit(DeleteVm(name="a"), requested_by="bob")
        other = await life.machine.submit(StopVm(name="b"), requested_by="bob")
        driver.gate.set()
        for operation in (first, other):
            assert (await end_of(life.machine, operation)).state == "succeeded"


SENTENCES: list[tuple[VmState, AnyCommand, str]] = [
    ("Running", StartVm(name="a"), "VM 'a' is Running already"),
    ("Stopped", StopVm(name="a"), "VM 'a' is Stopped already"),
    ("Suspended", StopVm(name="a"), "VM 'a' is Suspended already; start it"),
    ("Stopped", SuspendVm(name="a"), "VM 'a' is Stopped; only a Running VM can be suspended. Start it first"),
    ("Stopped", RestartVm(name="a"), "only a Running VM can be restarted"),
    ("Running", RecoverVm(name="a"), "VM 'a' is Running, not in the trash"),
    ("Deleted", StartVm(name="a"), "VM 'a' is in the trash; recover it first"),
    ("Deleted", DeleteVm(name="a"), "in the trash already; recover it, or delete it with purge"),
]


@pytest.mark.parametrize(("state", "command", "sentence"), SENTENCES)
async def test_a_state_that_forbids_it_is_named(
    start: Start, state: VmState, command: AnyCommand, sentence: str
) -> None:
    async with start(FakeDriver(a=state)) as life:
        with pytest.raises(VmStateConflict, match=sentence):
            await life.machine.submit(command, requested_by="ann")
        assert await life.machine.find_operations() == []


ALLOWED: list[tuple[VmState, AnyCommand, str]] = [
    ("Deleted", RecoverVm(name="a"), "recover a"),
    ("Deleted", DeleteVm(name="a", purge=True), "delete --purge a"),
    ("Running", DeleteVm(name="a"), "delete a"),
    ("Running", StopVm(name="a", force=True), "stop --force a"),
    ("Unknown", StopVm(name="a", force=True), "stop --force a"),
    ("Suspended", StartVm(name="a"), "start a"),
    ("Running", SuspendVm(name="a"), "suspend a"),
    ("Running", RestartVm(name="a"), "restart a"),
]


@pytest.mark.parametrize(("state", "command", "call"), ALLOWED)
async def test_what_is_allowed_reaches_the_driver(
    start: Start, state: VmState, command: AnyCommand, call: str
) -> None:
    driver = FakeDriver(a=state)
    async with start(driver) as life:
        assert (await do(life, command)).state == "succeeded"
    assert driver.calls == [call]


async def test_names_that_are_taken_or_unknown_are_refused_at_once(start: Start) -> None:
    async with start(FakeDriver(a="Running", old="Deleted")) as life:
        with pytest.raises(VmExists, match="exists already"):
            await life.machine.submit(CreateVm(name="a"), requested_by="ann")
        with pytest.raises(VmExists, match="in the trash"):
            await life.machine.submit(CreateVm(name="old"), requested_by="ann")
        with pytest.raises(VmNotFound, match="no VM 'b'"):
            await life.machine.submit(StartVm(name="b"), requested_by="ann")


async def test_a_vm_may_be_named_by_its_id(start: Start) -> None:
    driver = FakeDriver(a="Running")
    async with start(driver) as life:
        operation = await do(life, StopVm(name=life.inventory.vms["a"].id))
        assert (operation.state, operation.vm_name) == ("succeeded", "a")


async def test_while_multipass_is_silent_new_work_is_refused_and_old_is_told(start: Start) -> None:
    driver = FakeDriver(a="Running")
    async with start(driver) as life:
        submit = life.machine.submit
        operation = await submit(StopVm(name="a"), requested_by="ann", idempotency_key="k")
        await end_of(life.machine, operation)
        driver.silence = DriverUnavailable("the daemon of Multipass is down")
        await life.watcher.look()
        with pytest.raises(DriverUnavailable, match="is down"):
            await submit(StartVm(name="a"), requested_by="ann")
        again = await submit(StopVm(name="a"), requested_by="ann", idempotency_key="k")
        assert again.id == operation.id


async def test_creates_wait_in_line_and_a_queued_one_is_cancelled_at_once(start: Start) -> None:
    driver = FakeDriver()
    driver.gate = asyncio.Event()
    async with start(driver) as life:
        first, second, third = [
            await life.machine.submit(CreateVm(name=name), requested_by="ann") for name in ("a", "b", "c")
        ]
        await driver.begun.wait()
        assert (await life.machine.get_operation(second.id)).state == "queued"
        assert (await life.machine.cancel_operation(second.id)).state == "cancelled"
        driver.gate.set()
        assert (await end_of(life.machine, first)).state == "succeeded"
        assert (await end_of(life.machine, third)).state == "succeeded"
        with pytest.raises(OperationEnded, match="has ended: cancelled"):
            await life.machine.cancel_operation(second.id)
    assert driver.calls == ["launch a", "launch c"]


@pytest.mark.parametrize("leftover", [False, True])
async def test_a_create_that_is_called_off_leaves_nothing_of_its_own(start: Start, leftover: bool) -> None:
    driver = FakeDriver(other="Deleted")
    driver.gate, driver.leftover = asyncio.Event(), leftover
    async with start(driver) as life:
        operation = await life.machine.submit(CreateVm(name="oslo"), requested_by="ann")
        await driver.begun.wait()
        answer = await life.machine.cancel_operation(operation.id)
        assert answer.phase == "Cancelling"
        await life.machine.cancel_operation(operation.id)  # asking twice is fine
        assert (await end_of(life.machine, answer)).state == "cancelled"
    assert driver.vms == {"other": "Deleted"}
    assert ("delete --purge oslo" in driver.calls) is leftover


async def test_what_runs_and_is_no_create_can_no_longer_be_cancelled(start: Start) -> None:
    driver = FakeDriver(a="Running")
    driver.gate = asyncio.Event()
    async with start(driver) as life:
        operation = await life.machine.submit(StopVm(name="a"), requested_by="ann")
        await driver.begun.wait()
        with pytest.raises(OperationEnded, match="can no longer be cancelled"):
            await life.machine.cancel_operation(operation.id)
        with pytest.raises(OperationNotFound):
            await life.machine.cancel_operation("op-none")
        driver.gate.set()
        await end_of(life.machine, operation)


async def test_only_so_many_ended_operations_are_kept(start: Start, tmp_path: Path) -> None:
    async with start(FakeDriver(a="Stopped")) as life:
        commands = (StartVm(name="a"), StopVm(name="a"), StartVm(name="a"), StopVm(name="a"))
        ids = [(await do(life, command)).id for command in commands]
        kept = [operation.id for operation in await life.machine.find_operations()]
        assert kept == ids[:0:-1]
        assert {path.stem for path in (tmp_path / "operations").iterdir()} == set(kept)


async def test_waiting_for_news_ends_with_the_time_given(start: Start) -> None:
    driver = FakeDriver(a="Running")
    driver.gate = asyncio.Event()
    async with start(driver) as life:
        operation = await life.machine.submit(StopVm(name="a"), requested_by="ann")
        await driver.begun.wait()
        now = await life.machine.get_operation(operation.id)
        assert await life.machine.get_operation(now.id, after_revision=now.revision, wait_s=0.01) == now
        driver.gate.set()
        await end_of(life.machine, now)


@asynccontextmanager
async def killed_during(start: Start, driver: FakeDriver, command: AnyCommand) -> AsyncIterator[Operation]:
    """Run an agent that is killed while *command* is under way."""
    driver.gate = asyncio.Event()
    async with start(driver) as life:
        operation = await life.machine.submit(command, requested_by="ann")
        await driver.begun.wait()
    driver.gate = None
    driver.calls.clear()
    yield operation


AFTERMATH: list[tuple[AnyCommand, VmState, VmState | None, str]] = [
    (StartVm(name="a"), "Stopped", "Running", "succeeded"),
    (StartVm(name="a"), "Stopped", "Stopped", "and now VM 'a' is Stopped"),
    (StartVm(name="a"), "Stopped", "Unknown", "and now VM 'a' is Unknown"),
    (StopVm(name="a"), "Running", "Stopped", "succeeded"),
    (StopVm(name="a"), "Running", "Running", "and now VM 'a' is Running"),
    (SuspendVm(name="a"), "Running", "Suspended", "succeeded"),
    (RestartVm(name="a"), "Running", "Running", "succeeded"),
    (RestartVm(name="a"), "Running", None, "there is no VM 'a'"),
]


@pytest.mark.parametrize(("command", "before", "after", "end"), AFTERMATH)
async def test_after_a_restart_the_list_says_what_became_of_it(
    start: Start, command: AnyCommand, before: VmState, after: VmState | None, end: str
) -> None:
    driver = FakeDriver(a=before)
    async with killed_during(start, driver, command) as operation:
        driver.vms = {} if after is None else {"a": after}
        async with start(driver) as life:
            settled = await end_of(life.machine, await life.machine.get_operation(operation.id))
        assert settled.revision > operation.revision
        if end == "succeeded":
            assert settled.state == "succeeded" and settled.vm is not None
        else:
            assert settled.error is not None and settled.error.code == "operation-interrupted"
            assert end in settled.error.detail
        assert driver.calls == []


async def test_a_create_cut_off_before_its_vm_appeared_has_failed(start: Start) -> None:
    driver = FakeDriver()
    async with killed_during(start, driver, CreateVm(name="oslo")) as operation, start(driver) as life:
        settled = await end_of(life.machine, await life.machine.get_operation(operation.id))
        assert settled.error is not None
        assert settled.error.detail == (
            "The agent was restarted during this create, and now there is no VM 'oslo'. Create it again."
        )
        assert driver.calls == []  # never launched twice


async def test_a_create_whose_vm_comes_up_has_succeeded(start: Start) -> None:
    driver = FakeDriver()
    driver.leftover = True
    async with killed_during(start, driver, CreateVm(name="oslo")) as operation, start(driver) as life:
        found = await life.machine.get_operation(operation.id, after_revision=0, wait_s=5)
        assert found.state == "running"
        with pytest.raises(VmBusy):
            await life.machine.submit(DeleteVm(name="oslo"), requested_by="ann")
        driver.vms["oslo"] = "Running"
        settled = await end_of(life.machine, found)
        assert settled.state == "succeeded" and settled.vm is not None
        assert driver.calls == []


async def test_a_cancel_that_was_promised_is_kept_after_a_restart(start: Start) -> None:
    driver = FakeDriver()
    driver.gate, driver.leftover = asyncio.Event(), True
    async with start(driver) as life:
        operation = await life.machine.submit(CreateVm(name="oslo"), requested_by="ann")
        await driver.begun.wait()
        await life.machine.cancel_operation(operation.id)
    driver.vms["oslo"] = "Running"
    async with start(driver) as life:
        settled = await end_of(life.machine, await life.machine.get_operation(operation.id))
        assert settled.state == "cancelled"
    assert driver.vms == {}


async def test_an_interrupted_create_can_still_be_called_off(start: Start) -> None:
    driver = FakeDriver()
    driver.leftover = True
    async with killed_during(start, driver, CreateVm(name="oslo")) as operation, start(driver) as life:
        asked = await life.machine.cancel_operation(operation.id)
        assert (await end_of(life.machine, asked)).state == "cancelled"
    assert driver.vms == {}


async def test_what_was_queued_is_done_after_a_restart(start: Start) -> None:
    driver = FakeDriver()
    driver.gate = asyncio.Event()
    async with start(driver) as life:
        await life.machine.submit(CreateVm(name="a"), requested_by="ann")
        await driver.begun.wait()
        queued = await life.machine.submit(CreateVm(name="b"), requested_by="ann")
    driver.gate = None
    async with start(driver) as life:
        assert (await end_of(life.machine, queued)).state == "succeeded"
    assert driver.vms == {"b": "Running"}


async def test_while_multipass_is_silent_an_interrupted_operation_waits_for_the_truth(start: Start) -> None:
    driver = FakeDriver(a="Stopped")
    async with killed_during(start, driver, StartVm(name="a")) as operation:
        driver.silence = DriverUnavailable("the daemon is down")
        async with start(driver) as life:
            now = await life.machine.get_operation(operation.id, after_revision=0, wait_s=5)
            now = await life.machine.get_operation(now.id, after_revision=now.revision, wait_s=0.05)
            assert now.state == "running"
            driver.vms["a"], driver.silence = "Running", None
            assert (await end_of(life.machine, now)).state == "succeeded"


async def test_a_damaged_file_is_set_aside_and_the_rest_goes_on(start: Start, tmp_path: Path) -> None:
    driver = FakeDriver(a="Stopped")
    async with start(driver) as life:
        operation = await do(life, StartVm(name="a"))
    (tmp_path / "operations" / "op-torn.json").write_text("{")
    async with start(driver) as life:
        assert [known.id for known in await life.machine.find_operations()] == [operation.id]
    assert (tmp_path / "operations" / "op-torn.damaged").exists()


async def test_a_bug_in_one_operation_is_its_failure_and_nobody_elses(start: Start) -> None:
    class Buggy(FakeDriver):
        async def recover(self, name: str) -> None:
            raise KeyError(name)

    async with start(Buggy(a="Deleted", b="Stopped")) as life:
        with capture_logs() as logged:
            operation = await do(life, RecoverVm(name="a"))
        assert "operation.bug" in {entry["event"] for entry in logged}
        assert operation.error is not None and operation.error.code == BatwaError.code
        assert (await do(life, StartVm(name="b"))).state == "succeeded"
