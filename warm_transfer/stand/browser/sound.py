"""What a page hears and says, as sound: its microphone is a tone, and what it plays is recorded in the page."""

import base64
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.async_api import BrowserContext, Page

from warm_transfer.stand.caller.downlink import Samples

RATE_HZ = 16_000
_SCRIPT = Path(__file__).with_suffix(".js")


async def wire(browser: BrowserContext) -> None:
    """Wire every page that is opened or loaded from now on; the browser's own microphone is no longer used."""
    await browser.add_init_script(path=_SCRIPT)


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound of one wired page."""

    page: Page

    async def hum(self, hz: float) -> None:
        """Say this tone from now on; 0 for silence. Above 5 kHz it is no voice to anybody, and no music."""
        await self.page.evaluate("(hz) => wtSound.hum(hz)", hz)

    async def say(self, samples: Samples) -> None:
        """Say this from now on, again and again without a pause: `int16[n_samples]` at `RATE_HZ`."""
        await self.page.evaluate("(text) => wtSound.say(text)", base64.b64encode(samples.tobytes()).decode())

    async def heard(self) -> Samples:
        """All that the page has played since it was loaded, `int16[n_samples]` at `RATE_HZ`."""
        return np.frombuffer(base64.b64decode(await self.page.evaluate("() => wtSound.heard()")), np.int16)

    async def now(self) -> int:
        """The place in the recording."""
        return len(await self.heard())
