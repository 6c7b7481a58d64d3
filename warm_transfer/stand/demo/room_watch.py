"""Who is in which room, by LiveKit's own RoomService."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from warm_transfer.stand.caller.downlink import CallClock
from warm_transfer.stand.demo.consult_listener import LISTENER
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess

_POLL_S = 0.5  # an agent that leaves is seen within that; each look costs one request, plus one per room

People = Mapping[str, frozenset[str]]
"""The rooms that exist, and the identities in each; our hidden listener is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomsSeen:
    """How the rooms of a call looked from `at_s` until the next sight."""

    at_s: float
    """Place in the recordings."""
    people: People = field(default_factory=dict)

    def rooms_of(self, identity: str) -> frozenset[str]:
        """Where that participant is."""
        return frozenset(room for room, identities in self.people.items() if identity in identities)


class RoomWatch:
    """Looks at the rooms of one call.

    On a server of our own that serves no other call these are all its rooms, also one that the call log does not
    know of. Elsewhere they are those in `names`: add each as soon as it is known.
    """

    def __init__(
        self, access: ServerAccess, clock: CallClock, on_change: Callable[[RoomsSeen], None], *, is_alone: bool
    ) -> None:
        self.names: list[str] = []
        self._is_alone = is_alone
        self.seen: list[RoomsSeen] = []
        """One per change, in order of time."""
        self._rooms = Rooms(access)
        self._clock = clock
        self._on_change = on_change

    async def __aenter__(self) -> Self:
        await self._rooms.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._rooms.__aexit__(kind, error, trace)

    async def run(self) -> None:
        """Look again and again until cancelled; a server that does not answer is asked again."""
        while True:
            await self.look()
            await asyncio.sleep(_POLL_S)

    async def look(self) -> People | None:
        """The rooms as they are now, None if the server did not say."""
        try:
            people = await self._people()
        except TargetUnavailableError:
            return None
        if not self.seen or self.seen[-1].people != people:
            self.seen.append(RoomsSeen(at_s=self._clock.now_s(), people=people))
            self._on_change(self.seen[-1])
        return people

    async def _people(self) -> People:
        if self._is_alone:
            rooms = await self._rooms.names()
        else:
            rooms = await self._rooms.names(self.names) if self.names else set()
        return {room: frozenset(await self._rooms.people(room)) - {LISTENER} for room in sorted(rooms)}
