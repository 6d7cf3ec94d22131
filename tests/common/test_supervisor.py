"""Background tasks and their end."""

import asyncio

import pytest

from batwa_common.supervisor import Supervisor


async def test_the_end_of_the_block_ends_its_tasks() -> None:
    async with Supervisor() as tasks:
        task = tasks.start(asyncio.Event().wait(), name="waits")

    assert task.cancelled()


async def dies() -> None:
    raise ZeroDivisionError


async def limp_on() -> None:
    async with Supervisor() as tasks:
        tasks.spawn(dies(), name="dies")
        await asyncio.sleep(10)


async def test_a_task_that_dies_ends_the_block() -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        await limp_on()

    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)
