"""Shells in the browser: typed into, split, left and come back to, watched, shared, recorded."""

import asyncio
import re

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.e2e.fleet import PASSWORD, Fleet

from .conftest import READABLE, let_in, screen
from .looks import check_looks


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def vm(fleet: Fleet) -> None:
    """A running one, `web`."""
    async with fleet.admin() as admin:
        answer = await admin.post("/api/vm/create", json={"name": "web"})
        assert answer.status in {200, 201}, await answer.text()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def readable(stranger: Page) -> None:
    await stranger.add_init_script(READABLE)


async def open_terminal(page: Page) -> None:
    await page.goto("/terminals?vm=web")
    await expect(screen(page)).to_contain_text("$")


async def run(page: Page, command: str) -> None:
    await page.keyboard.type(f"{command}\n")


async def test_a_restarted_hub_is_said_and_the_shell_goes_on(page: Page, fleet: Fleet) -> None:
    await open_terminal(page)
    await run(page, "mark=kept")
    await asyncio.to_thread(fleet.hub.stop)
    banner = page.get_by_role("status").filter(has_text="The shell goes on; nothing is lost.")
    await expect(banner).to_be_visible()
    await asyncio.to_thread(fleet.hub.start)
    await expect(banner).to_have_count(0)  # until then keys are for nobody
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
    await guest.add_init_script(READABLE)
    await guest.goto(link)
    await expect(screen(guest)).to_contain_text("$")
    await expect(guest.get_by_role("button", name="2 viewers")).to_be_visible()
    await expect(guest.get_by_text("Watching only")).to_be_visible()

    await page.get_by_role("button", name="Revoke").click()
    await expect(guest.get_by_text("the link has ended")).to_be_visible()
    await guest.reload()
    await expect(guest.get_by_text("unknown, revoked or expired")).to_be_visible()
    await context.close()


async def test_who_watches_is_shown_by_name(page: Page, chromium: Browser, fleet: Fleet) -> None:
    made = await page.request.post(
        "/api/users", data={"name": "ines", "password": PASSWORD, "role": "viewer"}
    )
    assert made.ok, await made.text()
    opened = await (await page.request.post("/api/terminals", data={"vm_name": "web"})).json()
    address = f"/terminals?terminal={opened['id']}"
    await page.goto(address)
    await expect(screen(page)).to_contain_text("$")
    await run(page, "echo seen-by-$((1 + 1))")
    context = await chromium.new_context(base_url=fleet.url)
    other = await context.new_page()
    await other.add_init_script(READABLE)
    await let_in(other, username="ines")
    await other.goto(address)
    await expect(other.get_by_text("Watching only")).to_be_visible()
    viewers = page.get_by_role("button", name="2 viewers").locator("visible=true")
    await viewers.click()
    await expect(page.get_by_text("ines", exact=True)).to_be_visible()
    await expect(screen(other)).to_contain_text("seen-by-2")
    await context.close()
    await page.request.delete("/api/users/ines")


async def test_a_tab_is_split_and_both_are_there_after_a_reload(page: Page) -> None:
    await open_terminal(page)
    await page.get_by_role("button", name="Split to the right").locator("visible=true").click()
    await expect(page.get_by_role("separator", name="Divider")).to_be_visible()
    await expect(screen(page, 1)).to_contain_text("$")
    await page.reload()
    await expect(screen(page, 1)).to_contain_text("$")
    await check_looks(page, "terminals-split")


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
