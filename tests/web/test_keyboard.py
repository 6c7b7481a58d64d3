"""A call without a mouse: the caller's page and a person's desk are used with the keyboard alone."""

from pathlib import Path

import pytest
from playwright.async_api import Page, Playwright, expect

from tests.web.people import CallerPage, DeskPage
from tests.web.web_site import WebSite
from warm_transfer.stand.browser.chromium import a_browser

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

MOST_TABS = 40
_FOCUSED = """() => {
  const {activeElement: one} = document;
  return one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent ?? one.textContent;
}"""
_IS_MARKED = """() => {
  const {outlineStyle, outlineWidth, boxShadow} = getComputedStyle(document.activeElement);
  return (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
}"""


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called so has the focus, and shows it."""
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        if (await page.evaluate(_FOCUSED)).strip() == name:
            assert await page.evaluate(_IS_MARKED), f"{name} does not show that it has the focus"
            return
    pytest.fail(f"no Tab comes to {name}")


async def test_caller_and_desk_need_no_mouse(
    site: WebSite, playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    async with (
        a_browser(playwright, chromium, tmp_path / "caller") as callers,
        a_browser(playwright, chromium, tmp_path / "desk") as desks,
    ):
        caller, desk = CallerPage(callers.pages[0]), DeskPage(desks.pages[0])
        await desk.sit_down(site.url, "Robin")
        await caller.page.goto(site.url)
        await tab_to(caller.page, "Your name")
        await caller.page.keyboard.type("Susan")
        await caller.page.keyboard.press("Enter")
        await caller.hears("How can I help")
        await tab_to(caller.page, "Type a message")
        await caller.page.keyboard.type("My name is Susan Clark. I want to speak to a person, please.")
        await caller.page.keyboard.press("Enter")

        await expect(desk.page.get_by_role("button", name="Answer", exact=True)).to_be_visible()
        await tab_to(desk.page, "Answer")
        await desk.page.keyboard.press("Enter")
        await desk.sees("You are in private with Agent A.")
        await tab_to(desk.page, "Connect the caller")
        await desk.page.keyboard.press("Enter")
        await caller.is_told("You are with Agent B")
        await desk.sees("You are with the caller.")

        await tab_to(caller.page, "End")
        await caller.page.keyboard.press("Enter")
        await expect(caller.page.get_by_role("heading", name="The call has ended")).to_be_visible()
