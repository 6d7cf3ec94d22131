"""Key files. `secret.key` encrypts secrets in the database: a copy of the database alone opens nothing."""

import os
import stat
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

_ONCE_READ = "put a new key in its first line and make the agents' keys anew"


class KeyFileUnusable(Exception):
    """The key file cannot be used; the message says why and what to do."""


def open_cipher(path: Path) -> MultiFernet:
    """Return a cipher of the keys in *path*, one a line: the first encrypts, any decrypts. Blocks.

    An absent file is made with a new key. Raises `KeyFileUnusable`.
    """
    try:
        if not path.exists():
            write_new(path, Fernet.generate_key() + b"\n")
        refuse_open_to_others(path, otherwise=_ONCE_READ)
        return MultiFernet([Fernet(line) for line in path.read_text(encoding="ascii").split()])
    except OSError as err:
        raise KeyFileUnusable(f"{path} cannot be read or made: {err.strerror}.") from err
    except ValueError as err:  # not a Fernet key, not ASCII, or no key at all
        raise KeyFileUnusable(f"{path} holds no usable key: {err}. Restore it from a backup.") from err


def refuse_open_to_others(path: Path, *, otherwise: str) -> None:
    """Raise `KeyFileUnusable` if others may read *path*; *otherwise* says what to do if they did. Blocks."""
    if mode := stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise KeyFileUnusable(
            f"{path} is open to others (mode bits {mode:03o}); close it with: chmod 600 {path}. "
            f"If others may have read it, {otherwise}."
        )


def write_new(path: Path, content: bytes) -> None:
    """Write *content* so that *path*, open to us only, either holds it whole, on disk, or does not exist.

    A file that is there by then is left as it is. Blocks.
    """
    unfinished = _written(path, content)
    try:
        os.link(unfinished, path)  # unlike a rename, never replaces the key another process made meanwhile
    except FileExistsError:
        return
    finally:
        unfinished.unlink()
    _sync(path.parent)


def replace_private(path: Path, content: bytes) -> None:
    """Replace *path*, open to us only, by *content*: it holds old or new, whatever happens. Blocks."""
    _written(path, content).replace(path)
    _sync(path.parent)


def _written(path: Path, content: bytes) -> Path:
    """Return a file beside *path*, open to us only, that holds *content* on disk."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return unfinished


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
