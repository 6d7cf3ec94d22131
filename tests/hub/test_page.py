"""The web page's files and paths, and what a browser is told about them."""

from pathlib import Path

import pytest
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from batwa_hub.api.page import PAGE
from batwa_hub.app import make_app
from batwa_hub.hub import Hub

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
async def browser(hub: Hub, aiohttp_client: AiohttpClient, tmp_path: Path) -> TestClient:
    """A client of a hub with a page built in: a document and a script, plain and compressed."""
    built = tmp_path / "built"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html>")
    (built / "assets" / "index-1f.js").write_text("plain")
    (built / "assets" / "index-1f.js.br").write_text("smaller")
    app = make_app(hub)
    app[PAGE] = built
    return await aiohttp_client(app, auto_decompress=False)


@pytest.mark.parametrize("path", ["/", "/vms", "/vms/web-1?agent=oslo", "/setup", "/no/such/page"])
async def test_a_browser_gets_the_page_at_every_path_of_its_own(browser: TestClient, path: str) -> None:
    answer = await browser.get(path, headers=BROWSER)

    assert (answer.status, await answer.text()) == (200, "<!doctype html>")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"].split("style-src")[0]


@pytest.mark.parametrize("path", ["/api/nothing", "/assets/nothing.js", "/assets/..%2Findex.html"])
async def test_what_is_nobody_s_is_not_found_for_a_browser_too(browser: TestClient, path: str) -> None:
    answer = await browser.get(path, headers=BROWSER)

    assert answer.status == 404
    assert (await answer.json(content_type=None))["code"] == "not-found"


async def test_programs_get_json_as_documented(browser: TestClient) -> None:
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json, text/html"}):
        answer = await browser.get("/", headers=headers)
        assert (await answer.json())["endpoints"] == ["/api/vm", "/api/p2p", "/api/remote"]
    assert (await browser.get("/vms")).status == 404
    assert (await browser.post("/vms", headers=BROWSER)).status == 404


async def test_files_are_sent_compressed_and_for_ever(browser: TestClient) -> None:
    small = await browser.get("/assets/index-1f.js", headers={"Accept-Encoding": "gzip, br"})
    plain = await browser.get("/assets/index-1f.js", headers={"Accept-Encoding": "identity"})

    assert (await small.read(), small.headers["Content-Encoding"]) == (b"smaller", "br")
    assert await plain.read() == b"plain"
    assert "immutable" in small.headers["Cache-Control"]
    assert small.content_type.endswith("javascript")


async def test_a_hub_without_a_page_says_how_to_build_one(
    hub: Hub, aiohttp_client: AiohttpClient, tmp_path: Path
) -> None:
    app = make_app(hub)
    app[PAGE] = tmp_path / "nothing"
    answer = await (await aiohttp_client(app)).get("/", headers=BROWSER)

    assert answer.status == 200
    assert "make web" in await answer.text()
