"""What is true of every page: everybody can use it, what machines say is text, it comes in quickly."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Response, expect

from tests.e2e.fleet import Fleet

from .looks import check_looks, faults

FIRST_LOAD_BYTES = 600 << 10
HOSTILE = "<img src=x onerror=document.title='owned'>"
FLEET = {
    "overview": "/",
    "vms": "/vms",
    "vm": "/vms/web-1",
    "create": "/create",
    "created": "/create?operations=%5B%22{failed}%22%5D",
}
TERMINALS = {
    "terminals": "/terminals",
    "terminal": "/terminals?terminal={terminal}",
    "recordings": "/terminals/recordings",
    "recording": "/terminals/recordings/{recording}",
}
ACTIVITY = {
    "machines": "/machines",
    "operations": "/operations",
    "events": "/events",
    "audit": "/audit",
}
ADMINISTRATION = {
    "peers": "/peers",
    "users": "/users",
    "tokens": "/tokens",
    "settings": "/settings",
    "nowhere": "/nowhere",
}
STILL = ".mantine-Skeleton-root:visible, main .mantine-Loader-root:visible"
"""What turns while something is fetched."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def furnished(fleet: Fleet) -> AsyncIterator[dict[str, str]]:
    """Something to see on every page, a machine of an enemy included; the ids of what has pages."""
    async with fleet.admin() as admin:

        async def post(path: str, **body: Any) -> dict[str, Any]:
            answer = await admin.post(path, json=body)
            assert answer.status in {200, 201}, await answer.text()
            return dict(await answer.json())

        await post("/api/vm/create", name="web-1", agent_id="oslo")
        await post("/api/vm/create", name="db-1")
        await post("/api/vm/stop", name="db-1")
        await admin.post("/api/vm/create", json={"name": "no-image", "image": "99.04"})
        at = {"vm_name": "web-1", "agent_id": "oslo"}
        recorded = await post("/api/terminals", **at, record=True, command=["ls", "-la", "/"])
        terminal = await post("/api/terminals", **at)
        share = await post(f"/api/terminals/{terminal['id']}/shares", mode="read")
        operations = await (await admin.get("/api/operations")).json()
        recordings = await (await admin.get("/api/recordings")).json()
        await post("/api/users", name="mila", password="a strong enough word", role="viewer")
        token = await post("/api/auth/tokens", name="nightly build", role="operator")
        invitation = await post("/api/agent/join-tokens", name="lab", tags={"room": "3"})
        key = await post("/api/agent/keys", name="enemy", agent_id="enemy")
        await _introduce_enemy(fleet, key["api_key"])
        yield {
            "terminal": terminal["id"],
            "share": share["url"],
            "failed": next(each["id"] for each in operations if each["state"] == "failed"),
            "recording": next(
                each["id"] for each in recordings["recordings"] if each["terminal_id"] == recorded["id"]
            ),
        }
        for made in (
            "users/mila",
            f"auth/tokens/{token['id']}",
            f"agent/join-tokens/{invitation['id']}",
            "agent/unregister/enemy",
            f"agent/keys/{key['id']}",
        ):
            await admin.delete(f"/api/{made}")


async def _introduce_enemy(fleet: Fleet, key: str) -> None:
    """Register a machine that says of itself and of its VMs what would be markup."""
    vms = [{"id": "vm-1", "name": HOSTILE, "state": "Running", "release": HOSTILE, "ipv4": [HOSTILE]}]
    itself = {"agent_id": "enemy", "hostname": HOSTILE, "version": HOSTILE, "features": ["inventory"]}
    inventory = {"epoch": "e", "revision": 1, "vms": vms}
    async with fleet.session() as agent:
        for path, body in (
            ("register", itself | {"api_url": "http://127.0.0.1:9"}),
            ("heartbeat", {"agent_id": "enemy", "inventory": inventory}),
        ):
            answer = await agent.post(f"/api/agent/{path}", json=body, headers={"X-API-Key": key})
            assert answer.status == 200, await answer.text()


@pytest.mark.parametrize("pages", [FLEET, TERMINALS, ACTIVITY, ADMINISTRATION])
async def test_everybody_can_use_every_page_and_it_fits_a_phone(
    page: Page, furnished: dict[str, str], pages: dict[str, str]
) -> None:
    """By axe-core in both themes, with pictures of each."""
    found = {}
    for name, path in pages.items():
        await page.goto(path.format_map(furnished))
        await expect(page.get_by_role("heading").first).to_be_attached()
        await expect(page.get_by_test_id("live-badge")).to_have_text("Live")
        await expect(page.locator(STILL)).to_have_count(0)
        if wrong := await faults(page, name):
            found[name] = wrong
    assert not found, json.dumps(found, indent=1)


async def test_what_machines_say_is_text(page: Page, furnished: dict[str, str]) -> None:
    assert furnished
    for path in ("/", "/vms", "/machines", "/operations", "/events", "/audit", "/create"):
        await page.goto(path)
        await expect(page.get_by_test_id("live-badge")).to_have_text("Live")
        if path == "/create":
            await page.get_by_role("combobox", name="Machine").click()
        if path not in {"/operations", "/audit"}:
            await expect(page.get_by_text(HOSTILE).locator("visible=true").first).to_be_visible()
        assert await page.locator("img[src=x]").count() == 0, path
        assert "owned" not in await page.title(), path
    await page.goto("/vms")
    await page.get_by_role("link", name=HOSTILE).first.click()
    await expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    assert await page.locator("img[src=x]").count() == 0


async def test_everybody_can_use_the_doors(stranger: Page, furnished: dict[str, str]) -> None:
    """The pages of those who have not logged in."""
    await stranger.goto("/login")
    await expect(stranger.get_by_role("heading", name="Log in")).to_be_visible()
    await check_looks(stranger, "login")
    await stranger.goto("/setup#gAAAAABinvented")
    await expect(stranger.get_by_role("heading", name="Welcome to Batwa")).to_be_visible()
    await check_looks(stranger, "setup")
    await stranger.goto(furnished["share"])
    await expect(stranger.get_by_text("Watching only")).to_be_visible()
    await check_looks(stranger, "share")


async def test_a_phone_has_the_pages_behind_a_button(page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto("/settings")
    await page.get_by_role("button", name="Show the pages").click()
    await page.get_by_role("link", name="VMs", exact=True).click()
    await expect(page.get_by_role("heading", name="VMs", exact=True)).to_be_visible()


async def test_the_first_load_is_small_and_the_keyboard_alone_finds_a_page(page: Page) -> None:
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    page.on("response", note)
    await page.goto("/")
    await expect(page.get_by_test_id("live-badge")).to_have_text("Live")
    loaded = [each for each in answers if "/assets/" in each.url or each.url.endswith("/")]
    received = sum(int(each.headers.get("content-length", 0)) for each in loaded)
    assert 50_000 < received < FIRST_LOAD_BYTES, received
    assert not [each.url for each in loaded if "xterm" in each.url.lower() or "Terminal" in each.url]

    await page.keyboard.press("Control+k")
    await page.get_by_role("textbox", name="Search VMs, machines and pages").fill("vms")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url("/vms")
