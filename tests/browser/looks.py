"""How a page looks, in pictures, and whether everybody can use it, by axe-core."""

import json
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Page

ROOT = Path(__file__).parents[2]
AXE = (ROOT / "hub/web/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
PICTURES = ROOT / "var/screenshots"
"""Made anew by each run, to be looked at by people."""
DESK, PHONE = {"width": 1360, "height": 850}, {"width": 390, "height": 844}
SERIOUS = {"serious", "critical"}


async def check_looks(page: Page, name: str) -> None:
    """Photograph the page light, dark and on a phone; fail on what axe-core calls serious."""
    await _photograph(page, f"{name}-dark", "dark", DESK)
    await _photograph(page, f"{name}-light", "light", DESK)
    found = await violations(page)
    assert not found, f"{name}: {found}"
    await _photograph(page, f"{name}-phone", "light", PHONE)
    assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth"), (
        f"{name} is wider than a phone"
    )
    await page.set_viewport_size({"width": 1280, "height": 720})


async def _photograph(page: Page, name: str, theme: Literal["light", "dark"], size: dict[str, int]) -> None:
    await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    await page.set_viewport_size({"width": size["width"], "height": size["height"]})
    await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


async def violations(page: Page) -> list[dict[str, Any]]:
    """Return what axe-core finds that is serious; what a test evaluates, no policy of the page stops."""
    await page.evaluate(AXE)
    found = json.loads(await page.evaluate("axe.run().then((result) => JSON.stringify(result.violations))"))
    return [
        {"id": each["id"], "at": [node["failureSummary"] + node["html"][:160] for node in each["nodes"][:3]]}
        for each in found
        if each["impact"] in SERIOUS
    ]
