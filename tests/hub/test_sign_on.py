"""Sign-on with an OpenID Connect provider, a process of its own: who gets in, as what, and who not."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp
import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient
from pydantic import SecretStr

from batwa_common.errors import NotAuthenticated
from batwa_hub.app import make_app
from batwa_hub.hub import Hub, running
from batwa_hub.settings import Settings
from batwa_hub.transport.oidc import OidcProvider

from .conftest import PASSWORD
from .oidc_provider import CLIENT, SECRET

ROOT = Path(__file__).parents[2]
ADA = {"sub": "7", "preferred_username": "ada", "groups": ["staff", "vm-operators"]}
ROLES = {"vm-operators": "operator", "vm-admins": "admin"}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider."""
    argv = [sys.executable, "-m", "tests.hub.oidc_provider"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def oidc() -> dict[str, Any]:
    """What a test sets otherwise than the others."""
    return {}


@pytest.fixture
async def hub(tmp_path: Path, provider: str, oidc: dict[str, Any]) -> AsyncIterator[Hub]:
    told = {"client_id": CLIENT, "client_secret": SECRET, "name": "Example", "roles": ROLES}
    given = {"issuer": provider, **told, **oidc}
    settings = await asyncio.to_thread(Settings.load, {"data_dir": tmp_path, "oidc": given})
    async with running(settings) as hub:
        await hub.accounts.add_first(PASSWORD)
        yield hub


@pytest.fixture
async def stranger(hub: Hub, aiohttp_client: AiohttpClient) -> TestClient:
    return await aiohttp_client(make_app(hub))


@pytest.fixture
async def browser(stranger: TestClient) -> AsyncIterator[ClientSession]:
    async with ClientSession(str(stranger.make_url("")), cookie_jar=CookieJar(unsafe=True)) as session:
        yield session


async def control(provider: str, fault: str = "", **claims: Any) -> None:
    async with aiohttp.request("POST", f"{provider}/control", json={"claims": ADA | claims, "fault": fault}):
        pass


async def signed_on(browser: ClientSession, path: str = "/api/auth/oidc?next=/api/auth/me") -> ClientResponse:
    """Go where the redirects lead, as a browser does."""
    return await browser.get(path)


async def refusal(answer: ClientResponse) -> tuple[int, str]:
    told = await answer.json()
    return answer.status, told["detail"]


async def test_who_is_vouched_for_gets_an_account_and_goes_where_they_wanted(
    browser: ClientSession, provider: str, admin: TestClient
) -> None:
    await control(provider)
    assert (await (await browser.get("/api/auth/session")).json())["sign_on"] == "Example"

    browser.headers["Sec-Fetch-Site"] = "cross-site"  # as the way back from the provider is
    answer = await signed_on(browser)

    assert answer.url.path == "/api/auth/me"
    assert "known_device" in {cookie.key for cookie in browser.cookie_jar}, "so guessers do not slow it"
    told = await answer.json()
    assert (told["name"], told["role"], told["kind"]) == ("ada", "operator", "user")
    assert "sign_on" not in {cookie.key for cookie in browser.cookie_jar}
    again = await (await signed_on(browser)).json()
    assert again["name"] == "ada"
    users = await (await admin.get("/api/users")).json()
    assert [user["name"] for user in users] == ["ada", "admin"]


async def test_the_role_follows_the_provider_at_every_sign_on(browser: ClientSession, provider: str) -> None:
    for groups, role in (
        (["vm-operators"], "operator"),
        (["vm-admins", "vm-operators"], "admin"),
        ("vm-operators", "operator"),
    ):
        await control(provider, groups=groups)
        assert (await (await signed_on(browser)).json())["role"] == role
    await control(provider, groups=["staff"])
    assert await refusal(await signed_on(browser)) == (
        403,
        "You are known, but have no role here; ask an administrator for one.",
    )


@pytest.mark.parametrize("oidc", [{"default_role": "viewer", "name_claim": "email"}])
async def test_a_role_for_everybody_else_and_another_claim_as_name(
    browser: ClientSession, provider: str
) -> None:
    await control(provider, groups=None, email="ada@example.org")

    told = await (await signed_on(browser)).json()

    assert (told["name"], told["role"], told["terminals"]) == ("ada@example.org", "viewer", False)


async def test_nobody_takes_over_an_account_that_was_here_before(
    browser: ClientSession, provider: str
) -> None:
    await control(provider, preferred_username="admin", groups=["vm-admins"])

    status, detail = await refusal(await signed_on(browser))

    assert status == 409 and "There is an account 'admin' here already" in detail


@pytest.mark.parametrize("oidc", [{"adopt_accounts": True}])
async def test_where_it_is_allowed_the_first_one_does_and_no_other(
    browser: ClientSession, provider: str
) -> None:
    await control(provider, preferred_username="admin", groups=["vm-admins"])
    assert (await (await signed_on(browser)).json())["name"] == "admin"

    await control(provider, sub="8", preferred_username="admin", groups=["vm-admins"])

    assert (await signed_on(browser)).status == 409
    await control(provider, groups=["vm-operators"])
    assert (await (await signed_on(browser)).json())["role"] == "admin", "the last administrator stays one"


async def test_who_is_disabled_is_kept_out(browser: ClientSession, provider: str, admin: TestClient) -> None:
    await control(provider)
    await signed_on(browser)
    await admin.patch("/api/users/ada", json={"disabled": True})

    assert (await signed_on(browser)).status == 403


@pytest.mark.parametrize("name", ["", "a b", None, 7, "x" * 65, "../x"])
async def test_a_name_that_none_can_have_is_refused(
    browser: ClientSession, provider: str, name: object
) -> None:
    await control(provider, sub=f"named {name}", preferred_username=name)

    status, detail = await refusal(await signed_on(browser))

    assert status == 403 and "set oidc.name_claim to another" in detail


@pytest.mark.parametrize(
    "fault",
    ["other issuer", "other audience", "two audiences", "expired", "other nonce", "other key", "unsigned"],
)
async def test_what_does_not_hold_lets_nobody_in(browser: ClientSession, provider: str, fault: str) -> None:
    await control(provider, fault)

    status, detail = await refusal(await signed_on(browser))

    assert status == 401 and detail.startswith(f"What {provider} says of you")
    assert (await browser.get("/api/auth/me")).status == 401


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        ("denied", 401, "The provider did not sign you on: 'access_denied'. Begin again."),
        ("unknown client", 502, "refuses this hub: invalid_client. Check oidc.client_id and client_secret."),
        ("nonsense", 502, "answered 200, and not as OpenID Connect asks. Check it."),
        ("other name", 502, "/other; set oidc.issuer to exactly that."),
    ],
)
async def test_what_goes_wrong_at_the_provider_is_told(
    browser: ClientSession, provider: str, fault: str, status: int, says: str
) -> None:
    await control(provider, fault)

    found, detail = await refusal(await signed_on(browser))

    assert found == status and detail.endswith(says)


