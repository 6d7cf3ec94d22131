"""Agents that only speak the documented protocol work all the same."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from .fleet_fakes import beat, register, serving


class Foreign:
    """A machine whose agent knows the documented endpoints and nothing else."""

    def __init__(self) -> None:
        self.states = {"old": "Running"}
        self.keys: set[str | None] = set()
        self.url = ""

    async def list_vms(self, request: web.Request) -> web.Response:
        self.keys.add(request.headers.get("X-API-Key"))
        vms = [
            {"name": name, "state": state, "ipv4": ["192.168.64.3"], "release": "22.04 LTS"}
            for name, state in self.states.items()
        ]
        return web.json_response({"success": True, "vms": vms})

    async def info(self, request: web.Request) -> web.Response:
        if (name := request.match_info["name"]) not in self.states:
            return web.json_response({"detail": f"{name} not found"}, status=404)
        info = {
            "state": self.states[name],
            "image_release": "22.04 LTS",
            "memory": "2G",
            "cpus": 2,
            "disk_size": "10G",
            "ipv4": ["192.168.64.3"],
        }
        return web.json_response({"success": True, "info": info})

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body.keys() == {"name", "cpus", "memory", "disk", "image"}
        self.states[body["name"]] = "Running"
        return web.json_response({"success": True, "message": "created", "vm_name": body["name"]})

    async def stop(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body == {"name": "old"}
        self.states["old"] = "Stopped"
        return web.json_response({"success": True, "message": "stopped"})

    async def delete(self, _request: web.Request) -> web.Response:
        return web.json_response({"detail": "multipass is in a bad mood"}, status=500)


@pytest.fixture
async def foreign() -> AsyncIterator[Foreign]:
    machine = Foreign()
    runner, machine.url = await serving(
        {
            ("GET", "/api/vm/list"): machine.list_vms,
            ("GET", "/api/vm/info/{name}"): machine.info,
            ("POST", "/api/vm/create"): machine.create,
            ("POST", "/api/vm/stop"): machine.stop,
            ("POST", "/api/vm/delete"): machine.delete,
        }
    )
    yield machine
    await runner.cleanup()


async def listed(admin: TestClient) -> dict[str, Any]:
    return {vm["name"]: vm for vm in (await (await admin.get("/api/vm/list")).json())["vms"]}


async def listed_with(admin: TestClient, name: str, state: str) -> Any:
    async with asyncio.timeout(5):
        while (vm := (await listed(admin)).get(name)) is None or vm["state"] != state:
            await asyncio.sleep(0.01)
    return vm


async def test_its_vms_are_listed_told_and_driven(admin: TestClient, foreign: Foreign) -> None:
    headers = await register(admin, "office", api_url=foreign.url)
    vm = await listed_with(admin, "old", "Running")
    assert (vm["agent_id"], vm["ipv4"], vm["release"]) == ("office", ["192.168.64.3"], "22.04 LTS")
    assert foreign.keys == {headers["X-API-Key"]}

    info = (await (await admin.get("/api/vm/info/old")).json())["info"]
    assert (info["memory"], info["disk_size"], info["cpus"]) == ("2G", "10G", 2)

    body = {"name": "new", "agent_id": "office", "image": "22.04"}
    answer = await admin.post("/api/vm/create", json=body)
    assert (await answer.json())["agent_hostname"] == "office-host"
    answer = await admin.post("/api/vm/stop", json={"name": "old"})
    assert await answer.json() == {"success": True, "message": "VM 'old' stopped"}

    await beat(admin, "office", headers)
    await listed_with(admin, "new", "Running")
    await listed_with(admin, "old", "Stopped")


async def test_its_failures_are_told_in_its_words(admin: TestClient, foreign: Foreign) -> None:
    await register(admin, "office", api_url=foreign.url)
    await listed_with(admin, "old", "Running")

    answer = await admin.post("/api/vm/delete", json={"name": "old"})

    told = await answer.json()
    assert (answer.status, told["code"]) == (502, "agent-misbehaved")
    assert "multipass is in a bad mood" in told["detail"]
