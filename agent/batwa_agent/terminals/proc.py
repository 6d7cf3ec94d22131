"""What the kernel says of processes that are not ours. All of it blocks a little: use a thread."""

import os
from pathlib import Path


def began(pid: int) -> str | None:
    """Return when process *pid* began, in the kernel's ticks; None if there is none, or only a zombie.

    proc_pid_stat(5), fields 3 and 22; the name in field 2 may hold anything, so count from its end.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {b"Z", b"X"} else fields[19].decode()


def is_running(pid: int) -> bool:
    """Whether there is a process *pid*, other than a zombie where the kernel tells them apart."""
    if Path("/proc/self/stat").exists():
        return began(pid) is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
