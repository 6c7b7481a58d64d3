"""A Chromium with a microphone from a WAV file, from the system or from the npm package that carries one."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import BrowserContext, Playwright

from warm_transfer.stand.worker_process import ROOT

WEB = ROOT / "web"
SIZES = {"phone": (390, 844), "desktop": (1440, 900)}
Size = Literal["phone", "desktop"]
Scheme = Literal["light", "dark"]

_SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_UNPACK_TIMEOUT_S = 60.0  # 3 s on an idle machine


async def find_chromium() -> str | None:
    """Where the browser is, None if this machine has none and no Node that could unpack one."""
    if found := next(filter(None, map(shutil.which, _SYSTEM)), None):
        return found
    if not (WEB / "node_modules").is_dir():
        return None
    unpacking = await asyncio.create_subprocess_exec(
        "node", "chromium.mjs", cwd=WEB, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await asyncio.wait_for(unpacking.communicate(), _UNPACK_TIMEOUT_S)
    return output.decode().strip() or None


@asynccontextmanager
async def a_browser(
    playwright: Playwright,
    executable: str,
    profile: Path,
    *,
    microphone: Path | None = None,
    size: Size = "desktop",
    scheme: Scheme = "light",
) -> AsyncIterator[BrowserContext]:
    """One person's browser; `microphone`: absolute path of a WAV, 48 kHz mono, begun anew by each capture, looped."""
    flags = [
        "--no-sandbox",  # Chromium refuses to run as root with it
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
    ]
    if microphone is not None:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}")
    width, height = SIZES[size]
    context = await playwright.chromium.launch_persistent_context(
        str(profile),
        executable_path=executable,
        args=flags,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-US",  # the carried Chromium's own, "en-US@posix", is none that Intl knows
    )
    try:
        yield context
    finally:
        await context.close()
