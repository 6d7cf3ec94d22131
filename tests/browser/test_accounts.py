"""Users, tokens and one's own settings."""

from playwright.async_api import Browser, Page, expect

from tests.e2e.fleet import Fleet

from .conftest import let_in
from .looks import check_looks

HOSTILE = "<img src=x onerror=document.title='owned'>"
MEYA = "a strong enough word"


async def test_a_user_is_let_in_with_limits(page: Page) -> None:
    await page.goto("/users")
    await page.get_by_role("button", name="Add a user").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("meya")
    await dialog.get_by_role("textbox", name="Password").fill("short")
    await dialog.get_by_role("button", name="Add a user").click()
    await expect(dialog.get_by_text("At least 8 characters.")).to_be_visible()
    await dialog.get_by_role("textbox", name="Password").fill(MEYA)
    await dialog.get_by_text("Viewer", exact=True).click()
    await expect(dialog.get_by_label("Terminals and commands")).not_to_be_checked()
    await dialog.get_by_label("Only machines with these tags").fill("site=oslo")
    await dialog.get_by_label("Only machines with these tags").press("Enter")
    await dialog.get_by_role("button", name="Add a user").click()
    row = page.get_by_role("row", name="meya")
    await expect(row).to_contain_text("Viewer")
    await expect(row).to_contain_text("site=oslo")

    await page.get_by_role("button", name="Add a user").click()
    await dialog.get_by_label("Name").fill("meya")
    await dialog.get_by_role("textbox", name="Password").fill(MEYA)
    await dialog.get_by_role("button", name="Add a user").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Request")  # the hub's sentence and its id


async def test_a_user_is_logged_out_kept_out_and_removed(page: Page, chromium: Browser, fleet: Fleet) -> None:
    made = await page.request.post("/api/users", data={"name": "noor", "password": MEYA, "role": "viewer"})
    assert made.ok, await made.text()
    await page.goto("/users")
    row, dialog = page.get_by_role("row", name="noor"), page.get_by_role("dialog")
    theirs = await chromium.new_context(base_url=fleet.url)
    viewer = await theirs.new_page()
    await let_in(viewer, username="noor", password=MEYA)
    await viewer.goto("/users")
    await expect(viewer.get_by_text("It needs the role Administrator.")).to_be_visible()
    await expect(viewer.get_by_role("link", name="Users")).to_have_count(0)
    await viewer.keyboard.press("Control+k")
    search = viewer.get_by_role("dialog")
    await expect(search.get_by_role("button", name="Tokens")).to_be_visible()
    await expect(search.get_by_role("button", name="Users")).to_have_count(0)

    await page.get_by_role("button", name="Actions for noor").click()
    await page.get_by_role("menuitem", name="Where they are logged in").click()
    await expect(dialog.get_by_role("row", name="Chrome on Linux")).to_be_visible()
    await dialog.get_by_role("button", name="Log out everywhere").click()
    await expect(dialog.get_by_text("Nobody is logged in there.")).to_be_visible()
    await expect(viewer.get_by_role("heading", name="Log in")).to_be_visible()
    await theirs.close()
    await page.keyboard.press("Escape")

    await page.get_by_role("button", name="Actions for noor").click()
    await page.get_by_role("menuitem", name="Disable").click()
    await dialog.get_by_role("button", name="Disable").click()
    await expect(row).to_contain_text("Disabled")

    await page.get_by_role("button", name="Actions for noor").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()
    await dialog.get_by_label("Type noor to confirm").fill("noor")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(row).to_have_count(0)


async def test_a_token_is_shown_once_works_and_is_revoked(page: Page) -> None:
    await page.goto("/tokens")
    await expect(page.get_by_role("heading", name="No tokens yet")).to_be_visible()
    await page.get_by_role("button", name="Make a token").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Make a token").click()
    await expect(dialog.get_by_text("A name is needed.")).to_be_visible()
    await dialog.get_by_role("textbox", name="Name").fill(HOSTILE)
    await dialog.get_by_text("Viewer", exact=True).click()
    await dialog.get_by_role("button", name="Make a token").click()
    secret = await dialog.get_by_role("region", name="Token").inner_text()
    assert secret.startswith("bat_")
    answer = await page.request.get(
        "/api/auth/me", headers={"Authorization": f"Bearer {secret.strip()}", "Cookie": ""}
    )
    assert (await answer.json())["kind"] == "token"
    await check_looks(page, "tokens-made")
    await dialog.get_by_role("button", name="Done").click()

    row = page.get_by_role("row", name=HOSTILE)
    await expect(row).to_contain_text("Viewer")
    await expect(page).to_have_title("Tokens · Batwa")  # a name is text
    await row.get_by_role("button", name="Revoke").click()
    await dialog.get_by_role("button", name="Revoke").click()
    await expect(row).to_have_count(0)
    refused = await page.request.get(
        "/api/auth/me", headers={"Authorization": f"Bearer {secret.strip()}", "Cookie": ""}
    )
    assert refused.status == 401


async def test_one_changes_ones_password_and_logs_others_out(
    page: Page, chromium: Browser, fleet: Fleet
) -> None:
    made = await page.request.post("/api/users", data={"name": "kai", "password": MEYA, "role": "operator"})
    assert made.ok, await made.text()
    contexts = [await chromium.new_context(base_url=fleet.url) for _ in range(2)]
    mine, other = [await each.new_page() for each in contexts]
    for each in (mine, other):
        await let_in(each, username="kai", password=MEYA)
        await each.goto("/settings")
    await expect(mine.get_by_role("row", name="this one")).to_be_visible()
    await mine.get_by_label("Present password").fill("wrong")
    await mine.get_by_label("New password").fill("another strong word")
    await mine.get_by_label("The same again").fill("another strong word")
    await mine.get_by_role("button", name="Change the password").click()
    await expect(mine.get_by_role("alert").first).to_contain_text("password")
    await expect(mine).to_have_url(f"{fleet.url}/settings")  # a wrong password does not end the session
    await mine.get_by_label("Present password").fill(MEYA)
    await mine.get_by_role("button", name="Change the password").click()
    await expect(mine.get_by_text("Your password is changed.")).to_be_visible()
    await expect(other.get_by_role("heading", name="Log in")).to_be_visible()
    for context in contexts:
        await context.close()
