"""What is true of every page: people can use it with what they have, and it comes in quickly."""

import json
from typing import Any

import pytest
from playwright.async_api import Page, Response, expect

from .looks import violations

FIRST_LOAD_BYTES = 600 << 10
PAGES = [
    "/",
    "/vms",
    "/create",
    "/vms/looked-at",
    "/machines",
    "/operations",
    "/events",
    "/audit",
    "/peers",
    "/users",
    "/tokens",
    "/settings",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_no_serious_violation(page: Page, scheme: Any) -> None:
    await page.request.post("/api/vm/create", data={"name": "looked-at"})
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    found = {}
    for path in PAGES:
        await page.goto(path)
        await expect(page.get_by_role("heading").first).to_be_visible()
        await expect(page.get_by_test_id("live-badge")).to_have_text("Live")
        if wrong := await violations(page):
            found[path] = wrong
    await page.request.post("/api/vm/delete", data={"name": "looked-at", "purge": True})
    assert not found, json.dumps(found, indent=1)


async def test_axe_finds_nothing_at_the_login_either(stranger: Page) -> None:
    await stranger.goto("/login")
    await expect(stranger.get_by_role("heading", name="Log in")).to_be_visible()
    assert await violations(stranger) == []


async def test_no_page_is_wider_than_a_phone(page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    for path in PAGES:
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1).first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
    await page.get_by_role("button", name="Show the pages").click()
    await page.get_by_role("link", name="VMs", exact=True).click()
    await expect(page.get_by_role("heading", name="VMs", exact=True)).to_be_visible()


async def test_the_keyboard_alone_finds_a_page(page: Page) -> None:
    await page.keyboard.press("Control+k")
    await page.get_by_role("textbox", name="Search VMs, machines and pages").fill("vms")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url("/vms")


async def test_the_first_load_is_small(page: Page) -> None:
    sizes: list[Response] = []

    def note(response: Response) -> None:
        sizes.append(response)

    page.on("response", note)
    await page.goto("/")
    await expect(page.get_by_test_id("live-badge")).to_have_text("Live")
    loaded = [each for each in sizes if "/assets/" in each.url or each.url.endswith("/")]
    received = sum(int(each.headers.get("content-length", 0)) for each in loaded)
    assert 50_000 < received < FIRST_LOAD_BYTES, received
