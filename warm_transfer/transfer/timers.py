"""The deadlines of a transfer that run."""

import asyncio
from collections.abc import Callable, Mapping, Set

from warm_transfer.transfer.ports import Sleep
from warm_transfer.transfer.terms import Deadline


class Timers:
    """One timer for each deadline, in tasks that the given groups own."""

    def __init__(
        self,
        deadlines: Mapping[Deadline, float],
        *,
        sleep: Sleep,
        expire: Callable[[Deadline, Callable[[], bool]], None],
    ) -> None:
        """`expire` is told of a deadline that has passed, and how to see that it was taken back meanwhile."""
        self._deadlines = deadlines
        """Seconds for each deadline."""
        self._sleep = sleep
        self._tell = expire
        self._running: dict[Deadline, asyncio.Task[None]] = {}
        self._extra_s: dict[Deadline, float] = {}
        """What the deadlines that run were given on top."""

    def __contains__(self, deadline: Deadline) -> bool:
        return deadline in self._running

    def start(self, deadline: Deadline, tasks: asyncio.TaskGroup) -> None:
        """Let a deadline run, anew if it does."""
        self._cancel(deadline)
        self._extra_s[deadline] = 0.0
        self._running[deadline] = tasks.create_task(self._expire(deadline))

    def extend(self, deadline: Deadline, *, by_s: float) -> None:
        """Give a deadline that runs so much more."""
        self._extra_s[deadline] += by_s

    def cancel(self, *, but: Set[Deadline]) -> None:
        """Take back all deadlines but these."""
        for deadline in self._running.keys() - but:
            self._cancel(deadline)

    def _cancel(self, deadline: Deadline) -> None:
        if timer := self._running.pop(deadline, None):
            timer.cancel()

    async def _expire(self, deadline: Deadline) -> None:
        await self._sleep(self._deadlines[deadline])
        while extra_s := self._extra_s[deadline]:
            self._extra_s[deadline] = 0.0
            await self._sleep(extra_s)
        timer = asyncio.current_task()
        self._tell(deadline, lambda: self._running.get(deadline) is timer)
