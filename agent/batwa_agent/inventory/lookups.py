"""Learn what the cheap list does not tell, one VM at a time: sizes once, addresses once a boot."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, NamedTuple

import structlog

from batwa_agent.driver import Driver
from batwa_common.errors import BatwaError
from batwa_common.wire.vm import Vm

from .inventory import Inventory
from .watcher import Watcher

log = structlog.stdlib.get_logger(__name__)

FIRST_RETRY_S = 2.0
LAST_RETRY_S = 600.0
"""An instance that does not answer can hold up the whole of Multipass while it is asked: ask it rarely."""


class Question(NamedTuple):
    """One thing to learn of one VM."""

    vm_id: str
    what: Literal["size", "addresses"]


class _Retry(NamedTuple):
    after_s: float
    not_before: float


class Lookups:
    """Asks until it is answered, ever more rarely. Polling never waits for it."""

    def __init__(
        self,
        driver: Driver,
        inventory: Inventory,
        watcher: Watcher,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._driver = driver
        self._inventory = inventory
        self._watcher = watcher
        self._clock = clock
        self._retries: dict[Question, _Retry] = {}

    async def look_up_forever(self) -> None:
        """Ask whatever is due, else wait for news or for the next retry."""
        while True:
            open_questions = {q: vm for vm in self._inventory.vms.values() for q in _questions(vm)}
            self._retries = {q: retry for q, retry in self._retries.items() if q in open_questions}
            due_at = {q: self._retries.get(q, _Retry(0, 0)).not_before for q in open_questions}
            first = min(due_at, key=lambda q: due_at[q], default=None)
            if first is not None and due_at[first] <= self._clock() and self._watcher.problem is None:
                await self._ask(first, open_questions[first])
                continue
            wait_s = LAST_RETRY_S if first is None else max(FIRST_RETRY_S, due_at[first] - self._clock())
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._inventory.news.wait()

    async def _ask(self, question: Question, vm: Vm) -> None:
        after_s = min(LAST_RETRY_S, 2 * self._retries.get(question, _Retry(FIRST_RETRY_S / 2, 0)).after_s)
        self._retries[question] = _Retry(after_s, self._clock() + after_s)
        try:
            if question.what == "size":
                await self._ask_size(vm)
            else:
                await self._ask_addresses(vm)
        except BatwaError as err:
            log.debug("vm.lookup_failed", vm=vm.name, what=question.what, code=err.code, again_s=after_s)

    async def _ask_size(self, vm: Vm) -> None:
        size = await self._driver.size(vm.name)
        await self._watcher.amend(vm.id, **size._asdict())

    async def _ask_addresses(self, vm: Vm) -> None:
        details = await self._driver.details(vm.name)
        if details.state == "Running" and details.ipv4:
            await self._watcher.amend(vm.id, ipv4=details.ipv4, release=details.release or vm.release)


def _questions(vm: Vm) -> list[Question]:
    questions = []
    if vm.cpus is None and vm.state != "Deleted":
        questions.append(Question(vm.id, "size"))
    if vm.state == "Running" and not vm.ipv4:
        questions.append(Question(vm.id, "addresses"))
    return questions
