"""Metrics: who may read them, what they count, and that nobody who asks for nonsense makes new ones."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient
from prometheus_client.parser import text_string_to_metric_families as families

from batwa_agent.metrics import AgentMetrics
from batwa_hub.app import make_app
from batwa_hub.hub import running
from batwa_hub.metrics import HubMetrics
from batwa_hub.settings import MetricsSettings, Settings

from .fleet_fakes import beat, register, vm

ROOT = Path(__file__).parents[2]
TOKEN = "a token of sixteen"
NAME = re.compile(r"\bbatwa_[a-z_]+")


async def read(client: TestClient) -> dict[tuple[str, ...], float]:
    """Return every sample under its name and the values of its labels."""
    answer = await client.get("/metrics")
    assert answer.status == 200, await answer.text()
    text = await answer.text()
    samples = (sample for family in families(text) for sample in family.samples)
    return {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}


async def test_they_count_agents_vms_requests_and_transactions(admin: TestClient) -> None:
    headers = await register(admin, "oslo", features=("inventory",))
    told = {"epoch": "e", "revision": 1, "vms": [vm("a").model_dump(), vm("b", "Stopped").model_dump()]}
    await beat(admin, "oslo", headers, told)
    await admin.get("/no/such/thing")
    await admin.request("MADEUP", "/no/such/thing/either")

    seen = await read(admin)

    assert seen["batwa_agents", "online"] == 1
    assert seen["batwa_vms", "Running"] == seen["batwa_vms", "Stopped"] == 1
    assert seen["batwa_http_requests_total", "/api/agent/heartbeat", "200", "POST"] == 1
    assert seen["batwa_http_requests_total", "404", "other", "other"] >= 1
    assert not [key for key in seen if "no/such" in str(key) or "MADEUP" in key]
    assert seen["batwa_store_seconds_count", "writing"] > 0
    assert seen["batwa_links",] == seen["batwa_relayed_bytes_total",] == 0


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_without_a_token_they_are_for_this_machine_and_not_for_its_proxy(
    stranger: TestClient, header: str
) -> None:
    answer = await stranger.get("/metrics", headers={header: "127.0.0.1"})
    assert answer.status == 403 and "metrics.token" in (await answer.json())["detail"]


async def test_with_a_token_they_are_for_who_has_it(
    settings: Settings, aiohttp_client: AiohttpClient
) -> None:
    with_token = settings.model_copy(update={"metrics": MetricsSettings.model_validate({"token": TOKEN})})
    async with running(with_token) as hub:
        client = await aiohttp_client(make_app(hub))
        for wrong in ({}, {"Authorization": "Bearer é"}, {"Authorization": f"Bearer {TOKEN}x"}):
            assert (await client.get("/metrics", headers=wrong)).status == 401
        right = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "192.0.2.1"}
        assert (await client.get("/metrics", headers=right)).status == 200


def names_of(metrics: HubMetrics | AgentMetrics) -> set[str]:
    """Return the names of what there is before anybody has measured anything."""
    described = {metric for each in metrics._registry._collector_to_names.values() for metric in each}
    return {name for name in described if name.startswith("batwa_") and not name.endswith("_created")}


class Nothing:
    """Stands for what a gauge would look at; no gauge is read here."""

    def __getattr__(self, name: str) -> Any:
        return None


def known() -> set[str]:
    hub, agent, nothing = HubMetrics(), AgentMetrics("1"), Nothing()
    hub.look_at(
        **dict.fromkeys(("registry", "inventory", "operations", "events", "links", "relays"), nothing)
    )
    agent.look_at(**dict.fromkeys(("inventory", "operations", "terminals", "watcher", "uplink"), nothing))
    return names_of(hub) | names_of(agent)


def test_the_dashboard_and_the_alerts_name_only_what_there_is() -> None:
    told = json.loads((ROOT / "deploy/grafana/batwa.json").read_text())
    asked = {
        name for panel in told["panels"] for each in panel["targets"] for name in NAME.findall(each["expr"])
    }
    alerts = (ROOT / "deploy/prometheus/batwa.rules.yml").read_text()
    asked |= {name for line in re.findall(r"expr: (.*)", alerts) for name in NAME.findall(line)}

    assert asked and asked <= known()


def test_every_metric_is_in_the_documentation() -> None:
    told = set(NAME.findall((ROOT / "docs/watching.md").read_text()))
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in known()}
    # of a counter both its name and NAME_total are taken; people meet the second
    assert {name for name in shown if f"{name}_total" not in shown} == told
