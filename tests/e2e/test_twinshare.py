"""The VM part of the second documented API, walked with real processes by a script that has a token."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from .fleet import Fleet

CONTRACT = {
    "id",
    "name",
    "status",
    "cpu_cores",
    "memory",
    "disk_size",
    "hypervisor",
    "network",
    "vnc_port",
    "created_at",
}


async def token(fleet: Fleet, **asked: object) -> str:
    async with fleet.admin() as admin:
        answer = await admin.post("/api/auth/tokens", json={"name": "ci", "role": "operator"} | asked)
        assert answer.status == 200, await answer.text()
        return str((await answer.json())["token"])


@pytest.fixture
async def script(shared_fleet: Fleet) -> AsyncIterator[aiohttp.ClientSession]:
    """A program with a token, and no cookies."""
    headers = {"Authorization": f"Bearer {await token(shared_fleet)}"}
    async with aiohttp.ClientSession(
        shared_fleet.url,
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(force_close=True),
    ) as session:
        yield session


async def ask(
    session: aiohttp.ClientSession, method: str, path: str, body: object = None, status: int = 200
) -> Any:
    async with session.request(method, path, json=body) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def until_listed(session: aiohttp.ClientSession, name: str, **expected: object) -> Any:
    """Return the listed VM once it is as expected: the list is what agents told, a moment ago."""
    async with asyncio.timeout(10):
        while True:
            found = {vm["name"]: vm for vm in (await ask(session, "GET", "/api/vm"))["vms"]}
            if name in found and all(found[name][key] == value for key, value in expected.items()):
                return found[name]
            await asyncio.sleep(0.1)


async def test_the_documented_life_of_a_vm(script: aiohttp.ClientSession) -> None:
    body = {
        "name": "new-vm",
        "image": "ubuntu-22.04",
        "cpu_cores": 2,
        "memory": 2048,
        "disk_size": 20,
        "network": "default",
        "hypervisor": "kvm",
    }
    made = await ask(script, "POST", "/api/vm", body)
    assert made.keys() >= CONTRACT
    assert (made["name"], made["status"], made["cpu_cores"]) == ("new-vm", "running", 2)
    assert (made["memory"], made["disk_size"]) == (2048, 20)
    assert (made["hypervisor"], made["network"], made["vnc_port"]) == ("kvm", "default", None)

    listed = await until_listed(script, "new-vm", status="running")
    assert listed["id"] == made["id"]

    one = await ask(script, "GET", "/api/vm/new-vm")
    assert one.keys() >= CONTRACT | {"uptime"}
    assert 0 <= one["uptime"] < 60
    assert await ask(script, "POST", "/api/vm/new-vm/stop") == {
        "success": True,
        "name": "new-vm",
        "status": "stopped",
    }
    assert await ask(script, "POST", f"/api/vm/{made['id']}/start", {}) == {
        "success": True,
        "name": "new-vm",
        "status": "running",
        "vnc_port": None,
    }
    stopped = await ask(script, "POST", "/api/vm/new-vm/stop", {"force": True})
    assert stopped["status"] == "stopped"

    gone = await ask(script, "DELETE", "/api/vm/new-vm", {"delete_disk": True})
    assert gone == {"success": True, "name": "new-vm"}
    await ask(script, "GET", "/api/vm/new-vm", status=404)


async def test_a_disk_that_is_kept_can_be_recovered_and_no_other_is_purged(
    script: aiohttp.ClientSession,
) -> None:
    for name in ("keep-a", "keep-b"):
        await ask(script, "POST", "/api/vm", {"name": name, "image": "22.04", "agent_id": "oslo"})
        await ask(script, "DELETE", f"/api/vm/{name}", {"delete_disk": False})
        await until_listed(script, name, status="deleted")

    await ask(script, "DELETE", "/api/vm/keep-a")  # the disk is deleted unless the caller says no

    assert (await until_listed(script, "keep-b", status="deleted"))["agent_id"] == "oslo"
    recovered = await ask(script, "POST", "/api/vm/keep-b/recover?agent_id=oslo")
    assert recovered["status"] == "stopped"
    await ask(script, "DELETE", "/api/vm/keep-b")


async def test_restart_and_suspend_are_told_as_they_end(script: aiohttp.ClientSession) -> None:
    await ask(script, "POST", "/api/vm?agent_id=oslo", {"name": "moody", "image": "jammy"})
    assert (await ask(script, "POST", "/api/vm/moody/restart"))["status"] == "running"
    assert (await ask(script, "POST", "/api/vm/moody/suspend"))["status"] == "suspended"
    await ask(script, "DELETE", "/api/vm/moody")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"image": "22.04"}, "name: Field required"),
        ({"name": "x"}, "image: Field required"),
        ({"name": "x", "image": "22.04", "network": "lan"}, "there is no network 'lan'"),
        ({"name": "x", "image": "22.04", "hypervisor": "xen"}, "'xen' is not offered there; what is: 'kvm'"),
        ({"name": "list", "image": "22.04"}, "reserved"),
        ({"name": "x", "image": "22.04", "memory": 0}, "memory: "),
        ({"name": "x", "image": "22.04", "ram": 1}, "ram: Extra inputs are not permitted"),
    ],
)
async def test_a_bad_create_is_told_what_is_wrong(
    script: aiohttp.ClientSession, body: object, says: str
) -> None:
    answer = await ask(script, "POST", "/api/vm", body, status=400)
    assert says in answer["error"] and answer["error"] == answer["detail"]


@pytest.mark.parametrize("path", ["/api/vm/non-existent-vm", "/api/vm/no_name_at_all", "/api/vm/a..b"])
async def test_a_vm_that_is_not_there_is_not_found(script: aiohttp.ClientSession, path: str) -> None:
    await ask(script, "GET", path, status=404)
    await ask(script, "DELETE", path, status=404)
    for verb in ("start", "stop", "restart", "suspend", "recover"):
        assert "error" in await ask(script, "POST", f"{path}/{verb}", status=404)


async def test_the_same_create_twice_with_one_key_makes_one_vm(script: aiohttp.ClientSession) -> None:
    body = {"name": "once", "image": "22.04"}
    for _ in range(2):
        async with script.post("/api/vm", json=body, headers={"Idempotency-Key": "once-1"}) as answer:
            assert answer.status == 200, await answer.text()
            assert (await answer.json())["name"] == "once"
    await ask(script, "POST", "/api/vm", body, status=409)
    async with script.delete("/api/vm/once", headers={"Prefer": "respond-async"}) as answer:
        assert answer.status == 202
        assert answer.headers["Location"] == f"/api/operations/{(await answer.json())['id']}"


async def test_an_agent_serves_the_same_resources(shared_fleet: Fleet, script: aiohttp.ClientSession) -> None:
    await ask(script, "POST", "/api/vm", {"name": "twice", "image": "22.04", "agent_id": "oslo"})
    oslo = shared_fleet.agents["oslo"]
    url = oslo.ready.removesuffix("/readyz")
    headers = {"X-API-Key": oslo.env["BATWA_AGENT_API_KEY"]}
    async with aiohttp.ClientSession(url, headers=headers) as agent:
        here = await ask(agent, "GET", "/api/vm/twice")
        assert (here["memory"], here["disk_size"], here["hypervisor"]) == (2048, 20, "kvm")
        assert (await ask(agent, "DELETE", "/api/vm/twice"))["success"]


async def test_a_limited_token_knows_nothing_else(shared_fleet: Fleet, script: aiohttp.ClientSession) -> None:
    await ask(script, "POST", "/api/vm", {"name": "mine", "image": "22.04", "agent_id": "oslo"})
    await ask(script, "POST", "/api/vm", {"name": "theirs", "image": "22.04"})
    await until_listed(script, "mine")
    await until_listed(script, "theirs")
    limited = await token(shared_fleet, agents=["oslo"])
    basic = base64.b64encode(f"whoever:{limited}".encode()).decode()
    async with aiohttp.ClientSession(
        shared_fleet.url, headers={"Authorization": f"Basic {basic}"}, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        assert {vm["agent_id"] for vm in (await ask(session, "GET", "/api/vm"))["vms"]} == {"oslo"}
        assert {vm["agent_id"] for vm in (await ask(session, "GET", "/api/vm/list"))["vms"]} == {"oslo"}
        assert [each["agent_id"] for each in await ask(session, "GET", "/api/agent/list")] == ["oslo"]
        assert {each["agent_id"] for each in await ask(session, "GET", "/api/operations")} == {"oslo"}
        await ask(session, "GET", "/api/agent/info/local", status=404)
        await ask(session, "GET", "/api/vm/theirs", status=404)
        await ask(session, "POST", "/api/vm/theirs/stop", status=404)
        await ask(session, "POST", "/api/vm", {"name": "x", "image": "22.04"}, status=404)
        await ask(session, "POST", "/api/vm/mine/stop")
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
        async with session.get("/ws?vm_name=theirs", headers=upgrade) as answer:
            assert answer.status == 404
    for name in ("mine", "theirs"):
        await ask(script, "DELETE", f"/api/vm/{name}")


async def test_revoking_a_token_ends_its_terminal_within_a_second(
    shared_fleet: Fleet, script: aiohttp.ClientSession
) -> None:
    await ask(script, "POST", "/api/vm", {"name": "shell", "image": "22.04"})
    await until_listed(script, "shell", status="running")
    async with shared_fleet.admin() as admin:
        made = await ask(admin, "POST", "/api/auth/tokens", {"name": "short", "role": "operator"})
        headers = {"Authorization": f"Bearer {made['token']}"}
        async with aiohttp.ClientSession(shared_fleet.url, headers=headers) as session:
            socket = await session.ws_connect("/ws?vm_name=shell")
            await socket.receive(10)
            await ask(admin, "DELETE", f"/api/auth/tokens/{made['id']}")
            async with asyncio.timeout(1):
                while (await socket.receive()).type not in {
                    aiohttp.WSMsgType.CLOSE,
                    aiohttp.WSMsgType.CLOSED,
                    aiohttp.WSMsgType.ERROR,
                }:
                    pass
            await ask(session, "GET", "/api/vm", status=401)
    await ask(script, "DELETE", "/api/vm/shell")


async def test_the_root_tells_programs_what_there_is(script: aiohttp.ClientSession) -> None:
    assert await ask(script, "GET", "/") == {
        "name": "AI Environment Manager API",
        "version": "0.1.0",
        "endpoints": ["/api/vm", "/api/p2p", "/api/remote"],
    }
