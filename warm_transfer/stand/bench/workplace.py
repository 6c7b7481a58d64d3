"""Where one run of the bench works: its folder, its thoroughness, and who is told of its progress."""

import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from warm_transfer.stand.bench.site import BenchSite, Providers
from warm_transfer.stand.server import CONFIG

FULL_RUNS = 30
SIDE_RUNS = 5


class Workplace:
    """One run; at most one server with its workers is up, and stays so until another is asked for."""

    def __init__(self, folder: Path, *, is_quick: bool, progress: TextIO, runs: int = FULL_RUNS) -> None:
        """`is_quick`: each thing once or twice, to see whether it runs at all."""
        self.folder = folder
        self.is_quick = is_quick
        self._progress = progress
        self._runs = runs
        self._began_s = time.monotonic()
        self._stack = AsyncExitStack()
        self._site: BenchSite | None = None

    @property
    def runs(self) -> int:
        """Of what the last line reports."""
        return 1 if self.is_quick else self._runs

    @property
    def side_runs(self) -> int:
        """Of the rest."""
        return 1 if self.is_quick else min(self._runs, SIDE_RUNS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def say(self, what: str) -> None:
        """One line of progress, with the time since the begin and the machine's load."""
        minutes, seconds = divmod(int(time.monotonic() - self._began_s), 60)
        self._progress.write(f"{minutes:2d}:{seconds:02d}  load {os.getloadavg()[0]:5.2f}  {what}\n")
        self._progress.flush()

    async def site(self, providers: Providers, *, config: Path = CONFIG) -> BenchSite:
        """The server and its workers with these providers: those that are up, if they are such."""
        if self._site is None or self._site.providers != providers:
            await self.close_site()
            self.say(f"starting server and workers, {providers} providers")
            site = BenchSite(self.folder / providers, providers, config=config)
            self._site = await self._stack.enter_async_context(site)
        await self._site.calm()
        return self._site

    async def close_site(self) -> None:
        """Have nothing running, for what needs nothing."""
        self._site = None
        await self._stack.aclose()
