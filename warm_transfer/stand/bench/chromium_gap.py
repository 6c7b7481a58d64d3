"""Moves of the caller's page in Chromium."""

import asyncio
import importlib.util
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from warm_transfer.stand.bench.bench_call import UnmeasuredError
from warm_transfer.stand.bench.dialogue import ASKS_FOR_IT
from warm_transfer.stand.bench.gaps import AFTER_S, WAIT_S, Gaps, gaps_in, until_logged
from warm_transfer.stand.bench.room_ear import room_ears
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.stand.bench.sweep import PERIOD_S, sweep
from warm_transfer.stand.caller.downlink import CallClock, Samples, write_wav
from warm_transfer.stand.control_process import ControlProcess
from warm_transfer.stand.server import free_port
from warm_transfer.stand.worker_process import ROOT

if TYPE_CHECKING:
    from playwright.async_api import Page

_MUSIC_AFTER_S = 2.5
"""After the hold phrase begins music plays, and loud; the consult takes 6 s."""
_LOUD = 1000


class ChromiumMoves:
    """One browser and one call each; `why_not`: what is missing here."""

    name = "Chromium"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = 0
        self.why_not = ""
        if importlib.util.find_spec("playwright") is None:
            self.why_not = "playwright is not installed: it is in the dev group"
        elif not (ROOT / "web" / "dist" / "index.html").is_file():
            self.why_not = "the web pages are not built: needs Node, then make web"

    async def move(self, site: BenchSite, url: str) -> Gaps:
        """Have one caller held and moved, who hears and says something all the time."""
        self._runs += 1
        profile = self._folder / f"browser_{self._runs}"
        try:
            async with _control(site, self._folder, url) as address, _page(profile) as page:
                return await _moved(site, page, address)
        finally:
            shutil.rmtree(profile, ignore_errors=True)


async def _moved(site: BenchSite, page: "Page", address: str) -> Gaps:
    from warm_transfer.stand.browser.sound import RATE_HZ, Sound

    sound, before = Sound(page), set(await asyncio.to_thread(site.log.call_ids))
    await page.goto(address)
    await page.get_by_label("Your name").fill("Susan")
    await page.get_by_role("button", name="Call").click()
    call_id = await _new_call(site, before)
    started = await until_logged(site, call_id, "call_started")
    async with room_ears(site.access, CallClock()) as ears:
        await ears.join(str(started["caller_room"]))
        await until_logged(site, call_id, "turn_spoken")  # the greeting
        await sound.say(sweep(PERIOD_S, RATE_HZ))
        await page.get_by_label("Type a message").fill(ASKS_FOR_IT)
        await page.keyboard.press("Enter")
        opened = await until_logged(site, call_id, "consult_opened")
        await ears.join(str(opened["final_room"]))
        await until_logged(site, call_id, "caller_held")
        await asyncio.sleep(_MUSIC_AFTER_S)
        begin = await sound.now()
        await until_logged(site, call_id, "caller_moved")
        await asyncio.sleep(AFTER_S)
        heard = (await sound.heard())[begin:]
        said = ears.tracks(str(started["caller_identity"]))
        await page.get_by_role("button", name="End", exact=True).click()
        music = _until_last_sound(heard)
        await asyncio.to_thread(write_wav, site.folder / f"chromium_{call_id[:8]}.wav", music, RATE_HZ)
        return await asyncio.to_thread(gaps_in, music, RATE_HZ, said)


def _until_last_sound(heard: Samples) -> Samples:
    """Music, and Agent B's one short sentence."""
    loud = np.flatnonzero(np.abs(heard.astype(np.int32)) > _LOUD)
    if not len(loud):
        raise UnmeasuredError("the page played nothing")
    return heard[: int(loud[-1])]


async def _new_call(site: BenchSite, before: set[str]) -> str:
    async with asyncio.timeout(WAIT_S):
        while True:
            if new := set(await asyncio.to_thread(site.log.call_ids)) - before:
                return new.pop()
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _page(profile: Path) -> AsyncIterator["Page"]:
    from playwright.async_api import async_playwright

    from warm_transfer.stand.browser.chromium import a_browser, find_chromium
    from warm_transfer.stand.browser.sound import wire

    chromium = await find_chromium()
    if chromium is None:
        raise UnmeasuredError("there is no Chromium here, and no Node to unpack one")
    async with async_playwright() as driver, a_browser(driver, chromium, profile) as browser:
        await wire(browser)
        yield await browser.new_page()


@asynccontextmanager
async def _control(site: BenchSite, folder: Path, url: str) -> AsyncIterator[str]:
    """The control API, which tells the page to go by that URL."""
    environment = {name: value for name, value in site.environment.items() if not name.endswith("_PROVIDER")} | {
        "LIVEKIT_PUBLIC_URL": url,
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
    }
    async with ControlProcess(log_file=folder / "control.log", environment=environment) as control:
        yield control.url
