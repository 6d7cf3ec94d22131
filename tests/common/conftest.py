"""A scripted hub for the client's tests."""

from collections.abc import AsyncIterator

import pytest

from .scripted import ScriptedHub


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedHub]:
    hub = ScriptedHub()
    await hub.server.start_server()
    yield hub
    await hub.server.close()
