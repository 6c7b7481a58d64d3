"""Who is at a desk: what each says is kept on the presence board for as long as its WebSocket is open."""

import asyncio
import contextlib
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.calls.presence import Presence, PresenceBoard

TTL_S = 30.0
"""A control process that dies leaves its desks available for so long: a ring there is missed."""
REPEAT_S = 10.0
GONE_S = 3.0
"""A page that is loaded again is back by then."""
POLL_S = 1.0


class Presences:
    """The board as this process last read it, and the desks that are connected here."""

    def __init__(self, board: PresenceBoard) -> None:
        self.board = board
        self.lines: dict[str, set[DeskLine]] = {}
        self._known: Mapping[str, Presence] = {}
        self._changed = asyncio.Event()
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def known(self) -> Mapping[str, Presence]:
        """By roster id; at most POLL_S old."""
        return self._known

    async def run(self) -> None:
        """Read the board until cancelled: workers and other control processes write it, too."""
        while True:
            with contextlib.suppress(LogUnavailableError):
                self.note(await asyncio.to_thread(self.board.read))
            await asyncio.sleep(POLL_S)

    def note(self, read: Mapping[str, Presence]) -> None:
        """Wake whoever waits for a change, if there is one."""
        if dict(read) != dict(self._known):
            self._known = dict(read)
            self._changed.set()
            self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Return at the next change."""
        await self._changed.wait()

    def miss(self, roster_id: str) -> None:
        """The last connection of a desk is gone: it is away, unless it comes back at once."""
        task = asyncio.create_task(self._miss(roster_id), name="desk gone")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _miss(self, roster_id: str) -> None:
        await asyncio.sleep(GONE_S)
        if not self.lines.get(roster_id):
            with contextlib.suppress(LogUnavailableError):
                await self.put(roster_id, "away")

    async def put(self, roster_id: str, presence: Presence) -> None:
        """Keep what a desk says, here and on every connection of that desk."""
        for line in self.lines.get(roster_id, ()):
            line.said = presence
        await asyncio.to_thread(self.board.put, roster_id, presence, TTL_S)
        self.note(await asyncio.to_thread(self.board.read))


class DeskLine:
    """One desk's connection while the context is open; for a client that is no desk it does nothing."""

    def __init__(self, presences: Presences, roster_id: str | None, said: Presence | None) -> None:
        self._presences = presences
        self._roster_id = roster_id
        self.said = said
        """None until the desk has said anything."""

    async def __aenter__(self) -> Self:
        if self._roster_id is not None:
            self._presences.lines.setdefault(self._roster_id, set()).add(self)
            if self.said is not None:
                await self._presences.put(self._roster_id, self.said)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._roster_id is None:
            return
        lines = self._presences.lines[self._roster_id]
        lines.discard(self)
        if not lines and self.said is not None:
            self._presences.miss(self._roster_id)

    async def say(self, presence: Presence) -> None:
        """Keep what the desk says from now on."""
        if self._roster_id is not None:
            self.said = presence
            await self._presences.put(self._roster_id, presence)

    async def repeat(self) -> None:
        """Say it again until cancelled, for nothing lasts on the board."""
        while True:
            await asyncio.sleep(REPEAT_S)
            if self._roster_id is not None and self.said is not None:
                with contextlib.suppress(LogUnavailableError):
                    await asyncio.to_thread(self._presences.board.put, self._roster_id, self.said, TTL_S)
