"""A machine with a fake driver, made afresh as often as a test restarts its agent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from batwa_agent.driver import Driver
from batwa_agent.inventory.inventory import Inventory
from batwa_agent.inventory.known_vms import KnownVms
from batwa_agent.inventory.watcher import Watcher
from batwa_agent.machine import Machine
from batwa_agent.operations.operations import Operations
from batwa_agent.operations.settlement import Patience
from batwa_agent.operations.store import OperationStore
from batwa_agent.operations.worker import Looking, Worker
from batwa_common.supervisor import Supervisor

QUICK = Looking(every_s=0.002, patience=Patience(looks=3, moving_s=0.05))


@dataclass(frozen=True)
class Running:
    """One life of an agent's inner half."""

    machine: Machine
    watcher: Watcher
    inventory: Inventory
    published: list[str]
    """The names of the VMs at each moment that the hub was told."""
    hub: asyncio.Event
    """Set while the hub can be told."""


Start = Callable[[Driver], AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start an agent's inner half on *tmp_path*; leaving the block is a stop without a farewell."""

    @asynccontextmanager
    async def starting(driver: Driver) -> AsyncIterator[Running]:
        inventory = Inventory()
        watcher = Watcher(driver, inventory, KnownVms(tmp_path / "inventory.json"), poll_s=60)
        published: list[str] = []

        reachable = asyncio.Event()
        reachable.set()

        async def look(_vm_name: str) -> None:
            await watcher.look()

        async def tell_hub(_timeout_s: float) -> bool:
            if reachable.is_set():
                published.append(" ".join(inventory.vms))
            return reachable.is_set()

        async with Supervisor() as tasks:
            worker = Worker(
                driver, inventory, look=watcher.look, must_answer=watcher.must_answer, looking=QUICK
            )
            operations = Operations(
                worker=worker,
                inventory=inventory,
                store=OperationStore(tmp_path / "operations"),
                tasks=tasks,
                must_answer=watcher.must_answer,
                look=look,
                tell_hub=tell_hub,
                agent_id="here",
                keep=3,
            )
            await watcher.load()
            await watcher.look()
            await operations.begin()
            machine = Machine(driver=driver, inventory=inventory, watcher=watcher, operations=operations)
            yield Running(machine, watcher, inventory, published, reachable)

    return starting
