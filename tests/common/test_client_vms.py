"""The documented methods: plain dictionaries, and work that is waited for."""

import json
from typing import Any

import pytest

from batwa_common.client import RESTClient
from batwa_common.errors import DriverFailed, NotFound
from batwa_common.wire.vm import CreateVm

from .scripted import ScriptedHub, cut, problem, told

VM = {
    "id": "vm-123",
    "name": "example-vm",
    "status": "running",
    "cpu_cores": 2,
    "memory": 2048,
    "disk_size": 20,
    "hypervisor": "kvm",
    "network": "default",
    "vnc_port": None,
    "created_at": "2025-05-10T10:30:00Z",
}
CREATED = "2025-05-10T10:30:00Z"


def operation(state: str, revision: int, **more: object) -> dict[str, Any]:
    known = {"id": "op1", "kind": "create", "vm_name": "example-vm", "created_at": CREATED}
    return {**known, "state": state, "revision": revision, **more}


async def test_answers_are_the_documented_dictionaries(scripted: ScriptedHub) -> None:
    scripted.will(told({"vms": [VM | {"news": 1}], "next": None}))
    async with RESTClient(scripted.url) as client:
        vms = await client.list_vms()

    assert json.loads(json.dumps(vms)) == [VM | {"news": 1}], "a newer hub's keys stay"


async def test_all_pages_are_read(scripted: ScriptedHub) -> None:
    scripted.will(told({"vms": [VM], "next": "c1"}), told({"vms": [VM], "next": None}))
    async with RESTClient(scripted.url) as client:
        assert len(await client.list_vms(state="running", tag="a=b")) == 2

    assert [asked.query for asked in scripted.asked] == [
        {"state": "running", "tag": "a=b"},
        {"state": "running", "tag": "a=b", "cursor": "c1"},
    ]


async def test_only_what_is_given_is_asked_for(scripted: ScriptedHub) -> None:
    scripted.will(told(VM))
    async with RESTClient(scripted.url) as client:
        vm = await client.create_vm(name="example-vm", image="ubuntu-20.04", cpu_cores=2)

    assert vm == VM
    assert scripted.asked[0].body == {"name": "example-vm", "image": "ubuntu-20.04", "cpu_cores": 2}


async def test_long_work_is_polled_and_then_answered_as_documented(scripted: ScriptedHub) -> None:
    scripted.will(
        told(operation("queued", 1), 202),
        told(operation("running", 2, phase="Retrieving image", percent=42.0)),
        cut,
        told(operation("succeeded", 3)),
        told(VM),
    )
    async with RESTClient(scripted.url) as client:
        assert await client.create_vm("example-vm", "22.04") == VM

    first, *polls, last = scripted.asked
    assert first.headers["Prefer"] == "respond-async"
    assert {poll.path for poll in polls} == {"/api/operations/op1"}
    assert polls[-1].query["after_revision"] == "2"
    assert last.headers["Idempotency-Key"] == first.headers["Idempotency-Key"]
    assert last.body == first.body and "Prefer" not in last.headers


async def test_work_that_fails_raises_what_made_it_fail(scripted: ScriptedHub) -> None:
    error = {"code": "driver-failed", "status": 502, "detail": "no space left"}
    scripted.will(told(operation("running", 1), 202), told(operation("failed", 2, error=error)))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(DriverFailed, match="no space left"):
            await client.create_vm("example-vm", "22.04")


async def test_an_operation_is_followed_change_by_change(scripted: ScriptedHub) -> None:
    scripted.will(
        told(operation("queued", 1), 202),
        told(operation("running", 2, percent=10.0)),
        told(operation("running", 2, percent=10.0)),
        told(operation("succeeded", 3)),
    )
    async with RESTClient(scripted.url) as client:
        begun = await client.submit(CreateVm(name="example-vm", memory="2G"))
        seen = [each.state async for each in client.follow_operation(begun)]

    assert seen == ["queued", "running", "succeeded"]
    assert scripted.asked[0].body == {"name": "example-vm", "memory": "2G"}


async def test_an_operation_is_followed_no_longer_than_asked(scripted: ScriptedHub) -> None:
    scripted.will(told(operation("running", 1)))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(TimeoutError, match="goes on"):
            await client.wait_operation("op1", within_s=0.05)


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        (("start_vm", "x"), ("POST", "/api/vm/x/start", None)),
        (("stop_vm", "x", True), ("POST", "/api/vm/x/stop", {"force": True})),
        (("restart_vm", "x"), ("POST", "/api/vm/x/restart", None)),
        (("delete_vm", "x", False), ("DELETE", "/api/vm/x", {"delete_disk": False})),
        (("start_remote_vm", "p", "v"), ("POST", "/api/remote/p/vm/v/start", None)),
        (("stop_remote_vm", "p", "v"), ("POST", "/api/remote/p/vm/v/stop", {"force": False})),
        (("delete_remote_vm", "p", "v"), ("DELETE", "/api/remote/p/vm/v", {"delete_disk": True})),
    ],
)
async def test_each_documented_method_asks_what_is_documented(
    scripted: ScriptedHub, call: tuple[Any, ...], asked: tuple[Any, ...]
) -> None:
    scripted.will(told({"success": True, "name": "x", "status": "s", "peer_id": "p", "vm_id": "v"}))
    async with RESTClient(scripted.url) as client:
        answer = await getattr(client, call[0])(*call[1:])

    assert answer["success"] is True and answer.get("status") == "s"
    assert (scripted.asked[0].method, scripted.asked[0].path, scripted.asked[0].body) == asked


async def test_the_documented_peer_methods_have_both_of_their_names(scripted: ScriptedHub) -> None:
    peer = {"id": "peer-1", "name": "n", "address": "h", "port": 1, "status": "online", "services": ["vm"]}
    scripted.will(told({"peers": [peer]}), told({"response": {"status": "ok"}}), told(peer))
    async with RESTClient(scripted.url) as client:
        assert (await client.get_peers())[0].get("id") == "peer-1"
        assert await client.send_message("peer-1", "HELLO", {"message": "hi"}) == {"status": "ok"}
        assert await client.get_peer_info() == peer

    assert scripted.asked[1].body == {"peer_id": "peer-1", "message_type": "HELLO", "data": {"message": "hi"}}
    for one, other in [
        ("get_peers", "list_peers"),
        ("start_p2p_services", "start_p2p"),
        ("get_vm", "get_vm_status"),
    ]:
        assert getattr(RESTClient, one) is getattr(RESTClient, other)


async def test_a_hub_without_exec_says_so(scripted: ScriptedHub) -> None:
    scripted.will(problem(404, "not-found"))
    async with RESTClient(scripted.url) as client:
        with pytest.raises(NotFound):
            await client.exec_vm("x", ["true"])

    assert scripted.asked[0].body == {"command": ["true"], "timeout_s": 60.0}
