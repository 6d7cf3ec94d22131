"""Settings read again while a daemon runs: what can change then changes, the rest is named."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import structlog

from .settings import DaemonSettings, SettingsError

log = structlog.stdlib.get_logger(__name__)

S = TypeVar("S", bound=DaemonSettings)


class Reload(Generic[S]):
    """What SIGHUP does to the settings of a daemon.

    Args:
        settings: Those in force.
        read: Reads them again; blocks. What `SettingsError` it raises is logged, and all stays as it is.
        changes: By the name of a setting that can change: puts its new value in force.
    """

    def __init__(
        self, settings: S, read: Callable[[], S], changes: Mapping[str, Callable[[S], None]]
    ) -> None:
        self._settings = settings
        self._read = read
        self._changes = changes

    async def now(self) -> None:
        """Read the settings again, and log what has changed and what needs a restart to."""
        try:
            new = await asyncio.to_thread(self._read)
        except SettingsError as err:
            log.warning("settings.unusable", why=str(err), advice="the former settings stay in force")
            return
        changed = self._settings.differences(new)
        self._settings = new
        for name in changed & self._changes.keys():
            self._changes[name](new)
        if changed:
            log.info("settings.reloaded", changed=sorted(changed & self._changes.keys()))
        if waiting := sorted(changed - self._changes.keys()):
            log.warning("settings.need_restart", settings=waiting)
