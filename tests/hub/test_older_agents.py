"""Agents of an earlier minor release, by what one of them really sent: nothing is left out or refused."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from .fleet_fakes import key_for

REGISTRATION: dict[str, Any] = {
    "agent_id": "older",
    "hostname": "box",
    "api_url": "http://127.0.0.1:8398",
    "api_key": None,
    "tags": {},
    "api_version": 1,
    "features": ["operations", "inventory", "terminals", "shells"],
    "version": "0.0.9",
}
HEARTBEAT: dict[str, Any] = {
    "agent_id": "older",
    "timestamp": "2026-11-22T09:04:36",
    "status": "online",
    "vm_count": 1,
    "inventory": {
        "epoch": "b95fcb58b9c6d438",
        "revision": 1,
        "base": None,
        "vms": [
            {
                "id": "vm-6a952c329995",
                "name": "vm-older",
                "state": "Running",
                "ipv4": [],
                "release": "Ubuntu 24.04 LTS",
                "cpus": None,
                "memory_bytes": None,
                "disk_bytes": None,
                "created_at": "2026-11-22T09:04:36.070924Z",
                "running_since": None,
            }
        ],
        "gone": [],
    },
    "driver": None,
    "load": {
        "cpus": 2,
        "load": [14.1, 9.9, 9.4],
        "memory_bytes": 25276514304,
        "memory_used_bytes": 3078488064,
        "disk_bytes": 270553174016,
        "disk_used_bytes": 40235294720,
    },
    "terminals": 0,
    "ca": None,
}
LATER = ("load", "terminals", "ca")
"""What came to heartbeats with time: agents before that did not send it at all."""


@pytest.mark.parametrize("without", [(), LATER], ids=["recorded", "before that"])
async def test_an_older_agent_is_a_full_member_and_shown_as_older(
    admin: TestClient, without: tuple[str, ...]
) -> None:
    headers = {"X-API-Key": await key_for(admin, "older")}
    beat = {name: value for name, value in HEARTBEAT.items() if name not in without}

    assert (await admin.post("/api/agent/register", json=REGISTRATION, headers=headers)).status == 200
    answer = await admin.post("/api/agent/heartbeat", json=beat, headers=headers)
    assert (await answer.json())["inventory"] == {"epoch": "b95fcb58b9c6d438", "revision": 1}

    agent = (await (await admin.get("/api/agent/info/older")).json())["agent"]
    assert (agent["status"], agent["skew"], agent["vm_count"]) == ("online", "older", 1)
    [vm] = (await (await admin.get("/api/vm/list")).json())["vms"]
    assert (vm["name"], vm["state"], vm["agent_id"]) == ("vm-older", "Running", "older")
    gone = {"agent_id": "older", "inventory": {"epoch": "b95fcb58b9c6d438", "revision": 2, "base": 1}}
    gone["inventory"] |= {"vms": [], "gone": ["vm-older"]}
    await admin.post("/api/agent/heartbeat", json=gone, headers=headers)
    assert (await (await admin.get("/api/vm/list")).json())["vms"] == []
