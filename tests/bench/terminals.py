"""A terminal through hub and agent, beside the same at the agent alone."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.e2e.fleet import Fleet, fleet_of

from .listing import log_in
from .report import Row, interleaved, median, percentile
from .sockets import Http, Terminal

ROUNDS = 7
KEYS = 400
BULK_BYTES = 64 << 20


def measure(directory: Path) -> Iterator[Row]:
    """Yield the rows of echo and bulk output."""
    with fleet_of(directory, "local") as fleet:
        cookie = log_in(fleet)
        with Http(fleet.url, cookie) as http:
            http.json("POST", "/api/vm/create", {"name": "bench"})
        agent = fleet.agents["local"]
        alone = f"http://{urlsplit(agent.ready).netloc}/ws?vm_name=bench"
        key = {"X-API-Key": agent.env["BATWA_AGENT_API_KEY"]}
        with (
            Terminal(f"{fleet.url}/ws?vm_name=bench", cookie) as through,
            Terminal(alone, key) as direct,
        ):
            yield from _echo(through, direct)
        yield from _bulk(fleet, cookie, alone, key)


def _echo(through: Terminal, direct: Terminal) -> Iterator[Row]:
    for terminal in (through, direct):
        terminal.until(b"$ ")
        terminal.send(b"stty raw -echo; echo re''ady; exec cat\n")
        terminal.until(b"ready")
        echoes_us(terminal)
    both = interleaved(ROUNDS, lambda: echoes_us(through), lambda: echoes_us(direct))
    mine, theirs = ([value for taken in side for value in taken] for side in both)
    added = statistics.median(median(a) - median(b) for a, b in zip(*both, strict=True))
    ratio = median(mine) / median(theirs)
    yield Row("key echo p50, hub and agent", median(mine), median(theirs), "us", ratio, "told", True)
    worst, worst_alone = percentile(mine, 0.99), percentile(theirs, 0.99)
    yield Row("key echo p99", worst, worst_alone, "us", worst / worst_alone, "told", True)
    yield Row("key echo p50, added by the hub", added, 0.0, "us", 0.0, "<= 40 us", added <= 40)


def echoes_us(terminal: Terminal) -> list[float]:
    """Return the round trips of single keys, in microseconds."""
    taken = []
    for _ in range(KEYS):
        began = time.perf_counter()
        terminal.send(b"x")
        while not terminal.receive():
            pass
        taken.append((time.perf_counter() - began) * 1e6)
    return taken


def _bulk(fleet: Fleet, cookie: dict[str, str], alone: str, key: dict[str, str]) -> Iterator[Row]:
    def through() -> float:
        return bulk_mb_s(f"{fleet.url}/ws?vm_name=bench", cookie)

    ours, beside = interleaved(5, through, lambda: bulk_mb_s(alone, key))
    ratio = statistics.median(a / b for a, b in zip(ours, beside, strict=True))
    yield Row("bulk output, hub and agent", median(ours), median(beside), "MB/s", ratio, "told", True)


def bulk_mb_s(url: str, headers: dict[str, str]) -> float:
    """Return the rate of a long output, from the first byte asked for to the last one read."""
    with Terminal(url, headers) as terminal:
        terminal.until(b"$ ")
        terminal.send(b"stty raw -echo; echo re''ady\n")
        terminal.until(b"ready")
        began = time.perf_counter()
        terminal.send(f"head -c {BULK_BYTES} /dev/zero | tr '\\0' x; echo do''ne\n".encode())
        count = terminal.until(b"done")
        return count / (time.perf_counter() - began) / 1e6
