"""A PostgreSQL server of the tests' own, as long as they run: no port, no disk it waits for."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

OWNER = "postgres"
"""Who runs it if we are root, as which it refuses to run."""
_FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "autovacuum=off", "listen_addresses=")
_DEADLINE_S = 60


class Server:
    """A server in *directory*, reached by a socket there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def start(self) -> None:
        data = str(self._directory / "data")
        if not Path(data).exists():
            self._run("initdb", "-D", data, "--no-sync", "-A", "trust", "-U", "batwa", "-E", "UTF8")
        settings = (*_FAST, f"unix_socket_directories={self._directory}")
        argv = [_program("postgres"), "-D", data, *(word for each in settings for word in ("-c", each))]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, **_as_owner())
        self._run("pg_isready", "-q", "-h", str(self._directory), within_s=_DEADLINE_S)

    def stop(self) -> None:
        """End it as a crash does, without a word to whoever is connected."""
        if (process := self._process) is not None:
            process.send_signal(signal.SIGQUIT)
            process.wait(_DEADLINE_S)
        self._process = None

    def new_database(self) -> str:
        """Make an empty database; return its URL."""
        self._made += 1
        self.sql("postgres", f"CREATE DATABASE batwa{self._made} TEMPLATE template0")
        # any password will do; without one the driver looks for files that may have it, on the event loop
        return f"postgresql+asyncpg://batwa:any@/batwa{self._made}?host={self._directory}"

    def sql(self, url: str, statement: str) -> str:
        """Run *statement*, as somebody beside the hub would."""
        name = url.partition("?")[0].rpartition("/")[2]
        where = ("-h", str(self._directory), "-U", "batwa", "-d", name)
        return self._run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", *where, "-c", statement)

    def _run(self, program: str, *words: str, within_s: float = 0.0) -> str:
        deadline = time.monotonic() + within_s
        while True:
            done = subprocess.run(
                [_program(program), *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_DEADLINE_S,
                check=False,
                **_as_owner(),
            )
            if done.returncode == 0:
                return done.stdout.strip()
            if time.monotonic() >= deadline:
                raise AssertionError(f"{program} failed: {done.stdout}; {self._directory}/log may tell")
            time.sleep(0.05)


@contextmanager
def server() -> Iterator[Server]:
    directory = Path(mkdtemp(prefix="batwa-pg-"))
    if os.geteuid() == 0:
        shutil.chown(directory, OWNER, OWNER)
    made = Server(directory)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(directory)


def _as_owner() -> dict[str, Any]:
    who = {"user": OWNER, "group": OWNER} if os.geteuid() == 0 else {}
    return {"cwd": "/", **who}


def _program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    assert found, "PostgreSQL's programs are missing; install Debian's package postgresql"
    return str(found[-1])
