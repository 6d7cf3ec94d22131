"""The agent over HTTP: who may, what is answered, and the documented bodies."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from batwa_agent.agent import AGENT, running
from batwa_agent.api import ROUTES
from batwa_agent.app import make_app
from batwa_agent.driver import Listed
from batwa_agent.settings import Settings
from batwa_common.errors import DriverUnavailable
from batwa_common.settings import SettingsError
from batwa_common.web.routes import Access, Route
from tests.agent.fakes import FakeDriver

Client = TestClient[web.Request, web.Application]
KEY = {"X-API-Key": "secret"}


@pytest.fixture
def driver() -> FakeDriver:
    return FakeDriver(a="Running", off="Stopped", old="Deleted")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BATWA_AGENT_DRIVER__POLL_S", "0.1")
    return Settings.load({"agent_id": "here", "api_key": "secret", "data_dir": tmp_path / "data"})


@pytest.fixture
async def client(
    settings: Settings, driver: FakeDriver, aiohttp_client: AiohttpClient
) -> AsyncIterator[Client]:
    async with running(settings, driver) as agent:
        client = await aiohttp_client(make_app(agent))
        assert await agent.watcher.look()
        yield client
        await client.close()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_stranger_gets_nowhere_but_to_the_health_checks(client: Client, route: Route) -> None:
    path = re.sub(r"\{\w+\}", "a", route.path)
    if route.access in {Access.ANYONE, Access.METRICS}:  # the latter since this is the same machine
        assert (await client.request(route.method, path)).status == 200
        return
    for headers, status, code in (
        ({}, 401, "not-authenticated"),
        ({"X-API-Key": "wrong"}, 403, "invalid-api-key"),
        ({"Authorization": "Bearer wrong"}, 403, "invalid-api-key"),
        ({"X-API-Key": "sécret"}, 403, "invalid-api-key"),
        ({"Authorization": "Basic c2VjcmV0"}, 401, "not-authenticated"),
    ):
        response = await client.request(route.method, path, headers=headers)
        body = await response.json()
        assert (response.status, body["code"]) == (status, code)
        assert body["detail"] == body["error"]


def test_only_the_health_checks_are_for_anyone() -> None:
    assert {route.path for route in ROUTES if route.access is Access.ANYONE} == {
        "/health",
        "/healthz",
        "/readyz",
    }


async def test_health_says_ok(client: Client) -> None:
    body = await (await client.get("/health")).json()
    assert body["status"] == "ok" and body["agent_id"] == "here"


async def test_the_list_has_the_documented_fields(client: Client) -> None:
    body = await (await client.get("/api/vm/list", headers={"Authorization": "Bearer secret"})).json()
    assert body["success"] is True
    vm = next(vm for vm in body["vms"] if vm["name"] == "a")
    assert vm["state"] == "Running" and vm["agent_id"] is None and vm["agent_hostname"] == "local"
    assert {"ipv4", "release", "stale_s", "id"} <= vm.keys()


async def test_the_documented_way_from_create_to_delete(client: Client) -> None:
    for path, body, message in (
        ("create", {"name": "oslo", "cpus": 2, "memory": "2G"}, "VM 'oslo' created successfully"),
        ("stop", {"name": "oslo"}, "VM 'oslo' stopped"),
        ("start", {"name": "oslo"}, "VM 'oslo' started"),
        ("delete", {"name": "oslo"}, "VM 'oslo' deleted"),
    ):
        response = await client.post(f"/api/vm/{path}", json=body, headers=KEY)
        assert response.status == 200, await response.text()
        assert (await response.json())["message"] == message


async def test_a_put_operation_is_one_operation_however_often_it_is_put(client: Client) -> None:
    body = {"command": {"kind": "start", "name": "off"}, "requested_by": "ann"}
    first = await (await client.put("/api/operations/op-1", json=body, headers=KEY)).json()
    assert (first["id"], first["requested_by"]) == ("op-1", "ann")
    again = await client.put("/api/operations/op-1", json=body, headers=KEY)
    assert again.status == 200 and (await again.json())["created_at"] == first["created_at"]
    other = {"command": {"kind": "stop", "name": "off"}}
    assert (await client.put("/api/operations/op-1", json=other, headers=KEY)).status == 409
    news = await client.get("/api/operations/op-1?after_revision=9999&wait_s=1", headers=KEY)
    assert (await news.json())["id"] == "op-1"


async def test_the_hub_may_name_its_user(client: Client) -> None:
    headers = {**KEY, "X-Batwa-User": "ann", "Prefer": "respond-async"}
    response = await client.post("/api/vm/start", json={"name": "off"}, headers=headers)
    assert response.status == 202
    assert (await response.json())["requested_by"] == "ann"


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("create", {"name": "-x"}, 400, "name"),
        ("create", {"name": "list"}, 400, "reserved"),
        ("create", {"name": "x", "memory": "lots"}, 400, "not a size"),
        ("create", {"name": "x", "cores": 2}, 400, "cores"),
        ("create", {"name": "a"}, 409, "exists already"),
        ("create", {"name": "old"}, 409, "in the trash"),
        ("start", {"name": "nobody"}, 404, "no VM 'nobody'"),
        ("start", {"name": "a"}, 409, "Running already"),
        ("start", {"name": "a", "agent_id": "there"}, 404, "this is agent 'here'"),
        ("stop", {"name": 7}, 400, "name"),
    ],
)
async def test_bad_requests_are_answered_with_what_is_wrong(
    client: Client, path: str, body: dict[str, object], status: int, sentence: str
) -> None:
    response = await client.post(f"/api/vm/{path}", json=body, headers=KEY)
    assert response.status == status
    assert sentence in (await response.json())["detail"]


async def test_a_silent_multipass_is_a_bad_gateway_and_not_ready(client: Client, driver: FakeDriver) -> None:
    driver.silence = DriverUnavailable("the daemon of Multipass is down; start it")
    await client.app[AGENT].watcher.look()
    ready = await client.get("/readyz")
    assert ready.status == 503
    assert (await ready.json())["reasons"] == ["the daemon of Multipass is down; start it"]
    response = await client.post("/api/vm/stop", json={"name": "a"}, headers=KEY)
    assert (response.status, (await response.json())["code"]) == (502, "driver-unavailable")
    assert (await client.get("/api/vm/list", headers=KEY)).status == 200
    assert (await client.get("/healthz")).status == 200


@pytest.fixture
def keyless(tmp_path: Path) -> Settings:
    return Settings.load({"data_dir": tmp_path})


async def test_an_agent_without_a_key_does_not_start(keyless: Settings) -> None:
    with pytest.raises(SettingsError, match="BATWA_AGENT_API_KEY"):
        async with running(keyless, FakeDriver()):
            pass


async def test_a_background_task_that_dies_takes_the_agent_with_it(settings: Settings) -> None:
    class Broken(FakeDriver):
        async def list_vms(self) -> list[Listed]:
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:
        async with running(settings, Broken()), asyncio.timeout(5):
            await asyncio.Event().wait()
    assert caught.group_contains(ZeroDivisionError)