async def test_a_browser_is_told_by_the_login_page_and_nothing_is_in_the_address(
    browser: ClientSession, provider: str
) -> None:
    await control(provider, "denied")
    given = await begun(browser, then="/vms?q=web")

    answer = await browser.get(
        "/api/auth/oidc/callback", params=given, headers={"Accept": "text/html,*/*"}, allow_redirects=False
    )

    assert (answer.status, answer.headers["Location"]) == (302, "/login?next=%2Fvms%3Fq%3Dweb")
    cookie = answer.cookies["sign_on_refused"]
    assert (cookie["path"], cookie["max-age"], cookie["samesite"]) == ("/login", "60", "Lax")
    assert json.loads(unquote(cookie.value)) == {
        "status": 401,
        "code": "not-authenticated",
        "detail": "The provider did not sign you on: 'access_denied'. Begin again.",
        "request_id": answer.headers["X-Request-Id"],
    }


async def test_the_providers_new_key_is_fetched_once_a_minute_at_most(provider: str) -> None:
    clock = SimpleNamespace(s=0.0)
    who = {"issuer": provider, "client_id": CLIENT, "client_secret": SecretStr(SECRET)}
    async with ClientSession() as session:
        asked = OidcProvider(session, **who, scopes=("openid",), clock=lambda: clock.s)

        async def vouched() -> str:
            kept = {"redirect_uri": "http://here/callback", "nonce": "n", "verifier": "v"}
            where = await asked.address_to_ask_at(state="s", **kept)
            async with session.get(where, allow_redirects=False) as answer:
                (code,) = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
            return str((await asked.claims(code, **kept))["sub"])

        await control(provider)
        assert await vouched() == "7"
        await control(provider, "new key")
        clock.s += 59
        with pytest.raises(NotAuthenticated):
            await vouched()
        clock.s += 1
        assert await vouched() == "7"


async def begun(browser: ClientSession, then: str = "/") -> dict[str, str]:
    """Go to the provider and come back as far as its redirect; return what it sends along."""
    async with browser.get("/api/auth/oidc", params={"next": then}, allow_redirects=False) as answer:
        where = answer.headers["Location"]
    async with browser.get(where, allow_redirects=False) as answer:
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


async def test_a_sign_on_that_another_browser_began_is_refused(
    browser: ClientSession, provider: str, stranger: TestClient
) -> None:
    await control(provider)
    given = await begun(browser)

    answer = await stranger.get("/api/auth/oidc/callback", params=given)

    assert await refusal(answer) == (401, "This browser began no sign-on, or too long ago. Begin again.")
    assert (await browser.get("/api/auth/oidc/callback", params=given | {"state": "x"})).status == 401


async def test_a_code_counts_once(browser: ClientSession, provider: str) -> None:
    await control(provider)
    given = await begun(browser)
    kept = {cookie.key: cookie.value for cookie in browser.cookie_jar}
    assert (await browser.get("/api/auth/oidc/callback", params=given, allow_redirects=False)).status == 302

    browser.cookie_jar.update_cookies(kept, browser._base_url)
    answer = await browser.get("/api/auth/oidc/callback", params=given, allow_redirects=False)

    assert await refusal(answer) == (401, f"{provider} does not know your sign-on any more. Try again.")


@pytest.mark.parametrize(
    "where", ["//evil.example", "/\\evil.example", "https://evil.example", "x", "/a\tb", "/a\nb"]
)
async def test_nobody_is_sent_elsewhere_afterwards(browser: ClientSession, where: str) -> None:
    answer = await browser.get("/api/auth/oidc", params={"next": where}, allow_redirects=False)

    assert answer.status == 400


@pytest.mark.parametrize("oidc", [{"issuer": "http://127.0.0.1:9"}])
async def test_a_provider_that_is_not_there_hinders_no_password(
    browser: ClientSession, admin: TestClient
) -> None:
    status, detail = await refusal(await signed_on(browser))

    assert status == 502 and "cannot be asked" in detail
    assert (await admin.get("/api/auth/me")).status == 200


async def test_without_a_provider_there_is_no_such_thing(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = await asyncio.to_thread(Settings.load, {"data_dir": tmp_path})
    async with running(settings) as hub:
        client = await aiohttp_client(make_app(hub))
        assert (await client.get("/api/auth/oidc")).status == 404
        assert (await client.get("/api/auth/oidc/callback")).status == 404
        assert (await (await client.get("/api/auth/session")).json())["sign_on"] is None
