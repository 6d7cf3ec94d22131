"""The whole way of somebody who has just installed a hub, from its first start to logging out."""

import asyncio
import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.fleet import BIN, PASSWORD, Fleet
from tests.e2e.machine import Machine

from .conftest import READABLE, log_in, screen
from .looks import check_looks


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A hub at its first start: it has neither an administrator nor a machine."""
    fleet = Fleet(tmp_path_factory.mktemp("first"))
    del fleet.env["BATWA_HUB_ADMIN_PASSWORD"]
    with fleet:
        yield fleet


async def test_from_the_first_start_to_logging_out(stranger: Page, fleet: Fleet) -> None:
    page = stranger
    await page.add_init_script(READABLE)
    await become_the_administrator(page, fleet)
    await add_a_machine(page, fleet)
    await create(page, fleet)
    await use_a_terminal(page)
    await stop_and_delete_all(page)

    await page.get_by_role("button", name="Account of admin").click()
    await page.get_by_role("menuitem", name="Log out").click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await log_in(page)


async def become_the_administrator(page: Page, fleet: Fleet) -> None:
    await page.goto("/vms")
    await expect(page.get_by_text("This hub has no administrator yet")).to_be_visible()
    command = [BIN / "batwa-hub", "setup-link"]
    printed = await asyncio.to_thread(
        subprocess.run, command, env=fleet.env, check=True, capture_output=True, text=True
    )
    await page.goto(printed.stdout.strip())
    await expect(page).to_have_url(f"{fleet.url}/setup")  # the code has left the address bar
    await page.get_by_label("Password", exact=True).fill("short")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_text("At least 8 characters.")).to_be_visible()
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("The same again").fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await check_looks(page, "overview-first")


async def add_a_machine(page: Page, fleet: Fleet) -> None:
    """With the line that the page shows, pasted on a machine whose agent then runs."""
    await page.get_by_role("link", name="Add a machine").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Tags").fill("room=3")
    await dialog.get_by_label("Tags").press("Enter")
    await dialog.get_by_role("button", name="Make the command").click()
    program, *words = shlex.split(
        await dialog.get_by_role("region", name="Paste this on the machine").inner_text()
    )
    assert program == "batwa-agent"
    await expect(dialog.get_by_text("Waiting for the machine…")).to_be_visible()
    await check_looks(page, "machines-add")

    machine = Machine(fleet, "bergen")
    joined = await asyncio.to_thread(machine, *words)
    assert joined.returncode == 0, joined
    await expect(dialog.get_by_text("It has joined. Waiting for its first sign of life…")).to_be_visible()
    machine.daemon.start(wait=False)
    await expect(dialog.get_by_text("bergen is here")).to_be_visible()
    await dialog.get_by_role("button", name="Done").click()
    row = page.get_by_role("row", name="bergen")
    await expect(row).to_contain_text("Online")
    await expect(row).to_contain_text("Linked")
    await expect(row).to_contain_text("room=3")


async def create(page: Page, fleet: Fleet) -> None:
    """Three VMs, watched as they come up."""
    fleet.faults("bergen", MULTIPASS_SIM_LAUNCH_S="3")
    await page.get_by_role("link", name="VMs", exact=True).click()
    await page.get_by_role("link", name="Create VM").first.click()
    await page.get_by_label("Name").fill("web")
    await page.get_by_label("How many").fill("3")
    await page.get_by_role("button", name="Create 3 VMs").click()
    await expect(page.get_by_role("progressbar").first).to_be_visible()
    await expect(page.get_by_text("Done", exact=True)).to_have_count(3)
    await page.get_by_role("link", name="Open").first.click()
    await expect(page.get_by_role("heading", name="web-1")).to_be_visible()


async def use_a_terminal(page: Page) -> None:
    """Type, resize, reload: the same shell is there, with what it has said."""
    await page.get_by_role("link", name="Terminal", exact=True).click()
    await expect(screen(page)).to_contain_text("$")
    await type_line(page, "mark=kept-$$; echo early-$((40 + 2)); seq 1000 1100; echo at-first-$(stty size)")
    before = await size_told(page, "at-first")
    smaller = f"[ $1 -lt {before[0]} ] && [ $2 -lt {before[1]} ]"  # lower and narrower may come one by one
    wait = f"until set -- $(stty size); {smaller}; do sleep 0.1; done"
    await type_line(page, f'{wait}; echo "resized-$1 $2"')
    await page.set_viewport_size({"width": 900, "height": 500})
    after = await size_told(page, "resized")
    assert after[0] < before[0] and after[1] < before[1], (before, after)

    await type_line(page, "echo $mark")
    await expect(screen(page)).to_contain_text(re.compile(r"kept-\d+"))
    (said,) = re.findall(r"kept-\d+", await screen(page).inner_text())
    await page.reload()
    await expect(screen(page)).to_contain_text(said)
    await page.get_by_test_id("screen").locator("visible=true").click()
    await type_line(page, "echo again-$mark")
    await expect(screen(page)).to_contain_text(f"again-{said}")  # the shell is the same
    await page.get_by_role("button", name="Search the output").locator("visible=true").click()
    await page.get_by_label("Find in the output").fill("early-42")
    await expect(page.get_by_text("1 of 1")).to_be_visible()  # what was scrolled out is there
    await page.set_viewport_size({"width": 1280, "height": 720})


async def stop_and_delete_all(page: Page) -> None:
    await page.get_by_role("link", name="VMs", exact=True).click()
    await page.get_by_role("checkbox", name="Select all").check()
    bar = page.get_by_role("toolbar", name="3 selected")
    await bar.get_by_role("button", name="Stop").click()
    await page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    await all_done(page.get_by_role("dialog", name="Stop: 3 VMs"))
    for number in range(1, 4):
        await expect(page.get_by_role("row", name=f"web-{number}")).to_contain_text("Stopped")

    await bar.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await all_done(page.get_by_role("dialog", name="Delete: 3 VMs"))
    await bar.get_by_role("button", name="Delete for good").click()
    await page.get_by_label("Type “delete 3” to confirm").fill("delete 3")
    await page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    await all_done(page.get_by_role("dialog", name="Delete for good: 3 VMs"))
    await expect(page.get_by_text("No VMs yet")).to_be_visible()


async def all_done(result: Locator) -> None:
    """Wait for a result for each VM."""
    await expect(result.get_by_role("status")).to_have_text("3 of 3 done")
    await expect(result.get_by_text("Done", exact=True)).to_have_count(3)
    await result.get_by_role("button", name="Close").last.click()


async def type_line(page: Page, line: str) -> None:
    await page.keyboard.type(f"{line}\n")


async def size_told(page: Page, word: str) -> tuple[int, int]:
    """Return the rows and columns that the shell tells behind the word."""
    told = re.compile(rf"{word}-(\d+) (\d+)")
    await expect(screen(page)).to_contain_text(told)
    found = told.search(await screen(page).inner_text())
    assert found
    return int(found[1]), int(found[2])


async def test_a_link_that_is_not_the_hub_s_is_refused(stranger: Page) -> None:
    await stranger.goto("/setup#gAAAAABinvented")
    await stranger.get_by_label("Password", exact=True).fill(PASSWORD)
    await stranger.get_by_label("The same again").fill(PASSWORD)
    await stranger.get_by_role("button", name="Set the password").click()
    await expect(stranger.get_by_role("alert")).to_contain_text("older than a day")
