"""`python -m tests.load`: a hub under a thousand linked machines, and how soon it is whole after a kill.

Prints CPU, memory and times, and what they are to be; exit status 1 when one is missed. The hub's database is
SQLite, or a PostgreSQL of its own with `--postgresql`.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
from prometheus_client.parser import text_string_to_metric_families as families

from tests.bench.listing import log_in
from tests.bench.report import Row, table
from tests.bench.sockets import Http
from tests.e2e.fleet import Fleet
from tests.postgres import server

CORES, MEMORY_MIB, WHOLE_S = 0.5, 500.0, 30.0
"""What the hub may take of a core and of memory, and until all is back after a kill."""
PATIENCE_S = 300.0


class Seen(NamedTuple):
    """What the hub tells of itself."""

    online: float
    links: float
    known: float
    """VMs whose agents are online."""


def main() -> int:
    """Measure; return the exit status."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="batwa-load-") as directory, contextlib.ExitStack() as stack:
        fleet = Fleet(Path(directory))
        fleet.env["BATWA_HUB_AGENT__STALE_AFTER_S"] = str(3.5 * asked.interval_s)
        fleet.env["BATWA_HUB_LIMIT__STRANGER_PER_MINUTE"] = "0"  # whoever reads the metrics here is one
        if asked.postgresql:
            fleet.env["BATWA_HUB_DATABASE_URL"] = stack.enter_context(server()).new_database()
        stack.enter_context(fleet)
        rows = list(_measured(fleet, asked))
    print(table(rows))
    return 0 if all(row.met for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--vms", type=int, default=10, help="on each")
    parser.add_argument("--interval-s", type=float, default=30.0, help="between two heartbeats")
    parser.add_argument("--changes-per-s", type=float, default=1.0, help="VMs that start or stop, in all")
    parser.add_argument("--seconds", type=float, default=90.0, help="how long to look")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    return parser.parse_args()


def _measured(fleet: Fleet, asked: argparse.Namespace) -> Iterator[Row]:
    cookie, keys = log_in(fleet), {}
    with Http(fleet.url, cookie) as http:
        for n in range(asked.agents):
            made = http.json("POST", "/api/agent/keys", {"name": f"m{n}", "agent_id": f"m{n}"})
            keys[f"m{n}"] = made["api_key"]
    file = fleet.directory / "keys.json"
    file.write_text(json.dumps(keys))
    vms = asked.agents * asked.vms
    with _agents(fleet.url, file, asked) as agents:
        joined_s = _until_whole(fleet, agents, asked.agents, vms)
        print(f"{asked.agents} machines with {vms} VMs joined in {joined_s:.1f} s", file=sys.stderr)
        time.sleep(asked.interval_s)
        hub = _hub(fleet)
        before, began_s = hub.cpu_times(), time.monotonic()
        time.sleep(asked.seconds)
        after, took_s = hub.cpu_times(), time.monotonic() - began_s
        cores = (after.user + after.system - before.user - before.system) / took_s
        what = f"{asked.agents} machines with {asked.vms} VMs each, a heartbeat in {asked.interval_s:g} s"
        yield Row(f"{what}: CPU", cores * 100, 0, "% core", 0, f"<= {CORES:.0%}", cores <= CORES)
        mib = hub.memory_info().rss / (1 << 20)
        yield Row("memory (RSS)", mib, 0, "MiB", 0, f"<= {MEMORY_MIB:g}", mib <= MEMORY_MIB)
        fleet.hub.kill()
        killed_s = time.monotonic()
        fleet.hub.start()
        _until_whole(fleet, agents, asked.agents, vms)
        whole_s = time.monotonic() - killed_s
        yield Row(
            "whole again after kill -9: linked, online, no VM unknown",
            whole_s, 0, "s", 0, f"<= {WHOLE_S:g}", whole_s <= WHOLE_S,
        )  # fmt: skip
        mib = _hub(fleet).memory_info().rss / (1 << 20)
        yield Row("memory then", mib, 0, "MiB", 0, f"<= {MEMORY_MIB:g}", mib <= MEMORY_MIB)


def _hub(fleet: Fleet) -> psutil.Process:
    assert fleet.hub.process
    return psutil.Process(fleet.hub.process.pid)


@contextlib.contextmanager
def _agents(hub_url: str, keys: Path, asked: argparse.Namespace) -> Iterator[subprocess.Popen[bytes]]:
    numbers = [str(asked.vms), str(asked.interval_s), str(asked.changes_per_s)]
    argv = [sys.executable, "-m", "tests.load.agents", hub_url, str(keys), *numbers]
    with subprocess.Popen(argv) as agents:
        try:
            yield agents
        finally:
            agents.kill()


def _until_whole(fleet: Fleet, agents: subprocess.Popen[bytes], machines: int, vms: int) -> float:
    """Wait until every machine is online and linked and every VM is known; return how long it took."""
    began_s = time.monotonic()
    with Http(fleet.url, {}) as http:
        while True:
            seen = _seen(http.request("GET", "/metrics")[2].decode())
            if seen.online == seen.links == machines and seen.known == vms:
                return time.monotonic() - began_s
            if agents.poll() is not None or time.monotonic() - began_s > PATIENCE_S:
                raise AssertionError(f"not whole after {PATIENCE_S:g} s: {seen}")
            time.sleep(0.2)


def _seen(text: str) -> Seen:
    told: dict[tuple[str, ...], float] = {}
    for family in families(text):
        told |= {(each.name, *each.labels.values()): each.value for each in family.samples}
    states = {key[1]: value for key, value in told.items() if key[0] == "batwa_vms"}
    known = sum(value for state, value in states.items() if state != "Unknown")
    return Seen(told.get(("batwa_agents", "online"), 0), told["batwa_links",], known)


if __name__ == "__main__":
    sys.exit(main())
