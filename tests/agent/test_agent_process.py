"""The command `batwa-agent` as a process, with the simulator as its Multipass."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

BIN = Path(sys.executable).parent
KEY = "k-of-this-test"


def environment(home: Path, **more: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BATWA_", "MULTIPASS_SIM_"))}
    return clean | {
        "BATWA_AGENT_AGENT_ID": "here",
        "BATWA_AGENT_API_KEY": KEY,
        "BATWA_AGENT_DATA_DIR": str(home / "data"),
        "BATWA_AGENT_PORT": "0",
        "BATWA_AGENT_MULTIPASS": str(BIN / "multipass-sim"),
        "BATWA_AGENT_DRIVER__POLL_S": "0.2",
        "BATWA_AGENT_TERMINAL__SURVIVE": "false",
        "MULTIPASS_SIM_HOME": str(home / "sim"),
        "MULTIPASS_SIM_LAUNCH_S": "1",
        **more,
    }


@dataclass
class AgentProcess:
    """A running `batwa-agent run`."""

    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self.session.request(method, path, json=body) as response:
            return response.status, await response.json()

    async def end_of(self, operation_id: str) -> dict[str, Any]:
        revision = 0
        async with asyncio.timeout(30):
            while True:
                path = f"/api/operations/{operation_id}?after_revision={revision}&wait_s=5"
                _, operation = await self.call("GET", path)
                if operation["state"] in {"succeeded", "failed", "cancelled"}:
                    return dict(operation)
                revision = operation["revision"]

    async def until(self, operation_id: str, phase: str) -> dict[str, Any]:
        revision = 0
        async with asyncio.timeout(30):
            while True:
                path = f"/api/operations/{operation_id}?after_revision={revision}&wait_s=5"
                _, operation = await self.call("GET", path)
                if (operation["phase"] or "").startswith(phase):
                    return dict(operation)
                assert operation["state"] in {"queued", "running"}, operation
                revision = operation["revision"]

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(15):
            return await self.process.wait()


@asynccontextmanager
async def agent(home: Path, *, ready: int = 200, **more: str) -> AsyncIterator[AgentProcess]:
    """Start an agent, wait until /readyz answers *ready*, and see that it is gone at the end."""
    process = await asyncio.create_subprocess_exec(
        str(BIN / "batwa-agent"), "run", env=environment(home, **more), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    reading = asyncio.create_task(_address(process.stderr))
    draining: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(20):
            address = await reading
        draining = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession(address, headers={"X-API-Key": KEY}) as session:
            running = AgentProcess(process, session)
            for _ in range(200):
                if (await running.call("GET", "/readyz"))[0] == ready:
                    break
                await asyncio.sleep(0.05)
            yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if draining is not None:
            await draining


async def _address(stderr: asyncio.StreamReader) -> str:
    async for line in stderr:
        if b"daemon.listening" in line:
            return line.split(b'"address": "')[1].split(b'"')[0].decode()
    raise AssertionError("the agent ended before it listened")


CREATE = {"command": {"kind": "create", "name": "oslo"}}


async def test_a_vm_from_create_to_purge_with_a_shell_between(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        status, _ = await running.call("PUT", "/api/operations/op-1", CREATE)
        assert status == 200
        assert (await running.end_of("op-1"))["state"] == "succeeded"
        _, body = await running.call("GET", "/api/vm/list")
        assert [(vm["name"], vm["state"]) for vm in body["vms"]] == [("oslo", "Running")]
        async with running.session.ws_connect("/ws?vm_name=oslo") as socket:
            await socket.send_str("echo $((6*7)); exit\n")
            async with asyncio.timeout(15):
                seen = b"".join([message.data async for message in socket])
            assert b"42\r\n" in seen and socket.close_code == 1000
        for verb, message in (("stop", "stopped"), ("start", "started")):
            status, body = await running.call("POST", f"/api/vm/{verb}", {"name": "oslo"})
            assert (status, body["message"]) == (200, f"VM 'oslo' {message}")
        status, _ = await running.call("POST", "/api/vm/delete", {"name": "oslo", "purge": True})
        _, body = await running.call("GET", "/api/vm/list")
        assert (status, body["vms"]) == (200, [])
        assert await running.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("phase", ["Retrieving", "Waiting for initialization"])
async def test_a_kill_in_the_middle_of_a_create_ends_with_the_truth(tmp_path: Path, phase: str) -> None:
    async with agent(tmp_path, MULTIPASS_SIM_LAUNCH_S="4") as running:
        await running.call("PUT", "/api/operations/op-1", CREATE)
        seen = await running.until("op-1", phase)
        await running.end(signal.SIGKILL)
    async with agent(tmp_path, MULTIPASS_SIM_LAUNCH_S="4") as running:
        again, _ = await running.call("PUT", "/api/operations/op-1", CREATE)  # a retry does it once
        operation = await running.end_of("op-1")
        _, body = await running.call("GET", "/api/vm/list")
        there = [vm["name"] for vm in body["vms"]]
        assert again == 200 and operation["revision"] > seen["revision"]
        if operation["state"] == "succeeded":
            assert there == ["oslo"] and operation["vm"]["name"] == "oslo"
        else:
            assert operation["error"]["code"] == "operation-interrupted"
            assert "there is no VM 'oslo'" in operation["error"]["detail"] and there == []
        expected = "failed" if phase == "Retrieving" else "succeeded"
        assert operation["state"] == expected


async def test_sigterm_with_a_terminal_and_a_create_under_way_stops_soon(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.call("PUT", "/api/operations/op-1", CREATE)
        await running.end_of("op-1")
        other = {"command": {"kind": "create", "name": "rome"}}
        await running.call("PUT", "/api/operations/op-2", other)
        async with running.session.ws_connect("/ws?vm_name=oslo") as socket:
            async with asyncio.timeout(10):
                await socket.receive()
            ending = asyncio.create_task(running.end(signal.SIGTERM))
            async for _ in socket:
                pass
            assert socket.close_code == 1001
            assert await ending == 0


async def test_without_multipass_it_runs_and_says_so(tmp_path: Path) -> None:
    async with agent(tmp_path, ready=503, BATWA_AGENT_MULTIPASS="no-such-program") as running:
        async with asyncio.timeout(10):
            while "has just started" in (told := await running.call("GET", "/readyz"))[1]["reasons"][0]:
                await asyncio.sleep(0.02)
        assert told[0] == 503 and "no-such-program" in told[1]["reasons"][0]
        status, body = await running.call("PUT", "/api/operations/op-1", CREATE)
        assert (status, body["code"]) == (502, "driver-unavailable")
        assert (await running.call("GET", "/healthz"))[0] == 200


async def command(home: Path, *argv: str, **more: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        str(BIN / "batwa-agent"),
        *argv,
        env=environment(home, **more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_check_says_which_multipass_and_whether_it_answers(tmp_path: Path) -> None:
    status, out = await command(tmp_path, "check")
    assert status == 0 and "multipass-sim, version" in out and "simulated VMs" in out
    status, out = await command(tmp_path, "check", BATWA_AGENT_MULTIPASS="no-such-program")
    assert status == 1 and "no-such-program" in out
    status, out = await command(tmp_path, "check", BATWA_AGENT_API_KEY="")
    assert status == 2 and "BATWA_AGENT_API_KEY" in out


async def test_config_shows_what_is_in_force_and_from_where(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('port = 9000\nhostname = "from-file"\nagent_id = "file"\n[operation]\nkeep = 7\n')
    more = {"BATWA_AGENT_CONFIG": str(file), "BATWA_AGENT_AGENT_ID": "env"}
    status, out = await command(tmp_path, "config", "--agent-id", "flag", "--heartbeat-interval", "3", **more)
    assert status == 0
    assert {
        'agent_id = "flag"  # flag',
        "heartbeat_interval_s = 3.0  # flag",
        "port = 0  # BATWA_AGENT_PORT",
        f'hostname = "from-file"  # {file}',
        f"operation.keep = 7  # {file}",
        '# api_key = "**********"  # BATWA_AGENT_API_KEY',
    } <= set(out.splitlines())
    assert KEY not in out


@pytest.mark.parametrize(
    ("argv", "more", "sentence"),
    [
        (["run", "--port", "70000"], {}, "port"),
        (["run", "--agent-id", "-x-"], {}, "expected one argument"),
        (["run", "--agent-id", "no spaces"], {}, "agent_id"),
        (["run", "--hub-url", "ftp://x"], {}, "hub_url"),
        (["run"], {"BATWA_AGENT_PROT": "1"}, "BATWA_AGENT_PROT"),
        (["run"], {"BATWA_AGENT_API_KEY": ""}, "api_key is not set"),
        ([], {}, "required: COMMAND"),
    ],
)
async def test_bad_settings_are_named_and_nothing_starts(
    tmp_path: Path, argv: list[str], more: dict[str, str], sentence: str
) -> None:
    status, out = await command(tmp_path, *argv, **more)
    assert status == 2 and sentence in out, out
    assert not (tmp_path / "data").exists()


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        status, out = await command(tmp_path, "run", "--port", str(port))
    assert status == 1 and "address already in use" in out


async def test_a_data_directory_has_one_agent(tmp_path: Path) -> None:
    async with agent(tmp_path):
        status, out = await command(tmp_path, "run")
        assert status == 2 and "another agent uses" in out
