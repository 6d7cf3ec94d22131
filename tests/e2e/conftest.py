"""Fleets for the end-to-end tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from .fleet import Fleet, fleet_of


@pytest.fixture(scope="module")
def shared_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A hub, its local agent and the agent `oslo`, linked; for tests that leave it as they found it."""
    with fleet_of(tmp_path_factory.mktemp("fleet"), "local", "oslo", linked=["oslo"]) as fleet:
        yield fleet


@pytest.fixture
async def mended_fleet(shared_fleet: Fleet) -> AsyncIterator[Fleet]:
    """The shared fleet, for tests that break what can be mended: daemons, VMs, the simulator."""
    yield shared_fleet
    await shared_fleet.mend()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A hub, its local agent and the agent `oslo`, linked; for tests that change who belongs to it."""
    with fleet_of(tmp_path, "local", "oslo", linked=["oslo"]) as fleet:
        yield fleet
