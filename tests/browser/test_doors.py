"""The login."""

import re

from playwright.async_api import Page, expect

from tests.e2e.fleet import PASSWORD, Fleet


async def test_the_login_leads_back_to_where_one_was_and_never_elsewhere(
    stranger: Page, fleet: Fleet
) -> None:
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
        await stranger.request.post("/api/auth/login", data={"username": "guessed", "password": "wrong"})
        for _ in range(14)
    ]
    assert answered[-1].status == 429
    await stranger.get_by_label("User name").fill("guessed")
    await stranger.get_by_label("Password", exact=True).fill("wrong")
    await stranger.get_by_role("button", name="Log in").click()

    await expect(alert).to_contain_text(re.compile(r"try again in \d+ s"))
    await expect(stranger.get_by_role("button", name="Log in")).to_be_disabled()
    await expect(stranger.get_by_role("button", name="Log in")).to_be_enabled()
