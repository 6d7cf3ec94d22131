"""Agents that dial the hub, beside agents that it dials; and a thousand of them when the hub was killed."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.e2e.fleet import Fleet

from .listing import log_in
from .memory import held_kib
from .report import Row, interleaved, median, percentile
from .sockets import Http, Terminal

CALLS, ROUNDS = 200, 7
FLOOD_BYTES = 100_000_000
FORGOTTEN_S = 16.0
"""After this the hub has closed the connections it kept to an agent, but for a link's spare."""
MANY = 1000
IDLE_S = 20.0
UP_S = 180.0
"""When not all links are up by then, there is nothing to measure."""


def measure(directory: Path) -> Iterator[Row]:
    """Yield the rows."""
    for name, rows in (("two", _beside), ("many", _many)):
        (directory / name).mkdir()
        with Fleet(directory / name) as fleet:
            yield from rows(fleet)


class Way(NamedTuple):
    """One of two agents, as the hub's clients see it."""

    fleet: Fleet
    cookie: dict[str, str]
    terminal_id: str

    def calls_ms(self) -> float:
        """Return the median of calls that the agent answers by itself."""
        with Http(self.fleet.url, self.cookie) as http:
            return median([self._call_ms(http) for _ in range(CALLS)])

    def first_ms(self) -> float:
        """Return how long one call takes that needs a new connection."""
        with Http(self.fleet.url, self.cookie) as http:
            http.seconds("/healthz")
            return self._call_ms(http)

    def flood_mb_s(self) -> float:
        """Return how fast a terminal's output comes."""
        socket = Terminal(f"{self.fleet.url}/ws?terminal_id={self.terminal_id}", self.cookie)
        mark = f"{time.monotonic_ns()}"  # what the screen shows of the round before has another
        socket.send(f"head -c {FLOOD_BYTES} /dev/zero | tr '\\0' x; echo do''ne-{mark}\n".encode())
        began = time.perf_counter()
        socket.until(f"done-{mark}".encode())
        took_s = time.perf_counter() - began
        socket.close()
        return FLOOD_BYTES / took_s / 1e6

    def _call_ms(self, http: Http) -> float:
        return http.seconds(f"/api/terminals/{self.terminal_id}") * 1000


def _beside(fleet: Fleet) -> Iterator[Row]:
    cookie, ways = log_in(fleet), []
    for agent_id, link in (("linked", "true"), ("dialled", "false")):
        fleet.add_agent(agent_id, BATWA_AGENT_LINK=link)
        with Http(fleet.url, cookie) as http:
            http.json("POST", "/api/vm/create", {"name": agent_id, "agent_id": agent_id})
            opened = http.json("POST", "/api/terminals", {"vm_name": agent_id})
        ways.append(Way(fleet, cookie, opened["id"]))
    linked, dialled = ways
    ours, beside = map(median, interleaved(ROUNDS, linked.calls_ms, dialled.calls_ms))
    yield Row("a call by a link, p50", ours, beside, "ms", ours / beside, "<= 1.15", ours / beside <= 1.15)
    ours, beside = map(median, interleaved(ROUNDS, linked.flood_mb_s, dialled.flood_mb_s))
    yield Row(
        "a terminal's flood by a link", ours, beside, "MB/s", ours / beside, ">= 0.9", ours / beside >= 0.9
    )
    firsts: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        time.sleep(FORGOTTEN_S)
        for values, way in zip(firsts, ways, strict=True):
            values.append(way.first_ms())
    ours, beside = map(median, firsts)
    yield Row(
        "a call on a new connection", ours, beside, "ms", ours / beside, "<= 10 ms more", ours - beside <= 10
    )


def _many(fleet: Fleet) -> Iterator[Row]:
    cookie, keys = log_in(fleet), {}
    with Http(fleet.url, cookie) as http:
        for number in range(MANY):
            made = http.json("POST", "/api/agent/keys", {"name": f"a{number}", "agent_id": f"a{number}"})
            keys[f"a{number}"] = made["api_key"]
    file = fleet.directory / "keys.json"
    file.write_text(json.dumps(keys))
    assert fleet.hub.process
    before_kib = held_kib(fleet.hub.process.pid)
    with _agents(fleet.url, file) as agents:
        _until_up(agents)
        time.sleep(5)
        each_kib = (held_kib(fleet.hub.process.pid) - before_kib) / MANY
        yield Row(
            f"memory of the hub for one of {MANY} idle links", each_kib, 0, "KiB", 0, "<= 40", each_kib <= 40
        )
        busy = psutil.Process(fleet.hub.process.pid).cpu_times()
        time.sleep(IDLE_S)
        now = psutil.Process(fleet.hub.process.pid).cpu_times()
        percent = (now.user + now.system - busy.user - busy.system) / IDLE_S * 100
        yield Row(f"CPU of the hub for {MANY} idle links", percent, 0, "%", 0, "<= 5", percent <= 5)
        fleet.hub.kill()
        fleet.hub.start()
        began_s = time.perf_counter()
        with _asking(fleet.url, cookie) as waits_ms:
            _until_up(agents)
        took_s = time.perf_counter() - began_s
        slowest = percentile(waits_ms, 0.99)
        yield Row(f"{MANY} links back after a kill of the hub", took_s, 0, "s", 0, "<= 30", took_s <= 30)
        yield Row("a request meanwhile, p99", slowest, 0, "ms", 0, "<= 250", slowest <= 250)


@contextlib.contextmanager
def _agents(hub_url: str, keys: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the agents; they tell how many are up."""
    argv = [sys.executable, "-m", "tests.bench.linked", hub_url, str(keys)]
    log = keys.with_suffix(".log").open("wb")
    with log, subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, text=True) as agents:
        try:
            yield agents
        finally:
            agents.kill()


def _until_up(agents: subprocess.Popen[str]) -> None:
    """Wait until all links are up, for `UP_S` at most."""
    assert agents.stdout
    deadline = threading.Timer(UP_S, agents.kill)
    deadline.start()
    try:
        if not any(int(line) == MANY for line in agents.stdout):
            raise AssertionError(f"the agents died, or not all {MANY} were up within {UP_S:g} s")
    finally:
        deadline.cancel()


@contextlib.contextmanager
def _asking(hub_url: str, cookie: dict[str, str]) -> Iterator[list[float]]:
    """While the block runs, have somebody ask the hub again and again."""
    waits_ms: list[float] = []
    done = threading.Event()

    def ask() -> None:
        with Http(hub_url, cookie) as http:
            while not done.wait(0.02):
                waits_ms.append(http.seconds("/api/vm/list") * 1000)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield waits_ms
    finally:
        done.set()
        asking.join()
