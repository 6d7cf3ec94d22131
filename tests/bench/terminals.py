"""Terminals: echo, bulk output, fairness, interruption and opening, in turn with the programs beside ours."""

import contextlib
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Iterator, MutableSequence
from multiprocessing.synchronize import Barrier
from pathlib import Path

from .contenders import Bench, Contender, Shell, bench
from .report import Row, interleaved, median, percentile

KEYS, KEY_ROUNDS = 50, 40
"""Few a round: what else the machine does is to hit all alike."""
FIRST_KEYS, FIRST_OF_ROUND = 400, 10
"""Not counted: what every first key brings, and every first after a pause."""
BULK_BYTES = 48 << 20
BULK_ROUNDS, INTERRUPT_ROUNDS = 15, 11
"""Many: both need all processors of a small machine, and suffer most from who else wants them."""
FLOODS = 20
SLOW_BYTES_S = 8e6
"""What a slow client takes."""


Counts = MutableSequence[int]


def measure(directory: Path) -> Iterator[Row]:
    """Yield the rows."""
    with bench(directory) as all_:
        yield from _echo(all_)
        yield from _bulk(all_)
        yield from _floods(all_)
        yield from _interrupt(all_)
        yield from _opening(all_)


@contextlib.contextmanager
def shell(contender: Contender) -> Iterator[Shell]:
    """Open a terminal, and wait for its prompt."""
    terminal = contender.open()
    try:
        terminal.until(b"$ ")
        yield terminal
    finally:
        terminal.close()


def ready(terminal: Shell, command: str) -> None:
    """Make the terminal raw and run *command* in place of the shell."""
    terminal.send(f"stty raw -echo; echo re''ady; {command}\n".encode())
    terminal.until(b"ready")


def echoes_us(terminal: Shell, count: int) -> list[float]:
    """Return the round trips of single keys, one on the other, in microseconds."""
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        terminal.send(b"x")
        while not terminal.receive():
            pass
        taken.append((time.perf_counter() - began) * 1e6)
    return taken


def _echo(all_: Bench) -> Iterator[Row]:
    contenders = [all_.through, all_.alone, all_.raw, *all_.beside]
    if all_.ttyd_behind_nginx:
        contenders.append(all_.ttyd_behind_nginx)
    with contextlib.ExitStack() as stack:
        terminals = [stack.enter_context(shell(contender)) for contender in contenders]
        for terminal in terminals:
            ready(terminal, "exec cat")
            echoes_us(terminal, FIRST_KEYS)
        measures: list[Callable[[], list[float]]] = [
            lambda t=t: echoes_us(t, FIRST_OF_ROUND + KEYS)[FIRST_OF_ROUND:] for t in terminals
        ]
        taken = interleaved(KEY_ROUNDS, *measures)
    through, alone = taken[0], taken[1]
    mine = [value for round_ in through for value in round_]
    added = statistics.median(median(a) - median(b) for a, b in zip(through, alone, strict=True))
    p50, p99 = median(mine), percentile(mine, 0.99)
    yield Row("key echo p50, added by the hub", added, 0.0, "us", 0.0, "<= 40 us", added <= 40)
    yield Row("key echo p99 / p50", p99, p50, "us", p99 / p50, "<= 3", p99 / p50 <= 3)
    for contender, other in zip(contenders[1:], taken[1:], strict=True):
        ratio = statistics.median(median(a) / median(b) for a, b in zip(through, other, strict=True))
        all_theirs = [value for round_ in other for value in round_]
        theirs, theirs99 = median(all_theirs), percentile(all_theirs, 0.99)
        limit = {"ttyd": 1.5, "ttyd behind nginx": 1.0}.get(contender.name)
        yield _row(f"key echo p50, beside {contender.name}", p50, theirs, "us", ratio, at_most=limit)
        yield _row(f"key echo p99, beside {contender.name}", p99, theirs99, "us", p99 / theirs99)


def bulk_mb_s(contender: Contender) -> float:
    """Return the rate of a long output, from asking for it to its last byte."""
    with shell(contender) as terminal:
        ready(terminal, "true")
        began = time.perf_counter()
        terminal.send(f"head -c {BULK_BYTES} /dev/zero | tr '\\0' x; echo do''ne\n".encode())
        count = terminal.until(b"done")
        return count / (time.perf_counter() - began) / 1e6


def _bulk(all_: Bench) -> Iterator[Row]:
    contenders = [all_.through, all_.alone, all_.raw, *all_.beside]
    taken = interleaved(BULK_ROUNDS, *[lambda c=c: bulk_mb_s(c) for c in contenders])
    for contender, other in zip(contenders[1:], taken[1:], strict=True):
        ratio = statistics.median(a / b for a, b in zip(taken[0], other, strict=True))
        limit = {"ttyd": 1.2, "terminado": 2.0}.get(contender.name)
        what = f"bulk output, beside {contender.name}"
        yield _row(what, median(taken[0]), median(other), "MB/s", ratio, at_least=limit)


def _drain(contender: Contender, counts: Counts, ready_: Barrier) -> None:
    """Keep `FLOODS` terminals flooding, and take what they bring."""

    def take(index: int, terminal: Shell) -> None:
        with contextlib.suppress(OSError):
            while True:
                counts[index] += len(terminal.receive())

    with contextlib.ExitStack() as stack:
        floods = [stack.enter_context(shell(contender)) for _ in range(FLOODS)]
        for index, flood in enumerate(floods):
            flood.send(b"exec yes flooding\n")
            threading.Thread(target=take, args=(index, flood), daemon=True).start()
        ready_.wait()
        ready_.wait()


