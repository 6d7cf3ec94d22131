"""`GET /api/vm/list` with many machines, beside a bare handler that returns the same bytes."""

import contextlib
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.fleet import PASSWORD, Daemon, Fleet, clean_environment, free_port

from .report import Row, interleaved, median, percentile
from .sockets import Http

VMS_PER_AGENT = 10
ROUNDS = 5
SECONDS = 1.5
CLIENTS = 4


def log_in(fleet: Fleet) -> dict[str, str]:
    """Return the header of an administrator's session."""
    with Http(fleet.url) as http:
        body = f'{{"username":"admin","password":"{PASSWORD}"}}'.encode()
        status, headers, text = http.request("POST", "/api/auth/login", body)
        assert status == 200, text
        return {"Cookie": headers["set-cookie"].partition(";")[0]}


def enrol(fleet: Fleet, cookie: dict[str, str], first: int, last: int) -> None:
    """Register simulated agents that have told their inventory."""
    for number in range(first, last):
        agent_id = f"agent-{number:04}"
        with Http(fleet.url, cookie) as admin:
            key = admin.json("POST", "/api/agent/keys", {"name": agent_id, "agent_id": agent_id})["api_key"]
        vms = [
            {
                "id": f"vm-{number:06}{index:06}",
                "name": f"vm-{number}-{index}",
                "state": "Running",
                "ipv4": [f"10.{number // 250}.{number % 250}.{index + 2}"],
                "release": "Ubuntu 24.04 LTS",
                "cpus": 2,
                "memory_bytes": 2 << 30,
                "disk_bytes": 10 << 30,
                "created_at": "2026-11-21T10:00:00Z",
            }
            for index in range(VMS_PER_AGENT)
        ]
        with Http(fleet.url, {"X-API-Key": key}) as agent:
            features = ["inventory", "operations"]
            body = {"agent_id": agent_id, "hostname": agent_id, "api_url": "http://127.0.0.1:9"}
            agent.json("POST", "/api/agent/register", body | {"features": features})
            inventory = {"epoch": "bench", "revision": 1, "vms": vms}
            agent.json("POST", "/api/agent/heartbeat", {"agent_id": agent_id, "inventory": inventory})


@contextlib.contextmanager
def bare_handler(body: bytes, directory: Path) -> Iterator[str]:
    """Serve *body* from a process of its own."""
    file, port = directory / f"body-{len(body)}", free_port()
    file.write_bytes(body)
    url = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "tests.bench.bare", str(file), str(port)]
    daemon = Daemon(argv, clean_environment(), ready=f"{url}/", log=directory / "bare.log")
    daemon.start()
    try:
        yield url
    finally:
        daemon.kill()


def rate(url: str, path: str, headers: dict[str, str]) -> float:
    """Return requests a second of a few clients that ask without pause."""
    counts = [0] * CLIENTS
    deadline = time.perf_counter() + SECONDS

    def ask(index: int) -> None:
        with Http(url, headers) as http:
            while time.perf_counter() < deadline:
                http.seconds(path)
                counts[index] += 1

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def latencies_ms(url: str, path: str, headers: dict[str, str], count: int = 60) -> list[float]:
    """Return how long single requests take."""
    with Http(url, headers) as http:
        http.seconds(path)
        return [http.seconds(path) * 1000 for _ in range(count)]


def measure(directory: Path) -> Iterator[Row]:
    """Yield the rows for 1, 100 and 1,000 agents."""
    fleet = Fleet(directory)
    fleet.env["BATWA_HUB_AGENT__STALE_AFTER_S"] = "3600"
    with fleet:
        cookie, enrolled = log_in(fleet), 0
        for agents in (1, 100, 1000):
            enrol(fleet, cookie, enrolled, agents)
            enrolled = agents
            with Http(fleet.url, cookie) as http:
                body = http.request("GET", "/api/vm/list")[2]
            with bare_handler(body, directory) as bare:
                yield from _compared(agents, fleet.url, cookie, bare)


def _compared(agents: int, hub: str, cookie: dict[str, str], bare: str) -> Iterator[Row]:
    ours, beside = interleaved(ROUNDS, lambda: rate(hub, "/api/vm/list", cookie), lambda: rate(bare, "/", {}))
    ratio = statistics.median(a / b for a, b in zip(ours, beside, strict=True))
    what = f"list of {agents * VMS_PER_AGENT} VMs"
    yield Row(f"{what}, rate", median(ours), median(beside), "req/s", ratio, ">= 0.5", ratio >= 0.5)
    mine, theirs = latencies_ms(hub, "/api/vm/list", cookie), latencies_ms(bare, "/", {})
    for name, value in (("p50", median), ("p99", lambda values: percentile(values, 0.99))):
        ratio = value(mine) / value(theirs)
        yield Row(f"{what}, {name}", value(mine), value(theirs), "ms", ratio, "told", True)
