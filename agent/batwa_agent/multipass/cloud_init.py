"""User data for `multipass launch --cloud-init`, in files that live as long as the launch."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_PATTERN = "cloud-init-*.yaml"


class CloudInitFiles:
    """Private files in *directory*, which is made if missing and used for nothing else.

    User data often holds secrets: files that a killed predecessor left are removed before the first is made.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._swept = False

    @asynccontextmanager
    async def holding(self, text: str) -> AsyncIterator[Path]:
        """Yield a file with *text* that only its owner may read; it is gone afterwards."""
        path = self._directory / _PATTERN.replace("*", secrets.token_hex(8))
        sweep, self._swept = not self._swept, True
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, path, text, sweep=sweep))
        try:
            await asyncio.shield(writing)
            yield path
        finally:
            await asyncio.wait([writing])  # a thread cannot be cancelled, and must not write after us
            await asyncio.to_thread(path.unlink, missing_ok=True)

    def _write(self, path: Path, text: str, *, sweep: bool) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._directory.glob(_PATTERN) if sweep else ():
            left.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
