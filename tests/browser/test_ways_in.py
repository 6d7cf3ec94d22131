"""Logging in otherwise than with a password alone: a code, a passkey, a provider that vouches."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pyotp
import pytest
from playwright.async_api import CDPSession, Page, expect

from tests.e2e.fleet import PASSWORD, Fleet
from tests.hub.oidc_provider import CLIENT, SECRET

from .conftest import log_in

ROOT = Path(__file__).parents[2]
STEP_S = 30
"""Of an authenticator's codes."""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of an OpenID Connect provider."""
    argv = [sys.executable, "-m", "tests.hub.oidc_provider"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, provider: str) -> Iterator[Fleet]:
    """A hub without agents, to be opened by its name: browsers have no passkeys for addresses."""
    fleet = Fleet(tmp_path_factory.mktemp("hub"))
    fleet.url = f"http://localhost:{fleet.port}"
    fleet.env |= {
        "BATWA_HUB_OIDC__ISSUER": provider,
        "BATWA_HUB_OIDC__CLIENT_ID": CLIENT,
        "BATWA_HUB_OIDC__CLIENT_SECRET": SECRET,
        "BATWA_HUB_OIDC__NAME": "Example",
        "BATWA_HUB_OIDC__ROLES": json.dumps({"staff": "operator"}),
    }
    with fleet:
        yield fleet


async def log_out(page: Page) -> None:
    await page.context.clear_cookies()
    await page.goto("/login?next=/vms")


async def post(page: Page, path: str, body: dict[str, str]) -> dict[str, str]:
    answer = await page.request.post(path, data=body)
    assert answer.ok, await answer.text()
    return dict(await answer.json())


async def give_password(page: Page, name: str) -> None:
    await page.get_by_label("User name").fill(name)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()


async def test_an_account_with_an_authenticator_is_asked_for_its_code(stranger: Page, fleet: Fleet) -> None:
    page = stranger
    await log_in(page)
    await post(page, "/api/users", {"name": "vera", "password": PASSWORD, "role": "operator"})
    await page.context.clear_cookies()
    await post(page, "/api/auth/login", {"username": "vera", "password": PASSWORD})
    app = pyotp.TOTP((await post(page, "/api/auth/totp", {"password": PASSWORD}))["secret"])
    codes = (await post(page, "/api/auth/totp/confirm", {"code": app.at(time.time() - STEP_S)}))["codes"]

    await log_out(page)
    await give_password(page, "vera")
    await expect(page.get_by_label("Code")).to_be_focused()
    await expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    await page.get_by_role("button", name="Log in", exact=True).click()
    await expect(page.get_by_text("The code is needed as well.")).to_be_visible()
    await page.get_by_label("Code").fill("wrong-code")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("code")
    await page.get_by_label("Code").fill(app.now())
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{fleet.url}/vms")

    await log_out(page)
    await give_password(page, "vera")
    await page.get_by_label("Code").fill(codes[0])
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{fleet.url}/vms")


async def authenticator(page: Page) -> tuple[CDPSession, str]:
    """Give the browser a device that asks nobody; return its session and id."""
    devices = await page.context.new_cdp_session(page)
    await devices.send("WebAuthn.enable")
    told = await devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
            }
        },
    )
    return devices, told["authenticatorId"]


async def add_passkey(page: Page, name: str) -> None:
    await page.goto("/settings")
    await page.get_by_role("button", name="Add a passkey").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill(name)
    await dialog.get_by_label("Your password").fill(PASSWORD)
    await dialog.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("row", name=name)).to_contain_text("Never")


async def test_a_passkey_logs_in_without_name_and_password(stranger: Page, fleet: Fleet) -> None:
    page = stranger
    devices, device = await authenticator(page)
    await log_in(page)
    await add_passkey(page, "phone")

    await log_out(page)
    sign_in = page.get_by_role("button", name="Sign in with a passkey")
    await devices.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    await sign_in.click()
    await expect(page.get_by_text("No passkey was used. Try again")).to_be_visible()
    await devices.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    await sign_in.click()
    await expect(page).to_have_url(f"{fleet.url}/vms")
    await expect(page.get_by_role("button", name="Account of admin")).to_be_visible()

    await page.goto("/settings")
    await page.get_by_role("row", name="phone").get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog", name="Remove phone?").get_by_role("button", name="Remove").click()
    await expect(page.get_by_text("You have none yet.")).to_be_visible()
    await log_out(page)
    await sign_in.click()
    await expect(page.get_by_role("alert")).to_contain_text("The passkey was not accepted")


async def test_an_administrator_removes_the_passkeys_of_who_has_lost_them(stranger: Page) -> None:
    page = stranger
    await authenticator(page)
    await log_in(page)
    await post(page, "/api/users", {"name": "paul", "password": PASSWORD, "role": "viewer"})
    await page.context.clear_cookies()
    await post(page, "/api/auth/login", {"username": "paul", "password": PASSWORD})
    await add_passkey(page, "phone")

    await page.context.clear_cookies()
    await log_in(page)
    await page.goto("/users")
    await page.get_by_role("button", name="Actions for paul").click()
    await page.get_by_role("menuitem", name="Remove all passkeys").click()
    dialog = page.get_by_role("dialog", name="Remove all passkeys: paul")
    await dialog.get_by_role("button", name="Remove all passkeys").click()
    await expect(dialog).to_be_hidden()

    await log_out(page)
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_role("alert")).to_contain_text("The passkey was not accepted")


async def vouch(provider: str, fault: str = "") -> None:
    """Let the next one who comes to the provider be Ada."""
    claims = {"sub": "7", "preferred_username": "ada", "groups": ["staff"]}
    async with aiohttp.request("POST", f"{provider}/control", json={"claims": claims, "fault": fault}):
        pass


async def test_signing_on_elsewhere_leads_in_or_back_to_the_login_with_the_reason(
    stranger: Page, fleet: Fleet, provider: str
) -> None:
    page = stranger
    sign_on = page.get_by_role("link", name="Sign in with Example")
    await vouch(provider, "denied")
    await page.goto("/login?next=/vms%3Fq%3Dweb")
    await sign_on.click()
    refused = page.get_by_role("alert").filter(has_text="You were not signed in")
    await expect(refused).to_contain_text("The provider did not sign you on: 'access_denied'. Begin again.")
    await expect(refused).to_contain_text("Request")
    await expect(page).to_have_url(f"{fleet.url}/login?next=%2Fvms%3Fq%3Dweb")
    await page.reload()
    await expect(sign_on).to_be_visible()
    await expect(refused).to_be_hidden()  # told once

    await vouch(provider)
    await page.goto("/login?next=/vms%3Fq%3Dweb")
    await sign_on.click()
    await expect(page).to_have_url(f"{fleet.url}/vms?q=web")
    await expect(page.get_by_role("button", name="Account of ada")).to_be_visible()
