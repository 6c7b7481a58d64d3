"""Somebody hidden in a room, who records what one participant says there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np

from warm_transfer.stand.bench.sweep import Track
from warm_transfer.stand.caller.caller_room import CallerRoom
from warm_transfer.stand.caller.downlink import RATE_HZ, CallClock, Downlink
from warm_transfer.stand.demo.consult_listener import listener_token
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess

_EARLY = RATE_HZ * 3


class RoomEars:
    """Records in as many rooms as it is asked to, all on one clock."""

    def __init__(self, access: ServerAccess, clock: CallClock, tasks: asyncio.TaskGroup) -> None:
        self._access = access
        self._downlink = Downlink(clock)
        self._tasks = tasks
        self._stack = AsyncExitStack()

    async def join(self, room: str) -> None:
        """Listen in this room from now on; ConnectError or TimeoutError if it can't be joined."""
        ear = CallerRoom(
            tasks=self._tasks,
            downlink=self._downlink,
            on_utterance=lambda _: None,
            on_first_sound=lambda *_: None,
            on_over=lambda: None,
        )
        self._stack.push_async_callback(ear.leave)
        await ear.connect(self._access.url, listener_token(self._access, room))

    def tracks(self, identity: str) -> list[Track]:
        """Each track of that participant, in whatever room."""
        lanes = [lane.rendered() for lane in self._downlink.lanes if lane.identity == identity]
        return [(begin, audio.astype(np.int16)) for begin, audio in lanes if len(audio)]

    async def leave(self) -> None:
        """All rooms."""
        await self._stack.aclose()


@asynccontextmanager
async def room_ears(access: ServerAccess, clock: CallClock) -> AsyncIterator[RoomEars]:
    """Ears that have left every room at the end."""
    async with asyncio.TaskGroup() as tasks:
        ears = RoomEars(access, clock, tasks)
        try:
            yield ears
        finally:
            await ears.leave()


def with_hole(tracks: Sequence[Track], length: int) -> list[Track]:
    """The tracks with a silence planted early in the first one, when nobody hears the caller elsewhere."""
    begin = min(first for first, _ in tracks) + _EARLY
    holed = []
    for first, sound in tracks:
        cut = sound.copy()
        cut[max(begin - first, 0) : max(begin + length - first, 0)] = 0
        holed.append((first, cut))
    return holed
