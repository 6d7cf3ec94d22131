"""First start, login, and how the page comes in."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.fleet import BIN, PASSWORD, Fleet

from .conftest import log_in


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A hub at its first start; it has no agents yet."""
    fleet = Fleet(tmp_path)
    del fleet.env["BATWA_HUB_ADMIN_PASSWORD"]
    with fleet:
        yield fleet


async def setup_link(fleet: Fleet) -> str:
    made = await asyncio.to_thread(
        subprocess.run,
        [BIN / "batwa-hub", "setup-link"],
        env=fleet.env,
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout.strip()


async def test_the_first_administrator_comes_in_by_the_link_and_later_by_password(
    stranger: Page, fleet: Fleet
) -> None:
    page = stranger
    await page.goto("/vms")
    await expect(page.get_by_text("This hub has no administrator yet")).to_be_visible()

    await page.goto(await setup_link(fleet))
    await expect(page).to_have_url(f"{fleet.url}/setup")  # the code has left the address bar
    await page.get_by_label("Password", exact=True).fill("short")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_text("At least 8 characters.")).to_be_visible()
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("The same again").fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await expect(page.get_by_test_id("live-badge")).to_have_text("Live")

    await page.get_by_role("button", name="Account of admin").click()
    await page.get_by_role("menuitem", name="Log out").click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await log_in(page)

    await page.context.clear_cookies()
    await page.goto("/setup#gAAAAABinvented")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("The same again").fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("alert")).to_contain_text("older than a day")


async def test_the_login_leads_back_to_where_one_was_and_never_elsewhere(
    stranger: Page, fleet: Fleet
) -> None:
    await stranger.goto(await setup_link(fleet))
    for label in ("Password", "The same again"):
        await stranger.get_by_label(label, exact=True).fill(PASSWORD)
    await stranger.get_by_role("button", name="Set the password").click()
    await expect(stranger.get_by_role("heading", name="Overview")).to_be_visible()
    await stranger.context.clear_cookies()

    await stranger.goto("/vms?q=web")
    await expect(stranger).to_have_url(re.compile(r"/login\?next=%2Fvms%3Fq%3Dweb"))
    await stranger.get_by_label("User name").fill("admin")
    await stranger.get_by_label("Password", exact=True).fill("wrong")
    await stranger.get_by_role("button", name="Log in").click()
    await expect(stranger.get_by_role("alert")).to_contain_text("Invalid username or password")
    await stranger.get_by_label("Password", exact=True).fill(PASSWORD)
    await stranger.get_by_role("button", name="Log in").click()
    await expect(stranger).to_have_url(f"{fleet.url}/vms?q=web")

    await stranger.goto("/login?next=https://elsewhere.example/")
    await expect(stranger).to_have_url(f"{fleet.url}/")


async def test_who_guesses_is_told_how_long_to_wait(stranger: Page) -> None:
    await stranger.goto("/login")
    alert = stranger.get_by_role("alert").filter(has_text="Too many wrong passwords")
    answered = [
        await stranger.request.post("/api/auth/login", data={"username": "admin", "password": "wrong"})
        for _ in range(14)
    ]
    assert answered[-1].status == 429
    await stranger.get_by_label("User name").fill("admin")
    await stranger.get_by_label("Password", exact=True).fill("wrong")
    await stranger.get_by_role("button", name="Log in").click()

    await expect(alert).to_contain_text(re.compile(r"try again in \d+ s"))
    await expect(stranger.get_by_role("button", name="Log in")).to_be_disabled()
    await expect(stranger.get_by_role("button", name="Log in")).to_be_enabled()
