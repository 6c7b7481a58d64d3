"""One stand and one browser for all web tests; a skip that says what is missing where there is no Chromium."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Playwright, async_playwright

from tests.web.web_site import WebSite, web_site
from warm_transfer.stand.browser.chromium import WEB, find_chromium


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> str:
    """Where Chromium is."""
    if not (WEB / "dist" / "index.html").is_file():
        pytest.skip("the web pages are not built: needs Node")
    found = await find_chromium()
    if found is None:
        pytest.skip("no Chromium here, and no Node to unpack one")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright(chromium: str) -> AsyncIterator[Playwright]:
    """The driver."""
    async with async_playwright() as driver:
        yield driver


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WebSite]:
    """Server, worker and control API."""
    folder: Path = tmp_path_factory.mktemp("web")
    async with web_site(folder) as running:
        yield running
