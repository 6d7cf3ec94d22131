"""Key files. `secret.key` encrypts secrets in the database: a copy of the database alone opens nothing."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

from cryptography.fernet import Fernet, MultiFernet

NAME = "secret.key"

_ONCE_READ = "give it a new key with `batwa-hub secrets rotate` and make the agents' keys anew"


class KeyFileUnusable(Exception):
    """The key file cannot be used; the message says why and what to do."""


class KeyFile(NamedTuple):
    """The file with the keys, one a line: the first encrypts, any decrypts. Its methods block."""

    path: Path
    is_credential: bool = False
    """Whether the service manager gave it (systemd's `LoadCredential=`): then it is never written."""

    @classmethod
    def find(cls, data_dir: Path) -> Self:
        """Return the credential `secret.key` if there is one, else the file in *data_dir*."""
        credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nowhere"), NAME)
        return cls(credential, is_credential=True) if credential.is_file() else cls(data_dir / NAME)

    def open_cipher(self) -> MultiFernet:
        """Return a cipher of the keys; an absent file is made with a new one. Raises `KeyFileUnusable`."""
        try:
            if not self.path.exists():
                write_new(self.path, Fernet.generate_key() + b"\n")
            if not self.is_credential:  # of those the service manager takes care, by means of its own
                refuse_open_to_others(self.path, otherwise=_ONCE_READ)
            return MultiFernet([Fernet(key) for key in self.read()])
        except OSError as err:
            raise KeyFileUnusable(f"{self.path} cannot be read or made: {err.strerror}.") from err
        except ValueError as err:  # not a Fernet key, not ASCII, or no key at all
            raise KeyFileUnusable(
                f"{self.path} holds no usable key: {err}. Restore it from a backup."
            ) from err

    def read(self) -> list[bytes]:
        """Return the keys as they are written."""
        return [line.encode() for line in self.path.read_text(encoding="ascii").split()]

    def replace(self, keys: Sequence[bytes]) -> None:
        """Write other keys: the file holds the old or the new ones, whatever happens."""
        replace_private(self.path, b"".join(key + b"\n" for key in keys))


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
