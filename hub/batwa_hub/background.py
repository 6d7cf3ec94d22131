"""The hub as a background process: one per data directory, found by the lock it holds."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from batwa_common.tls import unverified_context

START_TIMEOUT_S = 60.0
"""How long a start may take: migrations of a large database included."""
STOP_TIMEOUT_S = 30.0
"""How long a stop may take: requests in flight get 10 s of it."""
_POLL_S = 0.1
_LOCK_TRIES = 10
_TAIL_BYTES = 2000


class BackgroundError(Exception):
    """It could not be started or stopped; the message says why."""


class Running(NamedTuple):
    """A hub that runs."""

    pid: int
    url: str
    units: str = ""
    """systemd's units that keep it running, the service last; empty if nobody does."""

    @property
    def how_to_stop(self) -> str:
        """The command that ends it for good."""
        return f"systemctl stop {self.units}" if self.units else "batwa-hub stop"


@contextlib.contextmanager
def only_one(pid_file: Path, url: str, units: str = "") -> Iterator[None]:
    """Hold the data directory for this process while the block runs. Raises `BackgroundError` if taken.

    *url* is where it listens, *units* what keeps it running under systemd, for those who find it here.

    The lock, not the file, says that a hub runs: a file left by a kill means nothing.
    """
    pid_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with pid_file.open("a+", encoding="ascii") as file:
        if not _locks(file):
            refuse_second(pid_file)
            raise BackgroundError(f"A hub that runs with {pid_file.parent} is just ending; try again.")
        file.truncate(0)
        file.write(f"{os.getpid()} {url}\t{units}\n")
        file.flush()
        yield


def _locks(file: IO[str]) -> bool:
    for _ in range(_LOCK_TRIES):  # whoever just looks (`find_running`) holds it for a moment
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_POLL_S)
    return False


def find_running(pid_file: Path) -> Running | None:
    """Return the hub that holds *pid_file*, or None."""
    try:
        with pid_file.open(encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                pid, _, rest = file.read().strip().partition(" ")
                url, _, units = rest.partition("\t")
                return Running(int(pid or 0), url, units)
    except FileNotFoundError:
        pass
    return None


def refuse_second(pid_file: Path) -> None:
    """Raise `BackgroundError` if a hub holds *pid_file*."""
    if (found := find_running(pid_file)) is not None:
        raise BackgroundError(
            f"A hub is running already: process {found.pid} at {found.url}. To end it: {found.how_to_stop}"
        )


def is_ready(url: str) -> bool:
    """Tell whether the hub at *url* answers that it can do its work."""
    try:
        # the process that holds our lock is asked, so its certificate tells nothing new
        context = unverified_context()
        with urllib.request.urlopen(f"{url}/readyz", timeout=5, context=context) as answer:  # noqa: S310 -- our own address
            return bool(answer.status == 200)
    except OSError:
        return False


def start(arguments: Sequence[str], *, pid_file: Path, log_file: Path, url: str) -> Running:
    """Start `batwa-hub start --foreground` with *arguments*, detached, and wait until it is ready.

    Raises `BackgroundError` with the end of the log if it is not within `START_TIMEOUT_S`.
    """
    began_at = log_file.stat().st_size if log_file.exists() else 0
    with log_file.open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "batwa_hub", "start", "--foreground", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and child.poll() is None:
        found = find_running(pid_file)
        if found is not None and found.pid == child.pid and is_ready(url):
            return found
        time.sleep(_POLL_S)
    if child.poll() is None:
        child.terminate()
        child.wait(STOP_TIMEOUT_S)
    raise BackgroundError(f"The hub did not start. {log_file} says:\n{_tail(log_file, began_at)}")


def stop(pid_file: Path) -> Running | None:
    """Stop the hub in good order and wait until it is gone; return what ran, or None.

    Raises `BackgroundError` if it is still there after `STOP_TIMEOUT_S`, or if systemd runs it: that would
    start it again, or take it for failed.
    """
    if (found := find_running(pid_file)) is None or not found.pid:
        return None
    if found.units:
        restart = f"systemctl restart {found.units.split()[-1]}"
        raise BackgroundError(f"systemd runs this hub. Use: {found.how_to_stop}, or: {restart}")
    with contextlib.suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        if find_running(pid_file) is None:
            return found
        time.sleep(_POLL_S)
    raise BackgroundError(
        f"The hub, process {found.pid}, has not stopped in {STOP_TIMEOUT_S:g} s. "
        f"Nothing is lost if you end it hard: kill -9 {found.pid}"
    )


def tell_to_look(pid_file: Path) -> None:
    """Have the hub that holds *pid_file*, if one does, take changed certificates at once."""
    if (found := find_running(pid_file)) is not None and found.pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGHUP)


def _tail(file: Path, began_at: int) -> str:
    text = file.read_bytes()[began_at:][-_TAIL_BYTES:]
    return text.decode(errors="replace").strip() or "(nothing)"
