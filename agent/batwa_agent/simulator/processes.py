"""Processes of this machine by id and start, so that a reused id is never mistaken for them."""

import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

_GONE_WITHIN_S = 0.3
"""A killed process may stay until its parent has noticed, which is not worth more waiting."""
_LOOK_EVERY_S = 0.005


class Process(NamedTuple):
    """One process."""

    pid: int
    started: str
    """As the kernel counts it; empty where there is no /proc."""

    @classmethod
    def of(cls, pid: int) -> "Process":
        """Return the process that has *pid* now."""
        return cls(pid, _started(pid))

    def lives(self) -> bool:
        """Tell whether it is still running (a zombie is not)."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return _started(self.pid) == self.started

    def kill(self) -> None:
        """Kill it and wait a moment until it is gone."""
        deadline = time.monotonic() + _GONE_WITHIN_S
        while self.lives() and time.monotonic() < deadline:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            time.sleep(_LOOK_EVERY_S)


def marked(marker: str) -> list[Process]:
    """Find the processes with *marker* (`NAME=value`) in their environment; none where there is no /proc."""
    wanted = marker.encode()
    return [Process.of(int(p.name)) for p in Path("/proc").glob("[0-9]*") if wanted in _environment(p)]


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:  # gone meanwhile, or another user's
        return []


def _started(pid: int) -> str:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if after_name[0] == "Z" else after_name[19]
