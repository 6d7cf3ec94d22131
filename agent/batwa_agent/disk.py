"""Files that are either the old or the new content, whatever happens. All of it blocks: use a thread."""

import os
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Replace *path* by *content*; it survives a power cut once this returns."""
    new = path.with_name(f".{path.name}.new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make creations, renames and removals in *directory* survive a power cut."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
