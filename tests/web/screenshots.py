"""Takes every page and state into a folder, in a real call: `python -m tests.web.screenshots FOLDER`."""

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Page, Playwright, async_playwright, expect

from tests.web.axe import overflows, violations
from tests.web.people import CallerPage, DeskPage
from tests.web.web_site import WebSite, web_site
from warm_transfer.stand.browser.chromium import SIZES, a_browser, find_chromium


class Camera:
    """Takes a page in both sizes and both colour schemes, and notes what is wrong with it."""

    def __init__(self, folder: Path) -> None:
        self.faults: list[str] = []
        self._folder = folder

    async def take(self, page: Page, name: str) -> None:
        """FOLDER/name-size-scheme.png, four of them; the page's own size and scheme are put back."""
        before = page.viewport_size
        for size, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
                await page.screenshot(path=self._folder / f"{name}-{size}-{scheme}.png")
                self.faults += [f"{name} {size} {scheme}: {one}" for one in await violations(page)]
            if await overflows(page):
                self.faults.append(f"{name} {size}: wider than the screen")
        await page.emulate_media(color_scheme=None)
        if before is not None:
            await page.set_viewport_size(before)


async def take_all(folder: Path) -> list[str]:
    """Every page and state into a folder that exists; what is wrong with them, one line each."""
    executable = await find_chromium()
    if executable is None:
        raise SystemExit("No Chromium: install one, or Node, then run make setup.")
    camera = Camera(folder)
    with tempfile.TemporaryDirectory(prefix="screenshots-", ignore_cleanup_errors=True) as scratch:
        async with web_site(Path(scratch)) as site, async_playwright() as playwright:
            await _take(site, playwright, executable, Path(scratch), camera)
    return camera.faults


async def _take(site: WebSite, playwright: Playwright, executable: str, scratch: Path, camera: Camera) -> None:
    async with AsyncExitStack() as stack:
        pages = [
            (await stack.enter_async_context(a_browser(playwright, executable, scratch / name))).pages[0]
            for name in ("caller", "desk", "staff")
        ]
        caller, desk, staff = CallerPage(pages[0]), DeskPage(pages[1]), pages[2]
        await pages[0].goto(site.url)
        await expect(pages[0].get_by_role("button", name="Call")).to_be_visible()
        await camera.take(pages[0], "caller-welcome")
        await desk.page.goto(f"{site.url}/agent-b")
        await expect(desk.page.get_by_text("Who are you?")).to_be_visible()
        await camera.take(desk.page, "agent-b-choice")
        await desk.sit_down(site.url, "Robin")
        await camera.take(desk.page, "agent-b-free")
        await staff.goto(f"{site.url}/agent-a")
        await expect(staff.get_by_text("Nobody is calling.")).to_be_visible()
        await camera.take(staff, "agent-a-empty")
        await _transfer(site, caller, desk, staff, camera)
        await caller.hang_up()
        await camera.take(caller.page, "caller-goodbye")
        await staff.goto(f"{site.url}/history")
        await expect(staff.get_by_role("link", name="Susan")).to_be_visible()
        await camera.take(staff, "history")
        await staff.get_by_role("link", name="Susan").click()
        await expect(staff.get_by_role("heading", name="Transcript")).to_be_visible()
        await camera.take(staff, "history-call")


async def _transfer(site: WebSite, caller: CallerPage, desk: DeskPage, staff: Page, camera: Camera) -> None:
    await caller.call(site.url, "Susan")
    await camera.take(caller.page, "caller-talking")
    await caller.type("My name is Susan Clark. I want to speak to a person, please.")
    await expect(desk.page.get_by_role("button", name="Answer", exact=True)).to_be_visible()
    await camera.take(desk.page, "agent-b-ringing")
    await desk.page.get_by_text("Answer with another client").click()
    await desk.press("Get a token")
    await expect(desk.page.get_by_label("Token")).to_be_visible()
    await camera.take(desk.page, "agent-b-other-client")
    await desk.press("30 seconds")
    await caller.is_told("On hold")
    await camera.take(caller.page, "caller-on-hold")
    await desk.press("Answer")
    await desk.sees("You are in private with Agent A.")
    await camera.take(desk.page, "agent-b-consult")
    await camera.take(caller.page, "caller-briefing")
    await camera.take(staff, "agent-a-consult")
    await desk.press("Connect the caller")
    await caller.is_told("You are with Agent B")
    await desk.sees("You are with the caller.")
    await camera.take(desk.page, "agent-b-with-caller")
    await camera.take(caller.page, "caller-with-agent-b")
    await camera.take(staff, "agent-a-with-agent-b")


def main() -> int:
    """1 if axe found something, or a page is wider than its screen."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    faults = asyncio.run(take_all(folder))
    sys.stdout.write("\n".join([*faults, f"Screenshots are in {folder}.", ""]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
