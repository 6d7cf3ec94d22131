"""Files that are either the old or the new content, whatever happens. All of it blocks: use a thread."""

import fcntl
import os
from pathlib import Path
from typing import IO


def write_durably(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Replace *path* by *content*, of *mode* less the umask; it survives a power cut once this returns."""
    new = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_directory(path.parent)


def lock(path: Path) -> IO[bytes]:
    """Return *path* open and locked until it is closed. Raises BlockingIOError if another process has it."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file


def sync_directory(directory: Path) -> None:
    """Make creations, renames and removals in *directory* survive a power cut."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
