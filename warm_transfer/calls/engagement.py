"""One call's hold on one desk: nobody else rings there meanwhile."""

import asyncio
import logging

from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.calls.presence import Presence, PresenceBoard

logger = logging.getLogger(__name__)

ENGAGED_S = 30.0
"""A desk is free so long after the job that had it died."""
REPEAT_S = 10.0


class Engagement:
    """Begun once, said again until it is released or its task ends with the job."""

    def __init__(self, board: PresenceBoard, *, roster_id: str, call_id: str) -> None:
        self._board = board
        self._roster_id = roster_id
        self._call_id = call_id
        self._repeating: asyncio.Task[None] | None = None

    async def begin(self) -> Presence:
        """Have the desk, if it is available: what it is otherwise.

        Raises:
            LogUnavailableError: nobody can tell.
        """
        presence = await self._engage()
        if presence == "available":
            self._repeating = asyncio.create_task(self._repeat(), name=f"engages {self._roster_id}")
        return presence

    async def leave(self) -> None:
        """Say it no more: whoever has the desk for the call from now on does."""
        repeating, self._repeating = self._repeating, None
        if repeating is not None:
            repeating.cancel()
            await asyncio.gather(repeating, return_exceptions=True)

    async def release(self) -> None:
        """Let the desk go now."""
        await self.leave()
        try:
            await asyncio.to_thread(self._board.release, self._roster_id, self._call_id)
        except LogUnavailableError:
            logger.warning("desk stays busy for a while", extra={"desk": self._roster_id})

    async def _engage(self) -> Presence:
        return await asyncio.to_thread(self._board.engage, self._roster_id, self._call_id, ENGAGED_S)

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(REPEAT_S)
            try:
                await self._engage()
            except LogUnavailableError:
                logger.warning("desk not held", extra={"desk": self._roster_id})
