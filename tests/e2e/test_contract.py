"""The documented Batwa API, endpoint by endpoint, against real processes."""

import asyncio
import json
import re
from typing import Any

import aiohttp
import pytest

from .fleet import PASSWORD, Fleet

NAIVE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


async def post(session: aiohttp.ClientSession, path: str, body: object, status: int = 200) -> Any:
    async with session.post(path, json=body) as answer:
        told = await answer.json()
        assert answer.status == status, told
        return told


async def get(session: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    async with session.get(path) as answer:
        told = await answer.json()
        assert answer.status == status, told
        return told


async def test_login_check_and_logout(shared_fleet: Fleet) -> None:
    async with shared_fleet.session() as session:
        assert await get(session, "/api/auth/check") == {"authenticated": False, "username": None}
        credentials = {"username": "admin", "password": PASSWORD}
        async with session.post("/api/auth/login", json=credentials) as answer:
            assert answer.status == 200
            assert await answer.json() == {"success": True, "message": "Login successful"}
            cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("session_id=")
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
        assert await get(session, "/api/auth/check") == {"authenticated": True, "username": "admin"}

        stolen = {"Cookie": cookie.partition(";")[0]}
        assert await post(session, "/api/auth/logout", {}) == {"success": True, "message": "Logged out"}
        assert (await get(session, "/api/auth/check"))["authenticated"] is False

    async with aiohttp.ClientSession(shared_fleet.url, headers=stolen) as thief:
        assert (await get(thief, "/api/auth/check"))["authenticated"] is False
        await get(thief, "/api/vm/list", status=401)


async def test_a_wrong_password_is_refused_without_saying_what_was_wrong(shared_fleet: Fleet) -> None:
    async with shared_fleet.session() as session:
        wrong = await post(session, "/api/auth/login", {"username": "admin", "password": "no"}, 401)
        unknown = await post(session, "/api/auth/login", {"username": "nobody", "password": "no"}, 401)

    assert wrong["detail"] == unknown["detail"] == wrong["error"]


async def test_agents_are_listed_and_told_as_documented(shared_fleet: Fleet) -> None:
    async with shared_fleet.admin() as session:
        agents = {agent["agent_id"]: agent for agent in await get(session, "/api/agent/list")}
        one = await get(session, "/api/agent/info/oslo")
        nobody = await get(session, "/api/agent/info/nobody", status=404)

    assert set(agents) == {"local", "oslo"}
    oslo = agents["oslo"]
    assert oslo["hostname"] == "oslo-host"
    assert (oslo["api_url"], oslo["connection"]) == ("http://oslo.link", "linked")
    assert agents["local"]["api_url"].startswith("http://127.0.0.1:")
    assert agents["local"]["connection"] == "direct"
    assert oslo["status"] == "online"
    assert NAIVE_TIME.fullmatch(oslo["last_seen"])
    assert oslo["tags"] == {}
    assert isinstance(oslo["vm_count"], int)
    assert one["success"] is True and one["agent"]["agent_id"] == "oslo"
    assert "nobody" in nobody["detail"]


async def test_an_agent_that_only_speaks_the_documented_protocol_registers(shared_fleet: Fleet) -> None:
    key = shared_fleet.make_key("foreign")
    body = {
        "agent_id": "office-server-1",
        "hostname": "office-server",
        "api_url": "http://127.0.0.1:9",
        "api_key": key,
        "tags": {"region": "us-east", "environment": "production"},
    }
    async with shared_fleet.session() as agent:
        told = await post(agent, "/api/agent/register", body)
        assert told["success"] is True
        assert told["message"] == "Agent 'office-server-1' registered successfully"
        assert told["agent"]["tags"] == body["tags"] and told["agent"]["vm_count"] == 0
        assert told["agent"]["status"] == "online"
        beat = {
            "agent_id": "office-server-1",
            "timestamp": "2025-01-13T10:30:00",
            "status": "online",
            "vm_count": 3,
        }
        async with agent.post("/api/agent/heartbeat", json=beat, headers={"X-API-Key": key}) as answer:
            told = await answer.json()
        assert (told["success"], told["message"]) == (True, "Heartbeat received")

    async with shared_fleet.admin() as session:
        assert (await get(session, "/api/agent/info/office-server-1"))["agent"]["vm_count"] == 3
        async with session.delete("/api/agent/unregister/office-server-1") as answer:
            assert await answer.json() == {
                "success": True,
                "message": "Agent 'office-server-1' unregistered successfully",
            }
        await get(session, "/api/agent/info/office-server-1", status=404)
        async with session.delete("/api/agent/unregister/office-server-1") as answer:
            assert answer.status == 404


@pytest.mark.parametrize(("agent_id", "hostname"), [(None, "local"), ("oslo", "oslo-host")])
async def test_the_life_of_a_vm(shared_fleet: Fleet, agent_id: str | None, hostname: str) -> None:
    where = {} if agent_id is None else {"agent_id": agent_id}
    body = {"name": "my-vm", "cpus": 2, "memory": "2G", "disk": "10G", "image": "22.04"}
    async with shared_fleet.admin() as session:
        assert await post(session, "/api/vm/create", body | where) == {
            "success": True,
            "message": "VM 'my-vm' created successfully",
            "vm_name": "my-vm",
            "agent_id": agent_id,
            "agent_hostname": hostname,
        }
        vm = await only_vm(session)
        assert (vm["name"], vm["state"]) == ("my-vm", "Running")
        assert (vm["agent_id"], vm["agent_hostname"]) == (agent_id, hostname)
        assert vm["release"] and vm["stale_s"] >= 0
        assert vm["ipv4"], "a script that has created a VM finds its address"

        query = "" if agent_id is None else f"?agent_id={agent_id}"
        told = await get(session, f"/api/vm/info/my-vm{query}")
        assert told["success"] is True
        info = told["info"]
        assert (info["state"], info["memory"], info["cpus"], info["disk_size"]) == ("Running", "2G", 2, "10G")
        assert info["image_release"] and re.fullmatch(r"\d+(\.\d+){3}", info["ipv4"][0])

        named = {"name": "my-vm"} | where
        for verb, state, done in [
            ("stop", "Stopped", "stopped"),
            ("start", "Running", "started"),
            ("restart", "Running", "restarted"),
            ("suspend", "Suspended", "suspended"),
            ("start", "Running", "started"),
            ("delete", "Deleted", "deleted"),
            ("recover", "Stopped", "recovered"),
        ]:
            told = await post(session, f"/api/vm/{verb}", named)
            assert told == {"success": True, "message": f"VM 'my-vm' {done}"}
            assert (await only_vm(session))["state"] == state

        told = await post(session, "/api/vm/delete", named | {"purge": True})
        assert told["message"] == "VM 'my-vm' deleted"
        assert (await get(session, "/api/vm/list"))["vms"] == []


async def only_vm(session: aiohttp.ClientSession) -> Any:
    (vm,) = (await get(session, "/api/vm/list"))["vms"]
    return vm


async def test_a_terminal_resizes_and_carries_keys_both_ways(shared_fleet: Fleet) -> None:
    async with shared_fleet.admin() as session:
        await post(session, "/api/vm/create", {"name": "term", "agent_id": "oslo"})
        try:
            async with session.ws_connect("/ws?vm_name=term&agent_id=oslo") as ws:
                await read_until(ws, b"$ ")
                await ws.send_str(json.dumps({"type": "resize", "cols": 101, "rows": 33}))
                await ws.send_str("stty size; echo hos''t=$(hostname) käse\n")
                await read_until(ws, b"33 101", "host=term käse".encode(), b"$ ")
                # at its prompt a shell may miss it: it ends a program
                await ws.send_str("sh -c 'echo run\"\"ning; exec sleep 60'\n")
                await read_until(ws, b"running")
                await ws.send_bytes(b"\x03")
                await read_until(ws, b"$ ")
                await ws.send_str('echo {"type": "other"}\n')
                await read_until(ws, b"{type: other}")
                await ws.send_str("exit\n")
                async with asyncio.timeout(10):
                    while (message := await ws.receive()).type is aiohttp.WSMsgType.BINARY:
                        pass
                assert message.type is aiohttp.WSMsgType.CLOSE and ws.close_code == 1000
        finally:
            await post(session, "/api/vm/delete", {"name": "term", "purge": True})


async def read_until(ws: aiohttp.ClientWebSocketResponse, *texts: bytes, within_s: float = 10) -> bytes:
    """Read until all of *texts* have come, in that order."""
    seen = bytearray()
    wanted = re.compile(b".*".join(map(re.escape, texts)), re.DOTALL)
    async with asyncio.timeout(within_s):
        while not wanted.search(seen):
            message = await ws.receive()
            assert message.type in {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT}, (message, bytes(seen))
            seen += message.data if isinstance(message.data, bytes) else message.data.encode()
    return bytes(seen)


async def test_the_session_may_come_as_the_documented_query_parameter(shared_fleet: Fleet) -> None:
    async with shared_fleet.admin() as session:
        await post(session, "/api/vm/create", {"name": "query"})
        session_id = session.cookie_jar.filter_cookies(aiohttp.client.URL(shared_fleet.url))[
            "session_id"
        ].value
        try:
            async with (
                shared_fleet.session() as stranger,
                stranger.ws_connect(f"/ws?vm_name=query&session_id={session_id}") as ws,
            ):
                await read_until(ws, b"$ ")
            assert session_id not in shared_fleet.hub.log_text()
        finally:
            await post(session, "/api/vm/delete", {"name": "query", "purge": True})


@pytest.mark.parametrize("path", ["/api/vm/list", "/api/agent/list", "/api/operations", "/api/events"])
async def test_a_stranger_is_told_to_log_in(shared_fleet: Fleet, path: str) -> None:
    async with shared_fleet.session() as session:
        told = await get(session, path, status=401)

    assert told["detail"] == told["error"] and told["status"] == 401
    assert told["request_id"] in shared_fleet.hub.log_text()
