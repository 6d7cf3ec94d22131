"""One hung agent, and what the others notice of it."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.fleet import fleet_of

from .listing import latencies_ms, log_in
from .report import Row, median
from .sockets import Http

ROUNDS = 4


def measure(directory: Path) -> Iterator[Row]:
    """Yield list and action latency of a healthy agent, with and without a hung one in the fleet."""
    with fleet_of(directory, "local", "hung") as fleet:
        fleet.faults("local", MULTIPASS_SIM_STOP_S="0.1", MULTIPASS_SIM_START_S="0.1")
        cookie = log_in(fleet)
        with Http(fleet.url, cookie) as http:
            http.json("POST", "/api/vm/create", {"name": "near"})
            http.json("POST", "/api/vm/create", {"name": "far", "agent_id": "hung"})

        def lists_ms() -> float:
            return median(latencies_ms(fleet.url, "/api/vm/list", cookie, 300))

        def actions_ms() -> float:
            with Http(fleet.url, cookie) as http:
                began = time.perf_counter()
                for verb in ("stop", "start") * 3:
                    http.json("POST", f"/api/vm/{verb}", {"name": "near"})
                return (time.perf_counter() - began) / 6 * 1000

        taken: dict[str, tuple[list[float], list[float]]] = {"list": ([], []), "action": ([], [])}
        for _ in range(ROUNDS):
            for hung in (0, 1):
                if hung:
                    fleet.agents["hung"].signal(signal.SIGSTOP)
                    _ask_in_vain(fleet.url, cookie)
                taken["list"][hung].append(lists_ms())
                taken["action"][hung].append(actions_ms())
            fleet.agents["hung"].signal(signal.SIGCONT)
        for what, (without, beside) in taken.items():
            ratio = median(beside) / median(without)
            name = f"{what} at a healthy agent, another one hung"
            yield Row(name, median(beside), median(without), "ms", ratio, "<= 1.1", ratio <= 1.1)


def _ask_in_vain(url: str, cookie: dict[str, str]) -> None:
    def ask() -> None:
        with Http(url, cookie) as http:
            http.request("GET", "/api/vm/info/far?agent_id=hung")

    for _ in range(4):
        threading.Thread(target=ask, daemon=True).start()
