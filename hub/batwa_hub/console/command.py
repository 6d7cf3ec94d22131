"""One thing that `batwa-hub` can be told, and what several of them work on."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from batwa_hub.secrets import KeyFile
from batwa_hub.services.audit.audit import Audit
from batwa_hub.settings import Settings
from batwa_hub.store.database import Database


class Command(NamedTuple):
    """A word on the command line."""

    name: str
    act: Callable[[Settings, argparse.Namespace], int]
    """Does it and returns the exit status."""
    says: str
    """What `--help` tells."""
    takes: Callable[[argparse.ArgumentParser], object] = lambda _parser: None
    """Adds its arguments."""
    as_root: bool = False
    """Whether it is carried out as who runs it even if that is root: for files that are not the hub's."""


def audit_log(settings: Settings, database: Database) -> Audit:
    """Return the audit log of this hub."""
    return Audit(database, keep=settings.audit.keep, keep_days=settings.audit.keep_days)


def pid_file(settings: Settings) -> Path:
    """Return the file that a running hub holds."""
    return settings.data_dir.absolute() / "hub.pid"


def key_file(settings: Settings) -> KeyFile:
    """Return the keys by which secrets are encrypted."""
    return KeyFile.find(settings.data_dir.absolute())
