"""Which agents exist and when each was last heard from; survives a restart, forgets nobody by itself."""

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import structlog

from batwa_common import __version__
from batwa_common.errors import AgentNotFound, AgentUnreachable, AgentWaiting, Unavailable
from batwa_common.wire.agent import Agent, Heartbeat, RegisterAgent
from batwa_common.wire.base import API_VERSION, utc_now
from batwa_common.wire.link import link_url, linked_id
from batwa_hub.store.agents import AgentRow, AgentStore

from .events import Events
from .skew import skew

log = structlog.stdlib.get_logger(__name__)

FLUSH_S = 5.0
"""How often the times of last signs of life reach the store: they are hints, not promises."""


@dataclass(frozen=True)
class Known:
    """An agent and the monotonic time of its last sign of life."""

    row: AgentRow
    seen_s: float
    online: bool
    vm_count: int = 0
    """As it last told; what is counted here comes first."""
    terminals: int | None = None
    """As it last told; None if it has not."""
    opened_s: float = -math.inf
    """When the hub last had it open a terminal."""


class Registry:
    """Agents by id.

    Args:
        store: Where they are kept.
        events: Where changes are told.
        stale_after_s: Silence after which an agent counts as offline, in seconds.
        local_agent_id: The agent of the hub's own machine.
        is_shared: Whether other processes hear from agents too, and write it to the store.
        leads: Tells whether this is the process that says to everybody who has gone silent.
        now: Monotonic clock in seconds.
    """

    def __init__(
        self,
        store: AgentStore,
        events: Events,
        *,
        stale_after_s: float,
        local_agent_id: str,
        is_shared: bool = False,
        leads: Callable[[], bool] = lambda: True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._events = events
        self.stale_after_s = stale_after_s
        self._is_shared = is_shared
        self._leads = leads
        self._now = now
        self._read_at = utc_now()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Between reading of an agent and believing it nothing of it is written: nothing goes back."""
        self._known: dict[str, Known] = {}
        self._unflushed: set[str] = set()
        self._counts: Callable[[str], int | None] = lambda _agent_id: None
        self.local_agent_id = local_agent_id

    def count_vms_with(self, count: Callable[[str], int | None]) -> None:
        """Use *count* to tell how many VMs an agent has; None takes the agent's own word."""
        self._counts = count

    async def load(self) -> None:
        """Read the agents that were known before a restart."""
        rows = await self._store.all()
        for agent_id in self._known.keys() - {row.agent_id for row in rows}:
            self._forget(agent_id)
        for row in rows:
            if not self._turns[row.agent_id].locked():  # else it is being written, and later than this
                self._take(row)

    async def reload(self, agent_id: str) -> bool:
        """Read what another process wrote of an agent; returns whether its VMs look different now."""
        async with self._turns[agent_id]:
            if (row := await self._store.find(agent_id)) is not None:
                return self._take(row)
            self._forget(agent_id)
            return False

    async def refresh(self) -> list[tuple[str, bool]]:
        """Read which agents were heard from by any process; return whether their VMs look different now."""
        since, self._read_at = self._read_at - timedelta(seconds=2 * FLUSH_S), utc_now()
        rows = await self._store.seen_since(since)
        return [(row.agent_id, self._take(row)) for row in rows if not self._turns[row.agent_id].locked()]

    async def register(self, request: RegisterAgent, *, key_id: str, waiting: bool = False) -> Agent:
        """Make an agent known, or take its new particulars; it is on disk when this returns."""
        before = self._known.get(request.agent_id)
        row = AgentRow(
            agent_id=request.agent_id,
            hostname=request.hostname,
            api_url=request.api_url.rstrip("/"),
            tags=dict(request.tags),
            key_id=key_id,
            version=request.version,
            features=request.features,
            api_version=request.api_version,
            registered_at=before.row.registered_at if before else utc_now(),
            last_seen_at=utc_now(),
            driver=before.row.driver if before else None,
            load=before.row.load if before else None,
            waiting=waiting,
            given_name=before.row.given_name if before else None,
            given_tags=before.row.given_tags if before else {},
        )
        async with self._turns[row.agent_id]:
            row = await self._store.put_told(row)
            self._known[row.agent_id] = Known(row, self._now(), online=True)
        log.info("agent.registered", agent=row.agent_id, api_url=row.api_url, new=before is None)
        return await self._tell(row.agent_id)

    async def expect(
        self,
        agent_id: str,
        *,
        hostname: str,
        key_id: str,
        waiting: bool,
        name: str | None,
        tags: Mapping[str, str],
    ) -> AgentRow:
        """Make known who has joined and will register; one that is known already only gets name and tags."""
        if (known := self._known.get(agent_id)) is None:
            row = AgentRow(
                agent_id=agent_id,
                hostname=hostname,
                api_url=link_url(agent_id),
                tags={},
                key_id=key_id,
                version=None,
                features=(),
                api_version=API_VERSION,
                registered_at=utc_now(),
                last_seen_at=utc_now(),
                driver=None,
                load=None,
                waiting=waiting,
            )
            known = Known(row, self._now(), online=False)
        said = {**known.row.given_tags, **tags}
        row = replace(known.row, given_name=name or known.row.given_name, given_tags=said)
        return await self._put(replace(known, row=row))

    async def approve(self, agent_id: str) -> None:
        """Let a waiting agent be used. Raises `AgentNotFound`."""
        known = self._get(agent_id)
        await self._put(replace(known, row=replace(known.row, waiting=False)))
        log.info("agent.approved", agent=agent_id)

    async def describe(self, agent_id: str, *, name: str | None, tags: Mapping[str, str] | None) -> None:
        """Change what the hub says of an agent; None leaves it, no name ends it. Raises `AgentNotFound`."""
        known = self._get(agent_id)
        row = known.row
        if name is not None:
            row = replace(row, given_name=name or None)
        if tags is not None:
            row = replace(row, given_tags=dict(tags))
        await self._put(replace(known, row=row))

    async def heard_from(self, beat: Heartbeat) -> None:
        """Record a sign of life. Raises `AgentNotFound`, upon which the agent registers anew."""
        if self._is_shared and beat.agent_id not in self._known:
            await self.reload(beat.agent_id)  # it may have registered with another process just now
        known = self._get(beat.agent_id)
        row = replace(
            known.row,
            last_seen_at=utc_now(),
            driver=beat.driver or known.row.driver,
            load=beat.load or known.row.load,
        )
        told = replace(known, row=row, vm_count=beat.vm_count, terminals=beat.terminals)
        self._known[beat.agent_id] = replace(told, seen_s=self._now(), online=True)
        self._unflushed.add(beat.agent_id)
        if not known.online:
            log.info("agent.online", agent=beat.agent_id)
        if not known.online or row.driver != known.row.driver:
            await self._tell(beat.agent_id)

    def may_have_terminals(self, agent_id: str) -> bool:
        """Whether it is worth asking an agent for its terminals. Raises `AgentNotFound`."""
        known = self._get(agent_id)
        is_newer = self._now() - known.opened_s < self.stale_after_s  # than what may have been told since
        return known.online and (known.terminals != 0 or is_newer)

    def opened_terminal(self, agent_id: str) -> None:
        """An agent has a terminal that its last sign of life, and one on its way, could not tell of."""
        if (known := self._known.get(agent_id)) is not None:
            self._known[agent_id] = replace(known, opened_s=self._now())

    async def unregister(self, agent_id: str) -> None:
        """Forget an agent. Raises `AgentNotFound`."""
        self._get(agent_id)
        async with self._turns[agent_id]:
            await self._store.remove(agent_id)
            self._forget(agent_id)
        log.info("agent.unregistered", agent=agent_id)
        await self._events.publish("agent", "removed", agent_id, None)

    def row(self, agent_id: str) -> AgentRow:
        """Return what is stored of an agent. Raises `AgentNotFound`."""
        return self._get(agent_id).row

    def row_to_call(self, agent_id: str) -> AgentRow:
        """Return what is stored of an agent that may be called. Raises `AgentNotFound`, `AgentWaiting`."""
        row = self._get(agent_id).row
        if row.waiting:
            raise AgentWaiting(
                f"agent {agent_id!r} waits for an administrator: batwa agent approve {agent_id}"
            )
        return row

    def find_row(self, agent_id: str) -> AgentRow | None:
        """Return what is stored of an agent; None if it is unknown."""
        known = self._known.get(agent_id)
        return known.row if known else None

    def get(self, agent_id: str) -> Agent:
        """Return an agent as callers see it. Raises `AgentNotFound`."""
        return self._agent(self._get(agent_id))

    def all(self) -> Iterable[Agent]:
        """Return every agent, in order of id."""
        return [self._agent(self._known[agent_id]) for agent_id in sorted(self._known)]

    def count_by_status(self) -> Counter[str]:
        """Return how many agents there are of each status."""
        return Counter(_status(known) for known in self._known.values())

    def rows(self) -> Iterable[AgentRow]:
        """Return what is stored of every agent."""
        return [known.row for known in self._known.values()]

    def is_online(self, agent_id: str) -> bool:
        """Whether *agent_id* is known and was heard from lately."""
        known = self._known.get(agent_id)
        return known is not None and known.online

    def silence_s(self, agent_id: str) -> float:
        """Seconds since *agent_id* was last heard from. Raises `AgentNotFound`."""
        return self._now() - self._get(agent_id).seen_s

    def require_online(self, agent_id: str) -> AgentRow:
        """Return the row of an agent that can be asked. Raises `AgentNotFound`, `AgentUnreachable`."""
        self.row_to_call(agent_id)
        known = self._get(agent_id)
        if not known.online:
            raise AgentUnreachable(
                f"agent {agent_id!r} has been silent for {self._now() - known.seen_s:.0f} s; "
                "see that batwa-agent runs there and reaches the hub"
            )
        return known.row

    def hostname(self, agent_id: str) -> str:
        """Return what callers see as the agent's host name: `local` for the local one."""
        if agent_id == self.local_agent_id:
            return "local"
        known = self._known.get(agent_id)
        return known.row.shown_name if known else agent_id

    def public_id(self, agent_id: str) -> str | None:
        """Return what callers see as the agent's id: None for the local one."""
        return None if agent_id == self.local_agent_id else agent_id

    async def sweep(self) -> list[str]:
        """Mark agents that have gone silent as offline; return their ids. One process tells everybody."""
        gone = [
            agent_id
            for agent_id, known in self._known.items()
            if known.online and self._now() - known.seen_s > self.stale_after_s
        ]
        for agent_id in gone:
            self._known[agent_id] = replace(self._known[agent_id], online=False)
            if self._leads():
                log.warning("agent.offline", agent=agent_id, silence_s=round(self.silence_s(agent_id)))
                await self._tell(agent_id)
        return gone

    async def flush(self) -> None:
        """Write the latest signs of life to the store."""
        taken, self._unflushed = self._unflushed, set()
        try:
            if rows := [self._known[agent_id].row for agent_id in taken if agent_id in self._known]:
                await self._store.put_seen(rows)
        except Unavailable:
            self._unflushed |= taken
            raise

    async def run(self, *, heard: Callable[[str, bool], None], every_s: float = 1.0) -> None:
        """Flush, read what others flushed, and sweep, until cancelled; without a database, as far as it goes.

        *heard* is called for each agent that another process heard from, or that has gone silent, with
        whether its VMs look different now.
        """
        next_flush = self._now()
        while True:
            await asyncio.sleep(every_s)
            if self._now() >= next_flush:
                with suppress(Unavailable):  # the next time will do
                    await self.flush()
                    for agent_id, differs in await self.refresh() if self._is_shared else ():
                        heard(agent_id, differs)
                next_flush = self._now() + min(FLUSH_S, self.stale_after_s / 4)
            with suppress(Unavailable):
                for agent_id in await self.sweep():
                    heard(agent_id, True)

    def _take(self, row: AgentRow) -> bool:
        """Believe a row of the store; returns whether its VMs look different now."""
        before = self._known.get(row.agent_id)
        seen_s = self._now() - max((utc_now() - row.last_seen_at).total_seconds(), 0.0)
        terminals = None
        if before is not None and before.seen_s >= seen_s:  # heard from here, and not flushed yet
            seen_s, terminals, mine = before.seen_s, before.terminals, before.row
            row = replace(row, last_seen_at=mine.last_seen_at, driver=mine.driver, load=mine.load)
        online = self._now() - seen_s < self.stale_after_s
        known = replace(
            before or Known(row, seen_s, online), row=row, seen_s=seen_s, online=online, terminals=terminals
        )
        self._known[row.agent_id] = known
        return before is not None and (before.online, before.row.shown_name) != (online, known.row.shown_name)

    def _forget(self, agent_id: str) -> None:
        self._known.pop(agent_id, None)
        self._unflushed.discard(agent_id)

    def _get(self, agent_id: str) -> Known:
        try:
            return self._known[agent_id]
        except KeyError:
            raise AgentNotFound(f"no agent {agent_id!r} is registered here") from None

    def _agent(self, known: Known) -> Agent:
        row, silence_s = known.row, max(self._now() - known.seen_s, 0.0)
        counted = self._counts(row.agent_id)
        return Agent(
            agent_id=row.agent_id,
            hostname=row.shown_name,
            api_url=row.api_url,
            connection="direct" if linked_id(row.api_url) is None else "linked",
            status=_status(known),
            last_seen=_seconds_ago(silence_s),
            tags=row.all_tags,
            vm_count=known.vm_count if counted is None else counted,
            silence_s=round(silence_s, 1),
            local=row.agent_id == self.local_agent_id,
            version=row.version,
            skew=skew(row.version, __version__),
            features=row.features,
            driver=row.driver,
            load=row.load,
        )

    async def _put(self, known: Known) -> AgentRow:
        async with self._turns[known.row.agent_id]:
            row = await self._store.put_given(known.row)
            now = self._known.get(row.agent_id, known)
            self._known[row.agent_id] = replace(now, row=row)
        await self._tell(row.agent_id)
        return row

    async def _tell(self, agent_id: str) -> Agent:
        agent = self.get(agent_id)
        await self._events.publish("agent", "changed", agent_id, agent.model_dump(mode="json"))
        return agent


def _status(known: Known) -> Literal["online", "offline", "waiting"]:
    if known.row.waiting:
        return "waiting"
    return "online" if known.online else "offline"


def _seconds_ago(silence_s: float) -> datetime:
    return utc_now() - timedelta(seconds=silence_s)
