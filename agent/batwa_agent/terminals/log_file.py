"""The file behind a terminal's log, mapped into memory: what is read from a terminal is in it at once."""

import mmap
import os
from pathlib import Path

from .output_log import OutputLog, memory_bytes


def create_log(path: Path, keep_bytes: int) -> OutputLog:
    """Return a new log of the last *keep_bytes*, kept in *path*. Blocks. Raises OSError.

    The room on disk is taken at once: a full disk must refuse a terminal, not kill the agent at a later byte.
    """
    size = memory_bytes(keep_bytes)
    with open(path, "w+b", opener=_private) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
        return OutputLog(mmap.mmap(file.fileno(), size))


def open_log(path: Path) -> OutputLog:
    """Return the log that an earlier agent kept in *path*. Blocks. Raises OSError, ValueError."""
    with path.open("r+b") as file:
        if os.fstat(file.fileno()).st_size < memory_bytes(1):
            raise ValueError("the log is cut short")
        return OutputLog(mmap.mmap(file.fileno(), 0))


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
