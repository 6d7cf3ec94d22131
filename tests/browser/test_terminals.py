"""Shells in the browser: typed into, split, left and come back to, watched, shared, recorded."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.e2e.fleet import Fleet, fleet_of

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "var/screenshots"
"""Made anew by each run, to be looked at by people."""

READABLE = '{"screenReader": true}'
"""The terminal's text is drawn; with this setting it is also there to be read."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A hub and its local agent."""
    with fleet_of(tmp_path_factory.mktemp("fleet"), "local") as fleet:
        yield fleet


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def vm(fleet: Fleet) -> None:
    """A running one, `web`."""
    async with fleet.admin() as admin:
        answer = await admin.post("/api/vm/create", json={"name": "web"})
        assert answer.status in {200, 201}, await answer.text()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
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


async def test_what_is_typed_is_run_and_a_reload_comes_back_to_it(page: Page) -> None:
    await open_terminal(page)
    await run(page, "seq 1000 1100; echo lives-$((40 + 2)); stty size")
    await expect(screen(page)).to_contain_text("lives-42")
    wide = await screen(page).inner_text()
    await page.set_viewport_size({"width": 900, "height": 500})
    await run(page, "clear; stty size")
    await expect(screen(page)).not_to_contain_text("lives-42")
    assert "lives-42" in wide

    await run(page, "echo the-same-$$ > here; cat here")
    await expect(screen(page)).to_contain_text(re.compile(r"the-same-\d+"))
    said = re.findall(r"the-same-\d+", await screen(page).inner_text())[-1]
    await page.reload()
    await expect(screen(page)).to_contain_text(said)
    await page.get_by_test_id("screen").locator("visible=true").click()
    await run(page, "clear; echo the-same-$$")
    await expect(screen(page)).to_contain_text(said)


async def test_a_restarted_hub_is_said_and_the_shell_goes_on(page: Page, fleet: Fleet) -> None:
    await open_terminal(page)
    await run(page, "mark=kept")
    await asyncio.to_thread(fleet.hub.stop)
    await expect(page.get_by_text("The shell goes on; nothing is lost.")).to_be_visible()
    await asyncio.to_thread(fleet.hub.start)
    await expect(page.get_by_text("The shell goes on; nothing is lost.")).to_be_hidden()
    await run(page, "echo mark-is-$mark")
    await expect(screen(page)).to_contain_text("mark-is-kept")


async def test_who_has_a_link_watches_until_it_is_revoked(
    page: Page, chromium: Browser, fleet: Fleet
) -> None:
    await open_terminal(page)
    await page.get_by_role("button", name="Share", exact=True).click()
    await page.get_by_role("button", name="Make a link").click()
    link = await page.get_by_text(re.compile("/terminal#share=")).inner_text()

    context = await chromium.new_context(base_url=fleet.url)
    guest = await context.new_page()
    await guest.add_init_script(f"localStorage['batwa.terminal'] = '{READABLE}'")
    await guest.goto(link)
    await expect(screen(guest)).to_contain_text("$")
    await expect(guest.get_by_role("button", name="2 viewers")).to_be_visible()
    await expect(guest.get_by_text("Watching only")).to_be_visible()

    await page.get_by_role("button", name="Revoke").click()
    await expect(guest.get_by_text("the link has ended")).to_be_visible()
    await guest.reload()
    await expect(guest.get_by_text("unknown, revoked or expired")).to_be_visible()
    await context.close()


async def test_a_tab_is_split_and_both_are_there_after_a_reload(page: Page) -> None:
    await open_terminal(page)
    await page.get_by_role("button", name="Split to the right").locator("visible=true").click()
    await expect(page.get_by_role("separator", name="Divider")).to_be_visible()
    await expect(screen(page, 1)).to_contain_text("$")
    await page.reload()
    await expect(screen(page, 1)).to_contain_text("$")
    await page.screenshot(path=PICTURES / "terminals-light.png")


async def test_a_recording_is_listed_and_played(page: Page) -> None:
    answer = await page.request.post("/api/terminals", data={"vm_name": "web", "record": True})
    terminal = await answer.json()
    await page.goto(f"/terminals?terminal={terminal['id']}")
    await expect(screen(page)).to_contain_text("$")
    await run(page, "echo for the record; exit")
    await expect(page.get_by_text("The shell has ended with exit code 0.")).to_be_visible()
    await page.goto("/terminals/recordings")
    await page.get_by_role("link", name="Play").first.click()
    await expect(page.get_by_label("Player").locator(".ap-player")).to_be_visible()
