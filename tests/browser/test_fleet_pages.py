"""The overview, the table of VMs, a VM's page, and the way from a form to a running VM."""

import asyncio
import re
from typing import Any

from playwright.async_api import CDPSession, Locator, Page, Route, expect

from tests.e2e.fleet import Fleet


def row(page: Page, name: str) -> Locator:
    """A VM's line in the table."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


async def make(page: Page, name: str, **more: Any) -> None:
    answer = await page.request.post("/api/vm/create", data={"name": name, **more})
    assert answer.ok, await answer.text()


async def vms_of(page: Page) -> list[dict[str, Any]]:
    listed = await (await page.request.get("/api/vm/list")).json()
    return list(listed["vms"])


async def purge_all(page: Page) -> None:
    for vm in await vms_of(page):
        where = {"name": vm["name"], "agent_id": vm["agent_id"], "purge": True}
        await page.request.post("/api/vm/delete", data=where)


async def test_a_vm_is_created_with_progress_that_outlives_the_page(page: Page, fleet: Fleet) -> None:
    fleet.faults("oslo", MULTIPASS_SIM_LAUNCH_S="4")
    await page.goto("/create")
    await page.get_by_label("Name").fill("1web")
    await page.get_by_role("button", name="Create VM").click()
    await expect(page.get_by_text("not ending in a hyphen")).to_be_visible()
    await page.get_by_label("Name").fill("story-1")
    await page.get_by_role("combobox", name="Machine").click()
    await page.get_by_role("option", name="oslo-host").click()
    await page.get_by_role("button", name="Add user data").click()
    editor = page.get_by_role("textbox", name="cloud-init user data")
    await editor.click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("packges: [vim]")
    await expect(page.get_by_text("knows no “packges”")).to_be_visible()
    await page.get_by_role("button", name="Create VM").click()

    await expect(page).to_have_url(re.compile(r"operations="))
    await expect(page.get_by_role("progressbar")).to_be_visible()
    address = page.url
    await page.goto("about:blank")
    fleet.faults("oslo")
    await page.goto(address)

    await expect(page.get_by_text("Done", exact=True)).to_be_visible()
    await page.get_by_role("link", name="Open").click()
    await expect(page.get_by_role("heading", name="story-1")).to_be_visible()
    await purge_all(page)


async def test_a_create_that_failed_says_why_and_what_to_do(page: Page) -> None:
    await page.goto("/create")
    await page.get_by_label("Name").fill("no-image")
    await page.get_by_role("combobox", name="Image").fill("99.04")
    await page.get_by_role("button", name="Create VM").click()

    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text('Unable to find an image matching "99.04"')
    await expect(alert).to_contain_text("Change it and try again")
    await page.get_by_role("button", name="Change and try again").click()
    await expect(page.get_by_role("combobox", name="Image")).to_have_value("99.04")


async def test_a_vm_s_page_tells_runs_and_acts(page: Page) -> None:
    await make(page, "paged")
    await page.goto("/vms/paged")
    await expect(page.get_by_text("Running", exact=True).first).to_be_visible()
    await page.get_by_label("Command line").fill("echo out; echo err >&2; exit 3")
    await page.get_by_role("button", name="Run").click()
    await expect(page.get_by_text("Exit status 3")).to_be_visible()
    await expect(page.get_by_role("region", name="stderr")).to_have_text("err")

    answer = asyncio.Event()

    async def hold(route: Route) -> None:
        await answer.wait()
        await route.continue_()

    await page.route("**/api/vm/stop", hold)
    await page.get_by_role("button", name="Stop").click()
    await page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    await expect(page.get_by_text("Asking", exact=True)).to_be_visible()  # before the hub says anything
    answer.set()
    await expect(page.get_by_text("paged stopped")).to_be_visible()
    await expect(page.get_by_role("button", name="Start")).to_be_visible()

    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Delete for good").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Delete for good")).to_be_disabled()
    await dialog.get_by_label("Type paged to confirm").fill("paged")
    await dialog.get_by_role("button", name="Delete for good").click()
    await expect(page.get_by_role("heading", name="There is no such VM")).to_be_visible()
    assert await vms_of(page) == []


async def test_what_others_do_shows_by_itself_and_an_address_is_copied_in_one_click(page: Page) -> None:
    await page.goto("/vms")
    await make(page, "live-1")
    await expect(row(page, "live-1")).to_contain_text("Running")
    (address,) = [vm["ipv4"][0] for vm in await vms_of(page) if vm["name"] == "live-1"]
    await row(page, "live-1").get_by_role("button", name=f"Copy {address}").click()
    assert await page.evaluate("navigator.clipboard.readText()") == address
    await purge_all(page)
    await expect(page.get_by_text("No VMs yet")).to_be_visible()


async def test_a_page_that_lost_the_hub_says_so_and_recovers(page: Page, fleet: Fleet) -> None:
    badge = page.get_by_test_id("live-badge")
    await page.clock.install()
    await page.goto("/vms")
    await expect(badge).to_have_text("Live")
    await page.context.set_offline(True)
    await expect(badge).to_have_text("Reconnecting")
    await page.clock.fast_forward("05:00")  # as a laptop whose lid was shut
    await expect(badge).to_contain_text("Stale since")
    async with fleet.admin() as other:
        await other.post("/api/vm/create", json={"name": "meanwhile"})
    await page.context.set_offline(False)
    await expect(badge).to_have_text("Live")
    await expect(row(page, "meanwhile")).to_contain_text("Running")
    await purge_all(page)


def fake(number: int) -> dict[str, Any]:
    return {
        "id": f"vm-{number:05}",
        "name": f"vm-{number:05}",
        "state": "Running" if number % 3 else "Stopped",
        "ipv4": [f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"],
        "release": "Ubuntu 24.04 LTS",
        "cpus": 2,
        "memory_bytes": 2 << 30,
        "disk_bytes": 10 << 30,
        "created_at": "2026-11-01T00:00:00Z",
        "running_since": None,
        "agent_id": None,
        "agent_hostname": "local",
        "stale_s": 1.0,
    }


KEYSTROKE = """async ([input, text]) => {
  const setter = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  setter.call(input, text);
  input.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}"""
"""Types, and returns when the browser has painted."""


async def test_ten_thousand_vms_filter_within_100_ms_a_keystroke(page: Page) -> None:
    many = [fake(number) for number in range(10_000)]

    async def answer(route: Route) -> None:
        await route.fulfill(json={"success": True, "vms": many})

    await page.route("**/api/vm/list", answer)
    await page.goto("/vms")
    await expect(page.get_by_text("10000 in all")).to_be_visible()
    assert await page.get_by_role("row").count() < 80
    sought = await page.get_by_label("Search by name, address").element_handle()
    watch = await page.context.new_cdp_session(page)
    await watch.send("Performance.enable", {"timeDomain": "threadTicks"})
    before_ms = await busy_ms(watch)
    for length in range(1, 7):
        await page.evaluate(KEYSTROKE, [sought, "vm-099"[:length]])
    await expect(page.get_by_text("100 of 10000 shown")).to_be_visible()
    a_keystroke_ms = (await busy_ms(watch) - before_ms) / 6
    assert 0 < a_keystroke_ms < 100


async def busy_ms(watch: CDPSession) -> float:
    """Return how long the page's thread has computed: what others do to the machine does not count."""
    told = await watch.send("Performance.getMetrics")
    seconds: float = {each["name"]: each["value"] for each in told["metrics"]}["TaskDuration"]
    return seconds * 1000


async def test_the_pages_show_no_machine_s_failure_as_theirs(page: Page, fleet: Fleet) -> None:
    fleet.agents["oslo"].signal(19)  # SIGSTOP: it hangs
    try:
        await page.goto("/")
        await expect(page.get_by_text("oslo-host is offline")).to_be_visible()
        for path in ("/vms", "/create"):
            await page.goto(path)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            await expect(page.get_by_text("This page broke")).to_have_count(0)
    finally:
        fleet.agents["oslo"].signal(18)
    await page.goto("/")
    await expect(page.get_by_text("oslo-host is offline")).to_have_count(0)
