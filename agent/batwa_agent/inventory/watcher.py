"""Keep the inventory true by asking the driver, and know whether the driver answers."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from batwa_agent.driver import Driver, Listed
from batwa_common.errors import BatwaError, DriverUnavailable, Unavailable
from batwa_common.wire.agent import DriverStatus
from batwa_common.wire.base import utc_now
from batwa_common.wire.vm import Vm

from .inventory import Inventory, observed
from .known_vms import KnownVms

log = structlog.stdlib.get_logger(__name__)


class Watcher:
    """Polls the list that asks no instance. When that fails the last list stays, with the reason."""

    def __init__(
        self,
        driver: Driver,
        inventory: Inventory,
        known: KnownVms,
        *,
        poll_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._driver = driver
        self._inventory = inventory
        self._known = known
        self._poll_s = poll_s
        self._clock = clock
        self._looking = asyncio.Lock()
        self._looks = 0
        self._answers = False
        self._vms: dict[str, Vm] = {}
        self._listed_at: float | None = None
        self.driver_status: DriverStatus | None = None

    @property
    def age_s(self) -> float:
        """Seconds since the driver last told the list; 0 before it first did."""
        return 0.0 if self._listed_at is None else self._clock() - self._listed_at

    @property
    def problem(self) -> str | None:
        """Why the driver does not answer, as a sentence; None if it does or was never asked."""
        return self.driver_status.problem if self.driver_status is not None else None

    def must_answer(self) -> None:
        """Return if Multipass can be given work. Raises `DriverUnavailable`, `Unavailable`."""
        if (problem := self.problem) is not None:
            raise DriverUnavailable(problem)
        self.must_know()

    def must_know(self) -> None:
        """Return if the driver ever told its list. Raises `DriverUnavailable`, `Unavailable`."""
        if self._inventory.known:
            return
        if (problem := self.problem) is not None:
            raise DriverUnavailable(problem)
        raise Unavailable(
            "The agent has just started and waits for Multipass's list; try again in a few seconds."
        )

    async def load(self) -> None:
        """Remember the VMs known from before. Call it first."""
        self._vms = await self._known.load()

    async def watch_forever(self) -> None:
        """Look every `poll_s`."""
        while True:
            await self.look()
            await asyncio.sleep(self._poll_s)

    async def look(self) -> bool:
        """Ask the driver for its list now. False if it did not answer; the status has the reason.

        Who comes while a list is being asked for shares the next one: the present one may be too old.
        """
        enough = self._looks + 1
        async with self._looking:
            if self._looks < enough:
                self._looks += 1
                self._answers = False  # for those who wait, should this one be cancelled
                self._answers = await self._ask()
            return self._answers

    async def _ask(self) -> bool:
        try:
            listed = await self._driver.list_vms()
        except BatwaError as err:
            await self._failed(err)
            return False
        await self._answered(listed)
        return True

    async def amend(self, vm_id: str, **changes: Any) -> None:
        """Add what was learned of one VM, if it is still there."""
        async with self._looking:
            if (vm := next((vm for vm in self._vms.values() if vm.id == vm_id), None)) is not None:
                await self._adopt({**self._vms, vm.name: vm.model_copy(update=changes)})

    async def _answered(self, listed: Iterable[Listed]) -> None:
        restarted, self._inventory.restarted = self._inventory.restarted, set()
        first = self._listed_at is None
        await self._adopt(observed(self._vms, listed, utc_now(), restarted=restarted, first=first))
        self._listed_at = self._clock()
        was = self.driver_status
        if was is None or was.problem is not None or was.version is None or was.hypervisor is None:
            status = await self._driver.status()
            if was is None or was.problem is not None:
                log.info("driver.answers", version=status.version, simulated=status.simulated)
            # the list just worked, whatever the version call thinks
            self._tell(status.model_copy(update={"problem": None, "problem_since": None}))

    async def _failed(self, err: BatwaError) -> None:
        was = self.problem
        status = await self._driver.status()
        since = (self.driver_status and self.driver_status.problem_since) or status.problem_since or utc_now()
        problem = status.problem or str(err)
        if was is None:
            log.warning("driver.problem", code=err.code, detail=problem)
        self._tell(status.model_copy(update={"problem": problem, "problem_since": since}))

    async def _adopt(self, vms: dict[str, Vm]) -> None:
        # on disk first: an id that anybody saw is the same after a crash
        await self._known.save(vms)
        self._vms = vms
        self._inventory.replace(vms)

    def _tell(self, status: DriverStatus) -> None:
        if status != self.driver_status:
            self.driver_status = status
            self._inventory.news.tell()
