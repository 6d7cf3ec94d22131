"""What terminals cost in memory: clients that do not read, shells that do not, and hundreds that idle."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from .contenders import Bench, Contender, bench
from .report import Row
from .terminals import shell

IDLE = 500
STALLED_S = 10.0
PASTE_BYTES = 1 << 30
PASTE_S = 20.0


def measure(directory: Path) -> Iterator[Row]:
    """Yield the rows."""
    with bench(directory) as all_:
        yield from _stalled(all_, all_.through)
        yield from _stalled(all_, all_.through_plain)
        yield from _pasted(all_)
        yield from _idle(all_)


def held_kib(*pids: int) -> float:
    """Return the private memory of these processes, in KiB: the most, for all is shared while one forks."""
    return sum(max(_private_kib(pid) for _ in range(5)) for pid in pids)


def _private_kib(pid: int) -> float:
    time.sleep(0.05)
    return float(psutil.Process(pid).memory_full_info().uss) / 1024


def daemons(all_: Bench) -> tuple[int, int]:
    """Return the process ids of hub and agent."""
    assert all_.fleet.hub.process
    assert all_.agent.process
    return all_.fleet.hub.process.pid, all_.agent.process.pid


def _warmed(all_: Bench) -> float:
    with shell(all_.through) as terminal:  # what every first terminal brings, such as imports
        terminal.send(b"head -c 8000000 /dev/zero | tr '\\0' x; echo do''ne\n")
        terminal.until(b"done")
    time.sleep(2.5)  # until quiet logs rest
    return held_kib(*daemons(all_))


def _stalled(all_: Bench, contender: Contender) -> Iterator[Row]:
    before = _warmed(all_)
    with shell(contender) as terminal:
        terminal.send(b"yes no\n")
        time.sleep(STALLED_S)
        grown = held_kib(*daemons(all_)) - before
    what = f"growth, client reads nothing {STALLED_S:g} s, {contender.name}"
    yield Row(what, grown, 300, "KiB", grown / 300, "< 300", grown < 300)


def _pasted(all_: Bench) -> Iterator[Row]:
    before = _warmed(all_)
    with shell(all_.through) as terminal:
        terminal.send(b"stty raw -echo; sleep 1000\n")
        time.sleep(0.5)
        terminal.socket.settimeout(2)
        piece, sent, began = b"x" * 65_000, 0, time.perf_counter()
        with contextlib.suppress(TimeoutError):
            while sent < PASTE_BYTES and time.perf_counter() - began < PASTE_S:
                terminal.send(piece)
                sent += len(piece)
        grown = held_kib(*daemons(all_)) - before
    what = f"growth, 1 GB pasted and {sent / 1e6:.1f} MB taken"
    yield Row(what, grown, 1024, "KiB", grown / 1024, "< 1 MiB", grown < 1024)


def _idle(all_: Bench) -> Iterator[Row]:
    _warmed(all_)
    hub, agent = daemons(all_)
    before = held_kib(hub), held_kib(agent)
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE - 1):
            stack.enter_context(shell(all_.through))
        time.sleep(2)
        hub_kib, agent_kib = (held_kib(hub) - before[0]) / IDLE, (held_kib(agent) - before[1]) / IDLE
    for who, kib, limit in (("agent", agent_kib, 150), ("hub", hub_kib, 60)):
        what = f"each of {IDLE} idle terminals, {who}"
        yield Row(what, kib, limit, "KiB", kib / limit, f"< {limit}", kib < limit)
