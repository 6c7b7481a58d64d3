"""Where a call's events wait for their turn, and who waits for the table's word."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from warm_transfer.transfer.errors import CallOverError
from warm_transfer.transfer.events import Event
from warm_transfer.transfer.states import Situation


class Waiting(NamedTuple):
    """An event in the inbox."""

    event: Event
    answer: asyncio.Future[Situation] | None = None
    """Gets the table's word."""
    is_current: Callable[[], bool] = lambda: True
    """False once it is of an earlier attempt, or of a deadline that was taken back."""
    command_id: str | None = None
    """Of the command that made it happen, None for all that happens by itself."""


class Inbox:
    """First come, first served."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._is_over = False
        """Nothing is taken any more."""
        self._open_answers: set[asyncio.Future[Situation]] = set()
        """Of those who wait for the table's word."""

    def put(self, event: Event, *, is_current: Callable[[], bool] = lambda: True) -> None:
        """Let an event wait for its turn."""
        self._queue.put_nowait(Waiting(event, is_current=is_current))

    async def submit(self, event: Event, *, command_id: str | None) -> Situation:
        """Let an event wait for its turn, and wait for the table's word.

        Raises:
            IllegalEventError: as the table has it.
            CallOverError: the inbox was closed before the event's turn came.
        """
        if self._is_over:
            raise _call_is_over()
        answer: asyncio.Future[Situation] = asyncio.get_running_loop().create_future()
        self._open_answers.add(answer)
        answer.add_done_callback(self._open_answers.discard)
        self._queue.put_nowait(Waiting(event, answer, command_id=command_id))
        return await answer

    async def get(self) -> Waiting:
        """The next event."""
        return await self._queue.get()

    def close(self) -> None:
        """Take nothing any more, and tell so whoever waits for the table's word: nobody would answer."""
        self._is_over = True
        for answer in tuple(self._open_answers):
            if not answer.done():
                answer.set_exception(_call_is_over())


def _call_is_over() -> CallOverError:
    return CallOverError("the call is over for this agent")
