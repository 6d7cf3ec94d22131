"""Shells in the browser: typed into, split, left and come back to, watched, shared, recorded."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.e2e.fleet import Fleet, fleet_of

from .conftest import log_in, no_barriers, portraits

READABLE = '{"screenReader": true}'
"""The terminal's text is drawn; with this setting it is also there to be read."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A hub and its local agent with one running VM."""
    with fleet_of(tmp_path_factory.mktemp("fleet"), "local") as fleet:
        asyncio.run(launch(fleet))
        yield fleet


async def launch(fleet: Fleet) -> None:
    async with fleet.admin() as admin:
        answer = await admin.post("/api/vm/create", json={"name": "web"})
        assert answer.status in {200, 201}, await answer.text()


@pytest.fixture(autouse=True)
async def readable(stranger: Page) -> None:
    await stranger.add_init_script(f"localStorage['batwa.terminal'] = '{READABLE}'")


def screen(page: Page, number: int = 0) -> Locator:
    """What the terminal shows, of those that are seen."""
    return page.locator(".xterm-accessibility-tree:visible").nth(number)


async def open_terminal(page: Page) -> None:
    await page.goto("/terminals?vm=web")
    await expect(screen(page)).to_contain_text("$")


async def run(page: Page, command: str) -> None:
    await page.keyboard.type(f"{command}\n")
