"""Who holds terminals so that they outlive the agent, as the agent sees it."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from .child import Child, OwnChild, Started
from .record import Record
from .spawn import spawn


class Kept(NamedTuple):
    """A terminal that was there before this agent."""

    master: int
    child: Child


class Keeper(Protocol):
    """Starts processes on terminals, and holds the terminals' master sides."""

    survives: bool
    """Whether what it keeps outlives the agent."""

    async def adopt(self, records: Sequence[Record]) -> dict[str, Kept]:
        """Return, by key, what was kept of *records*; what else it holds is hung up. Called once, first."""
        ...

    async def start(
        self, key: str, argv: Sequence[str], *, rows: int, cols: int, env: Mapping[str, str]
    ) -> Started:
        """Start *argv* on a new terminal and keep that. Raises OSError."""
        ...

    async def forget(self, key: str) -> None:
        """Keep that terminal no longer; it has ended."""
        ...

    async def close(self) -> None:
        """Let go, without ending anything."""
        ...


class NoKeeper:
    """Keeps nothing: terminals end with the agent."""

    survives = False

    async def adopt(self, records: Sequence[Record]) -> dict[str, Kept]:
        """Return nothing."""
        del records
        return {}

    async def start(
        self, key: str, argv: Sequence[str], *, rows: int, cols: int, env: Mapping[str, str]
    ) -> Started:
        """Start a child of the agent."""
        del key
        master, pid = await asyncio.to_thread(spawn, argv, rows=rows, cols=cols, env=env)
        return Started(master, OwnChild(pid))

    async def forget(self, key: str) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is held."""


def close_fds(fds: Sequence[int]) -> None:
    """Close *fds*: their processes are hung up if nobody else has their terminals."""
    for fd in fds:
        os.close(fd)
