"""Headless Chromium in front of a real hub."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright, expect

from tests.e2e.fleet import PASSWORD, Fleet, fleet_of

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",  # as root there is none
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),  # WebGL, in software
    "--disable-gpu-compositing",  # what has no need of WebGL is drawn without: six times as fast
]
READABLE = """localStorage['batwa.terminal'] = '{"screenReader": true}'"""
"""A terminal's text is drawn; with this setting it is also there to be read."""
WAIT_MS = 20_000
"""How long anything on the page may take to appear, on a machine that is busy."""
EXPECTED = re.compile(
    r"Failed to load resource|WebSocket connection to|task queue exceeded|\[\.WebGL.* GPU stall"
)
"""What the console says of what a test provokes, such as a hub that is gone, and of slow drawing."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One browser serves all tests of a process, so they share its event loop."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.timeout(240))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser."""
    assert await asyncio.to_thread(CHROMIUM.exists), (
        f"these tests drive {CHROMIUM}; install it: apt-get install chromium"
    )
    async with async_playwright() as playwright:
        expect.set_options(timeout=WAIT_MS)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A hub, its local agent and the agent `oslo`, for all files of a process. Each leaves no VM behind."""
    with fleet_of(tmp_path_factory.mktemp("fleet"), "local", "oslo") as fleet:
        yield fleet


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def as_it_was(fleet: Fleet) -> AsyncIterator[None]:
    """Take away what the tests of a file made on the machines: VMs and faults."""
    yield
    if fleet.agents:
        await fleet.mend()


@pytest.fixture(scope="session")
def cookies() -> dict[str, Any]:
    """The administrator's, by the hub's address: one login each."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(chromium: Browser, fleet: Fleet) -> AsyncIterator[Page]:
    """A page of somebody who has not logged in. A test in which it broke fails."""
    context = await chromium.new_context(
        base_url=fleet.url, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(WAIT_MS)
    page, wrong = await context.new_page(), list[str]()

    def look(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not EXPECTED.match(message.text):
            wrong.append(message.text)

    page.on("console", look)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    await context.close()
    assert not wrong, wrong


@pytest_asyncio.fixture(loop_scope="session")
async def page(stranger: Page, fleet: Fleet, cookies: dict[str, Any]) -> Page:
    """The administrator's page; nothing is loaded yet."""
    if fleet.url not in cookies:
        await let_in(stranger)
        cookies[fleet.url] = await stranger.context.cookies()
    await stranger.context.add_cookies(cookies[fleet.url])
    return stranger


async def let_in(page: Page, *, username: str = "admin", password: str = PASSWORD) -> None:
    """Log in without the form."""
    answer = await page.request.post("/api/auth/login", data={"username": username, "password": password})
    assert answer.ok, await answer.text()


async def log_in(page: Page, *, username: str = "admin", password: str = PASSWORD) -> None:
    """Log in through the form, and wait for the overview."""
    await page.goto("/login")
    await page.get_by_label("User name").fill(username)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_role("heading", name="Overview").wait_for()


def screen(page: Page, number: int = 0) -> Locator:
    """Return what a terminal shows, of those that are seen. The page needs `READABLE`."""
    return page.locator(".xterm-accessibility-tree:visible").nth(number)
