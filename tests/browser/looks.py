"""How a page looks, in pictures, and whether everybody can use it, by axe-core."""

import json
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Page

ROOT = Path(__file__).parents[2]
AXE = (ROOT / "hub/web/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
PICTURES = ROOT / "var/screenshots"
"""Made anew by each run, to be looked at by people."""
DESK, PHONE = {"width": 1360, "height": 850}, {"width": 360, "height": 780}
SERIOUS = {"serious", "critical"}


async def check_looks(page: Page, name: str) -> None:
    """Fail on what `faults` finds; leave the page light and at its usual size."""
    found = await faults(page, name)
    await page.set_viewport_size({"width": 1280, "height": 720})
    assert not found, f"{name}: {json.dumps(found, indent=1)}"


async def faults(page: Page, name: str) -> list[dict[str, Any]]:
    """Photograph the page dark, light and on a phone; return what axe-core calls serious, and too wide."""
    await _photograph(page, f"{name}-dark", "dark", DESK)
    found = [{"scheme": "dark", **each} for each in await violations(page, only=["color-contrast"])]
    await _photograph(page, f"{name}-light", "light", DESK)
    found += await violations(page)
    await _photograph(page, f"{name}-phone", "light", PHONE)
    width = await page.evaluate("document.documentElement.scrollWidth")
    if width > PHONE["width"]:
        found.append({"id": "wider than a phone", "at": width})
    return found


async def _photograph(page: Page, name: str, theme: Literal["light", "dark"], size: dict[str, int]) -> None:
    await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    await page.set_viewport_size({"width": size["width"], "height": size["height"]})
    await page.locator(f"html[data-mantine-color-scheme={theme}]").wait_for(state="attached")
    await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


async def violations(page: Page, *, only: list[str] | None = None) -> list[dict[str, Any]]:
    """Return what axe-core finds that is serious; what a test evaluates, no policy of the page stops."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    options = {"runOnly": only} if only else {}
    run = "(options) => axe.run(options).then((result) => JSON.stringify(result.violations))"
    found = json.loads(await page.evaluate(run, options))
    return [
        {"id": each["id"], "at": [node["failureSummary"] + node["html"][:160] for node in each["nodes"][:3]]}
        for each in found
        if each["impact"] in SERIOUS
    ]
