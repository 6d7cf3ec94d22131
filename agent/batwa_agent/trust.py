"""Which hub this agent believes it talks to: one whose certificate the system or a pinned CA vouches for."""

import asyncio
import ssl
from pathlib import Path

import structlog

from batwa_common.settings import SettingsError
from batwa_common.tls import bundle_id, client_context

from . import disk

log = structlog.stdlib.get_logger(__name__)


class Trust:
    """The CAs in a file, or the system's.

    What the hub tells of its next CA is kept in the file if it lies in the agent's own directory;
    another file is its operator's to change.

    Args:
        file: The CAs, PEM; None for the system's trust store.
        own: The agent's directory.
    """

    def __init__(self, file: Path | None = None, own: Path | None = None) -> None:
        self._file = file
        self._may_write = file is not None and own is not None and file.is_relative_to(own)
        self._bundle: str | None = None
        self.context: ssl.SSLContext | bool = True
        """For aiohttp's argument `ssl`; another object after each change, so no old connection is reused."""

    @property
    def bundle_id(self) -> str | None:
        """What names the CAs that are believed; None for the system's, or if the hub's word is not wanted."""
        return bundle_id(self._bundle) if self._bundle is not None and self._may_write else None

    async def load(self) -> None:
        """Read the file. Raises `SettingsError`."""
        if self._file is not None:
            try:
                await self._believe(await asyncio.to_thread(self._file.read_text, encoding="ascii"))
            except (OSError, ValueError) as err:
                raise SettingsError(f"ca: {self._file} cannot be used: {err}") from err

    async def look_again(self) -> None:
        """Take the file anew, as it may have been replaced; what cannot be used changes nothing."""
        try:
            await self.load()
        except SettingsError as err:
            log.warning("ca.unusable", reason=str(err))

    async def learn(self, bundle: str) -> None:
        """Believe *bundle* instead, which a hub told that is believed already. Kept before it is used."""
        if self._file is None or not self._may_write:
            return
        try:
            await asyncio.to_thread(client_context, bundle)
            await asyncio.to_thread(disk.write_durably, self._file, bundle.encode())
            await self._believe(bundle)
        except (OSError, ValueError) as err:
            log.warning("ca.not_learned", reason=str(err))
        else:
            log.info("ca.learned", ca=bundle_id(bundle))

    async def _believe(self, bundle: str) -> None:
        if bundle != self._bundle:
            self.context = await asyncio.to_thread(client_context, bundle)
            self._bundle = bundle
