"""Machines, operations, events, the audit log, and hubs that pair."""

import asyncio
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.e2e.fleet import Fleet

from .conftest import let_in
from .looks import check_looks

HOSTILE = "<img src=x onerror=document.title='owned'>"


async def test_a_machine_is_renamed_and_removed(page: Page, fleet: Fleet) -> None:
    key = fleet.make_key("bergen", "bergen")
    itself = {"agent_id": "bergen", "hostname": "bergen", "api_url": "http://127.0.0.1:9"}
    told = await page.request.post("/api/agent/register", data=itself, headers={"X-API-Key": key})
    assert told.ok, await told.text()
    await page.goto("/machines")
    row, dialog = page.get_by_role("row", name="bergen"), page.get_by_role("dialog")
    await row.get_by_role("button").click()
    await dialog.get_by_role("textbox", name="Name").fill(HOSTILE)
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("heading", name=HOSTILE)).to_be_visible()
    await expect(page).to_have_title("Machines · Batwa")
    await check_looks(page, "machine")
    await dialog.get_by_role("button", name="Remove the machine").click()
    question = page.get_by_role("dialog", name="Remove <img")
    await question.get_by_label("to confirm").fill(HOSTILE)
    await question.get_by_role("button", name="Remove the machine").click()
    await expect(page.get_by_role("row", name=HOSTILE)).to_have_count(0)
    keys = await (await page.request.get("/api/agent/keys")).json()
    assert "bergen" not in {key["agent_id"] for key in keys}  # it cannot come back by itself


async def test_what_was_done_is_told_and_filtered(page: Page, fleet: Fleet) -> None:
    await page.goto("/operations")
    await expect(page.get_by_role("heading", name="Operations")).to_be_visible()
    fleet.faults("oslo", MULTIPASS_SIM_LAUNCH_S="1")
    for name in ("told-1", "told-2"):
        made = await page.request.post("/api/vm/create", data={"name": name, "agent_id": "oslo"})
        assert made.ok, await made.text()
    refused = await page.request.post("/api/vm/start", data={"name": "nowhere"})
    assert refused.status == 404

    row = page.get_by_role("row", name="Create told-1")
    await expect(row).to_contain_text("Done")  # the page was open: it came by an event
    await page.get_by_label("Search VM, person or machine").fill("told-2")
    await expect(row).to_have_count(0)
    await page.get_by_role("row", name="Create told-2").get_by_role("button").click()
    await expect(page.get_by_role("dialog")).to_contain_text("oslo-host")
    await check_looks(page, "operation")

    await page.goto("/events?kind=vm&q=told-2")
    await expect(page.get_by_role("row", name="told-2").first).to_contain_text("Running")
    await expect(page.get_by_role("row", name="told-1")).to_have_count(0)

    await page.goto("/audit?outcome=failed&target=nowhere")
    record = page.get_by_role("row", name="Start a VM")
    await expect(record).to_contain_text("Failed")
    await record.get_by_role("button").click()
    await expect(page.get_by_role("dialog")).to_contain_text("vm-not-found")
    await page.keyboard.press("Escape")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Export").click()
    exported = await (await downloading.value).path()
    assert "vm-not-found" in (await asyncio.to_thread(exported.read_text))
    await page.get_by_role("button", name="Clear the filters").click()
    await expect(page.get_by_role("row", name="Create a VM").first).to_be_visible()


async def test_two_hubs_are_paired_by_a_code_and_use_each_others_vms(
    page: Page, chromium: Browser, fleet: Fleet, tmp_path: Path
) -> None:
    made = await page.request.post("/api/vm/create", data={"name": "shared", "agent_id": "oslo"})
    assert made.ok, await made.text()
    await page.goto("/peers")
    await page.get_by_role("button", name="Start").click()
    await page.get_by_role("button", name="Pair with another hub").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Make a code here").click()
    code = await dialog.get_by_role("region", name="Pairing code").inner_text()

    with Fleet(tmp_path) as rome:
        context = await chromium.new_context(base_url=rome.url)
        theirs = await context.new_page()
        await let_in(theirs)
        await theirs.goto("/peers")
        await theirs.get_by_role("button", name="Start").click()
        await theirs.get_by_role("button", name="Pair with another hub").click()
        form = theirs.get_by_role("dialog")
        await form.get_by_role("tab", name="Use a code from there").click()
        await form.get_by_label("Address of the other hub").fill(f"127.0.0.1:{fleet.port}")
        await form.get_by_label("The code it has made").fill("AAAA-AAAA-AAAA")
        await form.get_by_role("button", name="Pair").click()
        await expect(form.get_by_role("alert")).to_contain_text("Request")
        await form.get_by_label("The code it has made").fill(code.strip())
        await form.get_by_role("button", name="Pair").click()
        trusted = theirs.get_by_role("row").filter(has=theirs.get_by_role("button", name="Actions for"))
        await expect(trusted).to_contain_text("Online")

        await check_looks(theirs, "peers-trusted")
        peers = await (await theirs.request.get("/api/p2p/peers")).json()
        (hub,) = [each["id"] for each in peers["peers"] if each["kind"] == "hub"]
        said = {"peer_id": hub, "message_type": "GREETING", "data": {"text": HOSTILE}}
        sent = await theirs.request.post("/api/p2p/message", data=said)
        assert sent.ok, await sent.text()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("row", name="GREETING")).to_contain_text(HOSTILE)  # by an event
        await trusted.get_by_role("button", name="VMs of").click()
        vm = theirs.get_by_role("row", name="shared")
        await expect(vm).to_contain_text("Running")
        await vm.get_by_role("button", name="Stop").click()
        await expect(vm).to_contain_text("Stopped")
        await check_looks(theirs, "peer-vms")
        await theirs.keyboard.press("Escape")

        await trusted.get_by_role("button", name="Actions for").click()
        await theirs.get_by_role("menuitem", name="Trust no longer").click()
        await form.get_by_role("button", name="Trust no longer").click()
        await expect(theirs.get_by_role("heading", name="No other hub is trusted yet")).to_be_visible()
        await context.close()
