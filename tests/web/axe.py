"""What axe-core finds wrong with a page as it is shown now."""

from pathlib import Path

from playwright.async_api import Page

_AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = "axe.run().then(({violations}) => violations.map(v => `${v.id}: ${v.help}: ${v.nodes[0].html}`))"


async def violations(page: Page) -> list[str]:
    """One line each, empty if it is clean."""
    await page.evaluate(_AXE.read_text())
    found: list[str] = await page.evaluate(_RUN)
    return found


async def overflows(page: Page) -> bool:
    """Whether one would have to scroll sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
