"""Fleets for the end-to-end tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .fleet import Fleet, fleet_of


@pytest.fixture(scope="module")
def shared_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A hub, its local agent and the agent `oslo`, linked; for tests that leave it as they found it."""
    with fleet_of(tmp_path_factory.mktemp("fleet"), "local", "oslo", linked=["oslo"]) as fleet:
        yield fleet


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A hub, its local agent and the agent `oslo`, linked; for tests that break things."""
    with fleet_of(tmp_path, "local", "oslo", linked=["oslo"]) as fleet:
        yield fleet
