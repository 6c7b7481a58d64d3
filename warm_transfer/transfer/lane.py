"""One thing after another: commands for one side of a call, in order, each able to push the rest aside."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from warm_transfer.transfer.errors import WarmTransferError

logger = logging.getLogger(__name__)

Work = Coroutine[Any, Any, None]


class _Item(NamedTuple):
    work: Work
    is_cleanup: bool


class Lane:
    """Runs coroutines one at a time in a task that the given group owns.

    An exception ends only the coroutine that raised it and is handed to `on_error`, once. What was superseded is
    cancelled and stays silent; what superseded it is never cut short, for it cleans up. Where that fails it is only
    logged: it is no failure of what comes next.
    """

    def __init__(self, tasks: asyncio.TaskGroup, on_error: Callable[[Exception], None]) -> None:
        self._tasks = tasks
        self._on_error = on_error
        self._waiting: deque[_Item] = deque()
        self._running: asyncio.Task[None] | None = None
        """What may be cancelled, None while a clean-up runs."""
        self._runner: asyncio.Task[None] | None = None

    def add(self, work: Work) -> None:
        """Run this after everything that was added before."""
        self._append(_Item(work, is_cleanup=False))

    def _append(self, item: "_Item") -> None:
        self._waiting.append(item)
        if self._runner is None or self._runner.done():
            self._runner = self._tasks.create_task(self._run())

    def supersede(self, work: Work) -> None:
        """Cancel what runs, drop what waits, then run this to its end."""
        self.cancel()
        self._append(_Item(work, is_cleanup=True))

    def cancel(self) -> None:
        """Cancel what runs and drop what waits, save what supersedes."""
        dropped = [item for item in self._waiting if not item.is_cleanup]
        self._waiting = deque(item for item in self._waiting if item.is_cleanup)
        for item in dropped:
            item.work.close()
        if self._running is not None:
            self._running.cancel()

    async def drain(self) -> None:
        """Wait until nothing runs or waits."""
        if self._runner is not None:
            await self._runner

    async def _run(self) -> None:
        while self._waiting:
            item = self._waiting.popleft()
            on_error = _log_failed_cleanup if item.is_cleanup else self._on_error
            task = self._tasks.create_task(_guard(item.work, on_error))
            self._running = None if item.is_cleanup else task
            await asyncio.wait([task])
            self._running = None


async def _guard(work: Work, on_error: Callable[[Exception], None]) -> None:
    try:
        await work
    except Exception as error:  # the edge between the table and the world: no bug there may strand the caller
        on_error(error)


def _log_failed_cleanup(error: Exception) -> None:
    if isinstance(error, WarmTransferError):
        logger.warning("clean-up failed", extra={"why": error.sentence})
    else:
        logger.error("clean-up failed", exc_info=error)
