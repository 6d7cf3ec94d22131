"""The API's description is true: a fuzzer that reads it finds no lie and no bug in a live hub."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from .fleet import BIN, Fleet
from .test_contract import get, post

EXAMPLES = {"admin": 12, "viewer": 12, "operator": 2, "scoped": 2, "agent": 1}
"""Requests per endpoint and kind of test, as whom: what fits a minute or two."""
SEED = 20_261_122
"""The same requests in every run: what fails here fails again."""
STREAMS = ["/api/events", "/ws"]
"""What does not end by itself."""
ELSEWHERE = [
    "/api/p2p/start",
    "/api/p2p/pair",
    "/api/p2p/static",
    "/api/p2p/trust",
    "/api/p2p/message",
    "/api/agent/register",
]
"""Endpoints that would make the hub talk to addresses the fuzzer made up."""
OWN_LIFE = ["/api/auth/tokens/", "/api/users/", "/api/auth/password", "/api/agent/key$"]
"""Endpoints by which the fuzzer would end its own token, and then only meet refusals."""
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
]


@pytest.fixture(scope="module")
def quick_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet whose VMs come up at once."""
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        fleet.add_agent("local", MULTIPASS_SIM_LAUNCH_S="0.05")
        yield fleet


async def test_the_description_is_valid_openapi_and_served_to_people_too(quick_fleet: Fleet) -> None:
    async with quick_fleet.session() as session:
        described = await get(session, "/api/openapi.json")
        async with session.get("/api/docs") as answer:
            page = await answer.text()
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")

    validate(described)
    assert described["openapi"].startswith("3.1")
    assert all(path in page for path in described["paths"])


async def credential(fleet: Fleet, role: str) -> tuple[str, str]:
    """Return the header by which the fuzzer is somebody of that role."""
    if role == "agent":
        return "X-API-Key", fleet.agents["local"].env["BATWA_AGENT_API_KEY"]
    limits = {"role": "operator", "agents": ["local"]} if role == "scoped" else {"role": role}
    async with fleet.admin() as session:
        made = await post(session, "/api/auth/tokens", {"name": "fuzzer", **limits})
    return "Authorization", f"Bearer {made['token']}"


@pytest.mark.timeout(220)
@pytest.mark.parametrize("role", EXAMPLES)
async def test_a_fuzzer_finds_no_server_error_and_no_broken_schema(
    quick_fleet: Fleet, role: str, tmp_path: Path
) -> None:
    header, value = await credential(quick_fleet, role)
    command = [
        str(BIN / "schemathesis"),
        "run",
        f"{quick_fleet.url}/api/openapi.json",
        f"--header={header}: {value}",
        f"--checks={','.join(CHECKS)}",
        f"--max-examples={EXAMPLES[role]}",
        f"--seed={SEED}",
        f"--phases={'examples,coverage,fuzzing' if role in {'admin', 'viewer'} else 'examples,fuzzing'}",
        "--request-timeout=20",
        "--generation-database=none",
        "--no-color",
        *[f"--exclude-path-regex=^({'|'.join(ELSEWHERE + STREAMS + OWN_LIFE)})"],
    ]
    done = await asyncio.to_thread(
        subprocess.run, command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=200
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "no issues found" in done.stdout.lower() or "passed" in done.stdout.lower(), done.stdout[-2000:]
    async with quick_fleet.session() as session:
        session.headers[header] = value
        path = "/api/vm/list" if role != "agent" else "/api/agent/heartbeat"
        alive = session.get(path) if role != "agent" else session.post(path, json={"agent_id": "local"})
        async with alive as answer:  # the credential lived to the end, so the answers were about the API
            assert answer.status == 200, await answer.text()
