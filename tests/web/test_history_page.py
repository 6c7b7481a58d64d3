"""The history page in Chromium: a list that is narrowed and paged, one call in full, with the keyboard alone."""

import time
from pathlib import Path

import pytest
from playwright.async_api import Page, Playwright, expect

from tests.web.axe import overflows, violations
from tests.web.web_site import WebSite
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog
from warm_transfer.stand.browser.chromium import Size, a_browser

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAY_S = 24 * 3600.0
PAGE_OF_CALLS = 20
MOST_TABS = 30


def past_call(log: CallLog, name: str, *, disposition: str, days_ago: float) -> None:
    """Write a call that had one transfer and is over."""
    call_id, at = f"history-{name.lower()}", time.time() - days_ago * DAY_S
    transfer = {"transfer_id": f"{call_id}-1"}
    for type, payload in (
        (CallEvent.CALL_CREATED, {"caller_room": call_id, "caller_name": name}),
        (CallEvent.CALL_STARTED, {"caller_room": call_id, "caller_identity": f"caller-{name.lower()}"}),
        (CallEvent.TURN_SPOKEN, {"turn_id": "t1", "speaker": "caller", "text": f"This is {name}."}),
        (CallEvent.TRANSFER_OFFERED, transfer | {"skill": "billing", "target": "billing", "reason": "a bill"}),
        (CallEvent.TRANSFER_REQUESTED, transfer | {"target": "billing"}),
        (CallEvent.TRANSFER_ENDED, transfer | {"disposition": disposition, "reason": ""}),
        (CallEvent.CALL_ENDED, {"reason": "the caller hung up"}),
    ):
        log.append(call_id, type, payload, at=at)


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name, or these words, has the focus."""
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        focused = "(document.activeElement.labels?.[0] ?? document.activeElement).textContent"
        if name in (await page.evaluate(focused) or ""):
            return
    pytest.fail(f"no Tab comes to {name}")


def day(days_ago: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(time.time() - days_ago * DAY_S))


@pytest.mark.parametrize(("size", "days_ago"), [("phone", 400), ("desktop", 800)])
async def test_history_is_narrowed_and_paged_and_tells_a_call_in_full(
    site: WebSite, playwright: Playwright, chromium: str, tmp_path: Path, size: Size, days_ago: int
) -> None:
    for number in range(PAGE_OF_CALLS + 5):
        past_call(site.log, f"{size}{number:02}", disposition="completed", days_ago=days_ago + number)
    past_call(site.log, f"Declined{size}", disposition="declined", days_ago=days_ago + 100)
    async with a_browser(playwright, chromium, tmp_path / "profile", size=size) as browser:
        page = browser.pages[0]
        await page.goto(f"{site.url}/history")
        rows = page.get_by_role("row")
        await expect(page.get_by_role("button", name="Earlier calls")).to_be_visible()
        assert await violations(page) == []
        assert not await overflows(page)

        await page.get_by_label("From", exact=True).fill(day(days_ago + 101))
        await page.get_by_label("To", exact=True).fill(day(days_ago - 1))
        await expect(rows).to_have_count(1 + PAGE_OF_CALLS)
        await tab_to(page, "Earlier calls")
        await page.keyboard.press("Enter")
        await expect(rows).to_have_count(1 + PAGE_OF_CALLS + 6)
        await expect(page.get_by_role("button", name="Earlier calls")).to_be_hidden()

        await page.get_by_label("Outcome of the last transfer").select_option("declined")
        await expect(rows).to_have_count(1 + 1)
        await tab_to(page, f"Declined{size}")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text(f"This is Declined{size}.")).to_be_visible()
        assert await violations(page) == []
        assert not await overflows(page)
        await page.go_back()
        await expect(rows).to_have_count(1 + 1)  # still narrowed


async def test_list_without_a_call_says_so(
    site: WebSite, playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    async with a_browser(playwright, chromium, tmp_path / "profile") as browser:
        page = browser.pages[0]
        await page.goto(f"{site.url}/history")
        await page.get_by_label("To", exact=True).fill("2001-01-01")
        await expect(page.get_by_text("No call is in this list.")).to_be_visible()
