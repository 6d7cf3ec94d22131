"""What is wrong with a hub, its files, its database and its agents, and how to mend it; changes nothing."""

import asyncio
import os
import resource
import shutil
import stat
import time
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from batwa_common.errors import BatwaError
from batwa_common.findings import Finding, Wrong, found
from batwa_common.wire.base import utc_now

from . import background
from .secrets import KeyFile, KeyFileUnusable
from .services.audit.audit import Audit
from .services.audit.chain import ChainBroken
from .settings import Settings
from .store.database import Database
from .store.migrate import DatabaseUnusable
from .store.tables import agents
from .tls.certificates import TlsUnusable, ends_at

LEAST_FREE_BYTES = 1 << 30
LEAST_FILES = 8192
"""Of one process: each linked agent takes two or three."""
SLOW_S = 0.25
ENDS_SOON = timedelta(days=14)


class Doctor:
    """Checks one hub, running or not.

    Args:
        settings: Of the hub.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._directory = settings.data_dir.absolute()
        self._database: Database | None = None

    async def examine(self) -> Sequence[Finding]:
        """Return a finding for each check; what needs the database is skipped without it."""
        findings = [
            await found("directory", self.directory),
            await found("disk", self.disk),
            await found("files", self.files),
            await found("key", self.key),
            await found("tls", self.tls),
            await found("hub", self.hub),
            await found("database", self.database),
        ]
        if self._database is None:
            return [*findings, *(Finding(name, "skipped", "needs database") for name in ("agents", "audit"))]
        async with self._database:
            return [*findings, await found("agents", self.agents), await found("audit", self.audit)]

    async def directory(self) -> str:
        """The data directory is this user's alone."""
        if not self._directory.is_dir():
            raise Wrong(f"{self._directory} is not there", "Start the hub once, or set data_dir.")
        if not os.access(self._directory, os.W_OK):
            raise Wrong(f"{self._directory} cannot be written to", "Run this as the hub's user.")
        if stat.S_IMODE(self._directory.stat().st_mode) & 0o077:
            raise Wrong(f"{self._directory} is open to others", f"Close it: chmod 700 {self._directory}")
        return str(self._directory)

    async def disk(self) -> str:
        """There is room."""
        if not self._directory.is_dir():
            raise Wrong("there is no data directory yet", "Start the hub once.")
        free = shutil.disk_usage(self._directory).free
        if free < LEAST_FREE_BYTES:
            raise Wrong(
                f"{self._directory} has {free >> 20} MiB left", "Make room, or set data_dir elsewhere."
            )
        return f"{free / (1 << 30):.0f} GiB left"

    async def files(self) -> str:
        """A process may have files enough open."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if 0 <= most < LEAST_FILES:
            raise Wrong(
                f"a process may open {most} files", f"Raise it to {LEAST_FILES}: LimitNOFILE=, ulimit -Hn."
            )
        return f"up to {most} open"

    async def key(self) -> str:
        """`secret.key` can be used."""
        file = KeyFile.find(self._directory)
        if not file.path.is_file():
            raise Wrong(f"{file.path} is not there", "Restore it from a backup; a first start makes one.")
        try:
            file.open_cipher()
        except KeyFileUnusable as err:
            raise Wrong(str(err), "Without it the hub cannot call its agents.") from err
        return str(file.path)

    async def tls(self) -> str:
        """Certificates are good for a while."""
        section = self._settings.tls
        if section.mode != "files" or section.certificate is None:
            return "off; a proxy is to have it" if section.mode == "off" else "renewed by the hub itself"
        try:
            ends = ends_at(section.certificate)
        except TlsUnusable as err:
            raise Wrong(str(err), "Name a certificate and its key in tls.certificate and tls.key.") from err
        if ends - utc_now() < ENDS_SOON:
            raise Wrong(
                f"the certificate ends {ends:%Y-%m-%d}", "Renew it; the hub takes the new one by itself."
            )
        return f"the certificate ends {ends:%Y-%m-%d}"

    async def hub(self) -> str:
        """If a hub runs with this directory, it can do its work."""
        running = await asyncio.to_thread(background.find_running, self._directory / "hub.pid")
        if running is None:
            return "not running"
        if not await asyncio.to_thread(background.is_ready, running.url):
            raise Wrong(f"process {running.pid} is not ready at {running.url}", "Its log says why.")
        return f"runs at {running.url}, process {running.pid}"

    async def database(self) -> str:
        """The database is whole, of a schema that is known, and quick."""
        try:
            self._database = await Database.open(self._settings.store_url())
            began_s = time.monotonic()
            await self._database.ping()
            took_s = time.monotonic() - began_s
            await self._database.check()
        except (DatabaseUnusable, BatwaError) as err:
            raise Wrong(str(err), "docs/backup.md has what to do then.") from err
        if took_s > SLOW_S:
            raise Wrong(f"it takes {took_s:.2f} s to answer", "See how busy its disk and its machine are.")
        return f"{'PostgreSQL' if self._database.is_shared else 'SQLite'}, answers in {took_s * 1000:.0f} ms"

    async def agents(self) -> str:
        """Agents are heard from."""
        late = agents.c.last_seen_at < utc_now() - timedelta(seconds=self._settings.agent.stale_after_s)
        async with self._opened().reading() as connection:
            names = (
                await connection.scalars(sa.select(agents.c.agent_id).where(late, ~agents.c.waiting))
            ).all()
            count = await connection.scalar(sa.select(sa.func.count()).select_from(agents)) or 0
        if names:
            some = ", ".join(sorted(names)[:5]) + (", …" if len(names) > 5 else "")
            raise Wrong(f"{len(names)} of {count} are silent: {some}", "There: batwa-agent doctor")
        return f"{count}, all heard from lately"

    async def audit(self) -> str:
        """Nobody has changed the audit log."""
        section = self._settings.audit
        log = Audit(self._opened(), keep=section.keep, keep_days=section.keep_days)
        try:
            chain = await log.verify()
        except ChainBroken as err:
            raise Wrong(
                str(err), "Compare with a backup: somebody has changed the database by hand."
            ) from err
        return f"{chain.count} records, whole"

    def _opened(self) -> Database:
        if self._database is None:
            raise Wrong("there is no database", "See above.")
        return self._database
