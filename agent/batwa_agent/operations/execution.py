"""Carry a command out on the driver, and undo a launch that was called off."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from batwa_agent.driver import Driver, OnProgress, Progress
from batwa_agent.inventory.inventory import Inventory
from batwa_common.errors import BatwaError, DriverFailed
from batwa_common.web.vms import AnyCommand
from batwa_common.wire.vm import CreateVm, DeleteVm, RecoverVm, RestartVm, StartVm, StopVm, SuspendVm

UNDO_WITHIN_S = 120.0
"""Multipass refuses to delete an instance that it is still preparing; after this long we say so."""


async def carry_out(driver: Driver, command: AnyCommand, name: str, on_progress: OnProgress) -> None:
    """Do *command* to the VM *name*. Raises what the driver raises."""
    match command:
        case CreateVm():
            await driver.launch(command, on_progress)
        case StartVm():
            await driver.start(name, on_progress)
        case StopVm(force=force):
            await driver.stop(name, on_progress, force=force)
        case RestartVm():
            await driver.restart(name, on_progress)
        case SuspendVm():
            await driver.suspend(name, on_progress)
        case DeleteVm(purge=purge):
            on_progress(Progress("Deleting"))
            await driver.delete(name, purge=purge)
        case RecoverVm():
            on_progress(Progress("Recovering"))
            await driver.recover(name)


async def undo_launch(
    name: str,
    driver: Driver,
    inventory: Inventory,
    look: Callable[[], Awaitable[bool]],
    *,
    looks: int,
    look_every_s: float,
) -> None:
    """Remove what a launch that was ended halfway leaves of *name*: only ever that one VM.

    Ending the program does not end what Multipass does for it, so the VM may appear a little later:
    returns once it was absent *looks* times in a row. Raises `DriverFailed` if it cannot be removed.
    """
    give_up_at = time.monotonic() + UNDO_WITHIN_S
    absent = 0
    while absent < looks:
        try:
            absent = absent + 1 if await look() and inventory.find(name) is None else 0
            if inventory.find(name) is not None:
                await driver.delete(name, purge=True)
        except BatwaError as err:
            if time.monotonic() > give_up_at:
                message = f"'{name}' was called off but what is there of it cannot be removed: {err}"
                raise DriverFailed(message) from err
        if absent < looks:
            await asyncio.sleep(look_every_s)
