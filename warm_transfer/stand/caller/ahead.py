"""A caller's client that is in the final room ahead: muted, until it is told to move there or the room ends."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from livekit import rtc
from livekit.rtc.participant import PublishTrackError

from warm_transfer.stand.caller.caller_room import CallerRoom
from warm_transfer.transfer.wire import ArmOrder


class Ahead:
    """One such room, from the order on. Left by itself when nobody moves us there."""

    def __init__(
        self,
        order: ArmOrder,
        room: CallerRoom,
        *,
        enter: Callable[[CallerRoom, str], Awaitable[None]],
        leave: Callable[[CallerRoom], Awaitable[None]],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """`enter` joins with a token and publishes muted."""
        self._order = order
        self._room = room
        self._enter = enter
        self._leave = leave
        self._is_taken = False
        self._entered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether we got in."""
        self._waiting = tasks.create_task(self._wait(), name="caller is ahead")

    async def take(self, name: str) -> CallerRoom | None:
        """The room, if it is this one and we are in it; else it is left."""
        if name == self._order.room and await asyncio.shield(self._entered) and not self._room.is_over.is_set():
            self._is_taken = True
            await self._end()
            return self._room
        await self.stop()
        return None

    async def stop(self) -> None:
        """Leave the room, unless it was taken."""
        joining = self._room.joining
        if joining is not None:  # the native client can't take a join back
            await asyncio.wait({joining}, timeout=1.0)
        await self._end()
        if not self._is_taken:
            await self._leave(self._room)

    async def _wait(self) -> None:
        try:
            await self._enter(self._room, self._order.token)
        except (rtc.ConnectError, PublishTrackError, TimeoutError):
            self._entered.set_result(False)
            await self._leave(self._room)
            return
        self._entered.set_result(self._room.name == self._order.room)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._order.wait_s):
                await self._room.is_over.wait()
        await self._leave(self._room)

    async def _end(self) -> None:
        self._waiting.cancel()
        await asyncio.wait({self._waiting})
        if not self._entered.done():
            self._entered.set_result(False)
