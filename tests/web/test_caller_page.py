"""The caller's page in Chromium, with a microphone, against the real thing."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Playwright, expect

from tests.web.axe import overflows, violations
from tests.web.people import CallerPage
from tests.web.web_site import WebSite
from warm_transfer.calls.folding import read_call
from warm_transfer.stand.browser.chromium import a_browser
from warm_transfer.stand.caller.downlink import RATE_HZ, write_wav
from warm_transfer.stand.caller.microphone import resampled
from warm_transfer.stand.caller.speech_process import SPEECH_RATE_HZ, SpeechProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE_S = 10.0
"""For the hang-up to be in the call log: the page says goodbye first, its agents end the call then."""
SILENCE_S = 9
"""Agent A has greeted by then: the page captures as soon as it is called."""


def spoken(file: Path, words: str) -> Path:
    """A microphone's WAV: silence while Agent A greets, the words, and silence for the rest of the call."""
    with SpeechProcess() as speech:
        said = resampled(speech.speak(words, "caller"), SPEECH_RATE_HZ)
    quiet = np.zeros(SILENCE_S * RATE_HZ, np.int16)
    write_wav(file, np.concatenate([quiet, said, np.zeros(120 * RATE_HZ, np.int16)]))
    return file


async def test_caller_speaks_with_agent_a_and_is_moved_to_agent_b(
    site: WebSite, playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    microphone = await asyncio.to_thread(spoken, tmp_path / "mic.wav", "I was charged twice on my last bill.")
    async with a_browser(playwright, chromium, tmp_path / "profile", microphone=microphone, size="phone") as browser:
        caller = CallerPage(browser.pages[0])
        await caller.call(site.url, "Susan")
        await caller.hears("charged twice")  # spoken into the microphone, recognized by Agent A's ears
        await caller.type("My name is Susan Clark, my account number is 445566.")
        await caller.hears("Ben")
        await caller.type("Yes, please.")
        await caller.is_told("You are with Agent B")
        await caller.hears("this is Ben")
        await caller.hears("charged twice")  # what was said in the room before is still there
        assert await violations(caller.page) == []
        assert not await overflows(caller.page)
        call_id = site.log.call_ids(limit=1)[0]
        await caller.hang_up()
    call = read_call(site.log, call_id)
    assert [(one.move, one.disposition) for one in call.transfers] == [("client_move", "completed")]
    heard = [turn.text.lower() for turn in call.transcript if turn.speaker == "caller"]
    assert any("twice" in text for text in heard)  # nothing that was typed has the word


async def test_a_page_that_is_loaded_again_is_back_in_its_call(
    site: WebSite, playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    async with a_browser(playwright, chromium, tmp_path / "profile") as browser:
        caller = CallerPage(browser.pages[0])
        await caller.call(site.url, "Susan")
        await caller.type("My name is Susan Clark.")
        await caller.hears("My name is Susan Clark.")
        call_id = site.log.call_ids(limit=1)[0]
        await caller.page.reload()
        await caller.hears("My name is Susan Clark.")
        await caller.is_told("You are with Agent A")
        await caller.hang_up()
    async with asyncio.timeout(DEADLINE_S):
        while read_call(site.log, call_id).ended_at is None:  # noqa: ASYNC110 - another process' file, polled
            await asyncio.sleep(0.1)
    assert site.log.call_ids(limit=1)[0] == call_id


@pytest.mark.long
async def test_of_two_windows_of_a_call_one_has_it(
    site: WebSite, playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    async with a_browser(playwright, chromium, tmp_path / "profile") as browser:
        first = CallerPage(browser.pages[0])
        await first.call(site.url, "Susan")
        async with browser.expect_page() as opened:
            await first.page.evaluate("window.open(location.href)")  # as "duplicate tab": it knows the call, too
        second = CallerPage(await opened.value)
        await second.is_told("You are with Agent A")
        await first.is_told("This call is open in another window")
        assert await violations(first.page) == []
        await first.page.get_by_role("button", name="Take it here").click()
        await first.is_told("You are with Agent A")
        await second.is_told("This call is open in another window")
        await first.hang_up()
        await expect(second.page.get_by_role("heading", name="The call has ended")).to_be_visible()
