"""Tasks of one consult that nobody waits for: their failure ends the attempt, and the consult's end them."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from warm_transfer.transfer import events
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.ports import Post

logger = logging.getLogger(__name__)


class Errands:
    """Starts them and ends them; what fails is posted."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do this beside everything else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    async def stop(self) -> None:
        """End what is not done yet, but for who calls this."""
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, TargetUnavailableError):
            self._post(events.TargetUnavailable(error.sentence))
        else:
            logger.error("consult with a person failed", exc_info=error)
            self._post(events.CommandFailed(type(error).__name__))
