"""Agents that exist only in the test: they register, tell an inventory, and answer as scripted."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from batwa_common.wire.vm import Vm


def vm(name: str, state: str = "Running", **more: Any) -> Vm:
    return Vm.model_validate({"id": f"vm-{name}", "name": name, "state": state, **more})


async def key_for(admin: TestClient, agent_id: str) -> str:
    answer = await admin.post("/api/agent/keys", json={"name": agent_id, "agent_id": agent_id})
    return str((await answer.json())["api_key"])


async def register(
    admin: TestClient, agent_id: str, *, api_url: str = "http://127.0.0.1:9", features: tuple[str, ...] = ()
) -> dict[str, str]:
    """Register an agent; return the headers that authenticate it."""
    headers = {"X-API-Key": await key_for(admin, agent_id)}
    body = {"agent_id": agent_id, "hostname": f"{agent_id}-host", "api_url": api_url, "features": features}
    answer = await admin.post("/api/agent/register", json=body, headers=headers)
    assert answer.status == 200, await answer.text()
    return headers


async def beat(
    admin: TestClient, agent_id: str, headers: dict[str, str], inventory: dict[str, Any] | None = None
) -> Any:
    body = {"agent_id": agent_id, "inventory": inventory}
    answer = await admin.post("/api/agent/heartbeat", json=body, headers=headers)
    assert answer.status == 200, await answer.text()
    return await answer.json()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serving(routes: dict[tuple[str, str], Handler]) -> tuple[web.AppRunner, str]:
    """Serve *routes* on loopback; return the runner, to be cleaned up, and the address."""
    app = web.Application()
    for (method, path), handler in routes.items():
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"
