"""What Agent A tells its target in a consult: kept in order until it is asked for; a dismissal counts at any time."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from warm_transfer.transfer.wire import ConsultMessage, Dismiss, Message

T = TypeVar("T")
M = TypeVar("M", bound=Message)


class NotNeededError(Exception):
    """Agent A dismissed us, or the consult room went away before the caller came."""


class ConsultInbox:
    """Of one target's job. None among the messages stands for the end of the consult."""

    def __init__(self, may_end: Callable[[], bool]) -> None:
        """`may_end`: whether the consult may end now without telling us anything."""
        self._may_end = may_end
        self._messages: deque[ConsultMessage | None] = deque()
        self._arrived = asyncio.Event()

    def put(self, message: ConsultMessage | None) -> None:
        """Take what has come."""
        self._messages.append(message)
        self._arrived.set()

    async def next_of(self, *kinds: type[M]) -> M:
        """The next message of one of these kinds, dropping others.

        Raises:
            NotNeededError: we are dismissed first, or the consult has ended.
        """
        while True:
            while self._messages:
                _refuse_if_dismissed(self._messages[0])
                message = self._messages.popleft()
                if isinstance(message, kinds):
                    return message
            await self._more()

    async def unless_dismissed(self, work: Coroutine[Any, Any, T]) -> T:
        """Do this, unless Agent A dismisses us first; what else comes meanwhile stays for `next_of`."""
        doing = asyncio.create_task(work)
        dismissal = asyncio.create_task(self.wait_for_dismissal())
        try:
            await asyncio.wait({doing, dismissal}, return_when=asyncio.FIRST_COMPLETED)
            if dismissal.done():
                await dismissal
            return await doing
        finally:
            for task in (doing, dismissal):
                task.cancel()
            await asyncio.gather(doing, dismissal, return_exceptions=True)

    async def wait_for_dismissal(self) -> NoReturn:
        """Raises NotNeededError when it has come."""
        while True:
            for message in tuple(self._messages):
                if message is None and self._may_end():
                    self._messages.remove(None)
                else:
                    _refuse_if_dismissed(message)
            await self._more()

    async def _more(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()


def _refuse_if_dismissed(message: ConsultMessage | None) -> None:
    if message is None or isinstance(message, Dismiss):
        raise NotNeededError("dismissed by Agent A" if message else "the consult room is gone")
