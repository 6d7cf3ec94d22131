"""VMs as resources and the scope of tokens, over agents that exist only in the test."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, web
from aiohttp.test_utils import TestClient

from batwa_common.wire.operation import Operation
from batwa_hub.hub import Hub

from .fleet_fakes import key_for, serving, vm


async def enrol(
    admin: TestClient,
    agent_id: str,
    *names: str,
    tags: dict[str, str] | None = None,
    api_url: str = "http://127.0.0.1:9",
    **driver: object,
) -> dict[str, str]:
    """Register an agent with VMs of these names; return the headers that authenticate it."""
    headers = {"X-API-Key": await key_for(admin, agent_id)}
    body = {"agent_id": agent_id, "hostname": f"{agent_id}-host", "api_url": api_url}
    body |= {"features": ["inventory", "operations"], "tags": tags or {}}
    assert (await admin.post("/api/agent/register", json=body, headers=headers)).status == 200
    await tell(admin, agent_id, headers, 1, *names, **driver)
    return headers


async def tell(
    admin: TestClient, agent_id: str, headers: dict[str, str], revision: int, *names: str, **driver: object
) -> None:
    vms = [vm(name, id=f"vm-{agent_id}-{name}", cpus=2).model_dump(mode="json") for name in names]
    body = {"agent_id": agent_id, "inventory": {"epoch": "e", "revision": revision, "vms": vms}}
    body |= {"driver": {"name": "multipass", **driver}}
    assert (await admin.post("/api/agent/heartbeat", json=body, headers=headers)).status == 200


async def listed(client: TestClient | ClientSession, query: str = "", **headers: str) -> dict[str, Any]:
    answer = await client.get(f"/api/vm{query}", headers=headers)
    assert answer.status == 200, await answer.text()
    return dict(await answer.json())


def places(answer: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [(each["agent_id"], each["name"]) for each in answer["vms"]]


@pytest.fixture
async def fleet(admin: TestClient) -> TestClient:
    """The local agent with `b`; oslo with `a` and `web`; bergen with `web`."""
    await enrol(admin, "local", "b", hypervisor="kvm")
    await enrol(admin, "oslo", "web", "a", tags={"site": "oslo", "room": "1"}, hypervisor="hyperkit")
    await enrol(admin, "bergen", "web", tags={"site": "bergen"})
    return admin


async def token(admin: TestClient, **asked: object) -> dict[str, str]:
    answer = await admin.post("/api/auth/tokens", json={"name": "ci", "role": "operator"} | asked)
    return {"Authorization": f"Bearer {(await answer.json())['token']}"}


async def test_the_list_is_in_the_order_of_agents_and_names(fleet: TestClient) -> None:
    answer = await listed(fleet)

    assert places(answer) == [(None, "b"), ("bergen", "web"), ("oslo", "a"), ("oslo", "web")]
    assert answer["next"] is None
    assert [each["hypervisor"] for each in answer["vms"]] == ["kvm", "unknown", "hyperkit", "hyperkit"]
    assert list(answer["vms"][0])[:10] == [
        *("id", "name", "status", "cpu_cores", "memory"),
        *("disk_size", "hypervisor", "network", "vnc_port", "created_at"),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?agent_id=oslo", ["a", "web"]),
        ("?agent_id=local", ["b"]),
        ("?agent_id=nowhere", []),
        ("?tag=site=oslo", ["a", "web"]),
        ("?tag=site=nowhere", []),
        ("?q=WEB", ["web", "web"]),
        ("?q=bergen-h", ["web"]),
        ("?state=running&q=a&agent_id=oslo", ["a"]),
        ("?state=stopped", []),
    ],
)
async def test_filters(fleet: TestClient, query: str, found: list[str]) -> None:
    answer = await listed(fleet, query)
    assert [each["name"] for each in answer["vms"]] == found


async def test_pages_follow_each_other_though_vms_come_and_go(fleet: TestClient) -> None:
    first = await listed(fleet, "?limit=2")
    assert places(first) == [(None, "b"), ("bergen", "web")]
    await enrol(fleet, "alta", "new")  # before the cursor: not seen on later pages

    second = await listed(fleet, f"?limit=1&cursor={first['next']}")
    third = await listed(fleet, f"?limit=1&cursor={second['next']}")

    assert (places(second), places(third)) == ([("oslo", "a")], [("oslo", "web")])
    assert third["next"] is None


@pytest.mark.parametrize("cursor", ["x", "bnVsbA==", "WzFd", "é", "%00"])
async def test_a_cursor_of_somebody_elses_is_refused(fleet: TestClient, cursor: str) -> None:
    assert (await fleet.get("/api/vm", params={"cursor": cursor})).status == 400


@pytest.mark.parametrize("query", ["?state=gone", "?limit=0", "?limit=x", "?tag=x", "?what=1"])
async def test_a_bad_filter_is_refused(fleet: TestClient, query: str) -> None:
    assert (await fleet.get(f"/api/vm{query}")).status == 400


@pytest.mark.parametrize("path", ["/api/vm", "/api/vm/b"])
async def test_who_has_it_already_is_told_so_until_something_changes(fleet: TestClient, path: str) -> None:
    tag = (await fleet.get(path)).headers["ETag"]

    for known in (tag, f'"x", {tag}', "*"):
        answer = await fleet.get(path, headers={"If-None-Match": known})
        assert (answer.status, await answer.read(), answer.headers["ETag"]) == (304, b"", tag)
    await enrol(fleet, "local", "b", "c", hypervisor="qemu")
    answer = await fleet.get(path, headers={"If-None-Match": tag})
    assert answer.status == 200 and answer.headers["ETag"] != tag


async def test_an_id_does_where_a_name_does(fleet: TestClient) -> None:
    assert (await (await fleet.get("/api/vm/vm-oslo-web")).json())["agent_id"] == "oslo"
    answer = await fleet.get("/api/vm/web")
    assert answer.status == 409 and "'bergen', 'oslo'" in (await answer.json())["error"]
    assert (await (await fleet.get("/api/vm/web?agent_id=bergen")).json())["agent_id"] == "bergen"


@pytest.mark.parametrize(
    ("agent", "asked", "status"),
    [("local", "qemu", 502), ("local", "xen", 400), ("oslo", "hyperkit", 502), ("oslo", "kvm", 400)],
)
async def test_a_hypervisor_that_is_not_there_is_refused(
    fleet: TestClient, agent: str, asked: str, status: int
) -> None:
    body = {"name": "n", "image": "22.04", "hypervisor": asked}
    answer = await fleet.post(f"/api/vm?agent_id={agent}", json=body)
    assert answer.status == status, await answer.text()  # 502: it went to the agent, which is nowhere
    if status == 400:
        assert "what is: " in (await answer.json())["error"]


@pytest.mark.parametrize("scope", [{"agents": ["oslo"]}, {"tags": {"site": "oslo"}}], ids=str)
async def test_what_is_outside_a_scope_does_not_exist(
    fleet: TestClient, hub: Hub, scope: dict[str, object]
) -> None:
    mine = await token(fleet, **scope)
    for agent_id in ("oslo", "bergen"):
        await fleet.post("/api/vm/stop", json={"name": "web", "agent_id": agent_id})  # makes an operation
    operations: list[Operation] = list(await hub.fleet.find_operations())
    theirs = next(each.id for each in operations if each.agent_id == "bergen")

    assert places(await listed(fleet, **mine)) == [("oslo", "a"), ("oslo", "web")]
    ready_made = await (await fleet.get("/api/vm/list", headers=mine)).json()
    assert [each["agent_id"] for each in ready_made["vms"]] == ["oslo", "oslo"]
    assert [each["agent_id"] for each in await (await fleet.get("/api/agent/list", headers=mine)).json()] == [
        "oslo"
    ]
    seen = await (await fleet.get("/api/operations", headers=mine)).json()
    assert {each["agent_id"] for each in seen} == {"oslo"}
    for method, path in (
        ("GET", "/api/agent/info/bergen"),
        ("GET", "/api/vm/b"),
        ("GET", "/api/vm/web?agent_id=bergen"),
        ("GET", "/api/vm/info/b"),
        ("POST", "/api/vm/b/stop"),
        ("DELETE", "/api/vm/vm-bergen-web"),
        ("GET", f"/api/operations/{theirs}"),
        ("DELETE", f"/api/operations/{theirs}"),
    ):
        assert (await fleet.request(method, path, headers=mine)).status == 404, path
    assert (await fleet.get("/api/vm/web", headers=mine)).status == 200  # the only one it knows


@pytest.mark.parametrize("scope", [{"agents": ["oslo"]}, {"tags": {"site": "oslo"}}], ids=str)
async def test_a_watcher_with_a_scope_sees_its_agents_and_their_end(
    fleet: TestClient, hub: Hub, scope: dict[str, object]
) -> None:
    mine, seen = await token(fleet, **scope), []
    async with fleet.get("/api/events", headers=mine) as stream:
        await stream.content.readline()
        for agent_id in ("bergen", "oslo"):
            await hub.agents.unregister(agent_id)
        async with asyncio.timeout(5):
            while len(seen) < 3:
                line = await stream.content.readline()
                if line.startswith(b"data:"):
                    seen.append(json.loads(line.removeprefix(b"data: "))["subject"])
    assert sorted(seen) == ["oslo", "oslo/a", "oslo/web"]


async def test_a_revoked_token_s_terminal_ends_within_a_second(
    admin: TestClient,
) -> None:
    async def shell(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_bytes(b"$ ")
        await socket.receive()
        return socket

    runner, url = await serving({("GET", "/ws"): shell})
    try:
        await enrol(admin, "oslo", "web", api_url=url)
        made = await (await admin.post("/api/auth/tokens", json={"name": "ci", "role": "operator"})).json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        async with admin.ws_connect("/ws?vm_name=web", headers=headers) as socket:
            assert (await socket.receive(5)).data == b"$ "
            assert (await admin.delete(f"/api/auth/tokens/{made['id']}")).status == 200
            ended = await socket.receive(1)
        assert ended.type in {WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR}
    finally:
        await runner.cleanup()