@contextlib.contextmanager
def floods(contender: Contender) -> Iterator[Counts]:
    """Flood from another process: its threads must not hold up whoever measures."""
    fork = multiprocessing.get_context("fork")
    counts, started = fork.Array("Q", FLOODS, lock=False), fork.Barrier(2)
    child = fork.Process(target=_drain, args=(contender, counts, started))
    child.start()
    try:
        started.wait(30)
        yield counts
        started.wait(30)
        child.join(30)
    finally:
        child.kill()
        child.join()


def flooded(contender: Contender) -> tuple[float, float]:
    """Return (echo p50 in ms, MB/s of the floods together) with twenty other terminals flooding."""
    with shell(contender) as quiet:
        ready(quiet, "exec cat")
        with floods(contender) as counts:
            time.sleep(0.5)
            before, began = sum(counts), time.perf_counter()
            echoes = echoes_us(quiet, 200)
            while (took := time.perf_counter() - began) < 1.5:
                time.sleep(0.05)
            rate = (sum(counts) - before) / took / 1e6
    return median(echoes) / 1000, rate


def _floods(all_: Bench) -> Iterator[Row]:
    contenders = [all_.through, *all_.beside]
    taken = interleaved(3, *[lambda c=c: flooded(c) for c in contenders])
    mine = [median([value[i] for value in taken[0]]) for i in (0, 1)]
    for contender, other in zip(contenders[1:], taken[1:], strict=True):
        theirs = [median([value[i] for value in other]) for i in (0, 1)]
        name, goal = contender.name, 0.8 if contender.name == "ttyd" else None
        what = f"echo p50 beside {FLOODS} floods, and at {name}"
        yield _row(what, mine[0], theirs[0], "ms", mine[0] / theirs[0])
        yield _row(
            f"{FLOODS} floods together, and at {name}",
            mine[1],
            theirs[1],
            "MB/s",
            mine[1] / theirs[1],
            at_least=goal,
        )
    yield Row(f"echo p50 beside {FLOODS} floods", mine[0], 2.0, "ms", mine[0] / 2, "<= 2 ms", mine[0] <= 2)


def interrupt_ms(contender: Contender, *, bytes_s: float | None = None) -> float:
    """Return how long Ctrl-C during `yes` takes to a prompt, for a client that takes *bytes_s*."""
    with shell(contender) as terminal:
        terminal.send(b"yes no\n")
        began, taken = time.perf_counter(), 0
        while time.perf_counter() - began < 1:
            taken += _paced(terminal, bytes_s)
        pressed = time.perf_counter()
        terminal.send(b"\x03")
        tail = b""
        while b"$ " not in tail:
            chunk = terminal.receive()
            if bytes_s:
                time.sleep(len(chunk) / bytes_s)
            tail = tail[-8:] + chunk
        return (time.perf_counter() - pressed) * 1000


def _paced(terminal: Shell, bytes_s: float | None) -> int:
    chunk = terminal.receive()
    if bytes_s:
        time.sleep(len(chunk) / bytes_s)
    return len(chunk)


def _interrupt(all_: Bench) -> Iterator[Row]:
    cases = [
        (all_.through, None, 3.0),
        (all_.through, SLOW_BYTES_S, 30.0),
        (all_.through_plain, SLOW_BYTES_S, 300.0),
        *[(contender, speed, None) for contender in all_.beside for speed in (None, SLOW_BYTES_S)],
    ]
    taken = interleaved(INTERRUPT_ROUNDS, *[lambda c=c, s=s: interrupt_ms(c, bytes_s=s) for c, s, _ in cases])
    for (contender, speed, limit), values in zip(cases, taken, strict=True):
        client = "8 MB/s client" if speed else "fast client"
        what, value = f"Ctrl-C to prompt, {client}, {contender.name}", median(values)
        yield _row(
            what, value, limit or 0.0, "ms", value / limit if limit else 0.0, at_most=1.0 if limit else None
        )


def opening_ms(contender: Contender) -> float:
    """Return the time from connecting to the first byte."""
    began = time.perf_counter()
    terminal = contender.open()
    while not terminal.receive():
        pass
    took = (time.perf_counter() - began) * 1000
    terminal.close()
    return took


def _opening(all_: Bench) -> Iterator[Row]:
    contenders = [all_.through, all_.alone, all_.raw, *all_.beside]
    taken = interleaved(15, *[lambda c=c: opening_ms(c) for c in contenders])
    for contender, other in zip(contenders[1:], taken[1:], strict=True):
        ratio = median(taken[0]) / median(other)
        limit = 1.5 if contender.name == "ttyd" else None
        what = f"opening to first byte, beside {contender.name}"
        yield _row(what, median(taken[0]), median(other), "ms", ratio, at_most=limit)


def _row(
    what: str,
    ours: float,
    beside: float,
    unit: str,
    ratio: float,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Row:
    if at_least is not None:
        return Row(what, ours, beside, unit, ratio, f"ratio >= {at_least:g}", ratio >= at_least)
    if at_most is not None:
        return Row(what, ours, beside, unit, ratio, f"ratio <= {at_most:g}", ratio <= at_most)
    return Row(what, ours, beside, unit, ratio, "told", met=True)
