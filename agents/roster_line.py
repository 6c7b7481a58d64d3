"""The way to whoever is called: to a model or to a person, by the roster."""

from collections.abc import Callable

from agents.roster import Roster
from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.ports import OpenedRooms, Post, TargetLine
from warm_transfer.transfer.terms import Disposition, Move, Offer


class RosterLine:
    """Implements the TargetLine port by that of the target that was called last."""

    def __init__(self, roster: Roster, *, models: TargetLine, people: TargetLine) -> None:
        self._roster = roster
        self._models = models
        self._people = people
        self._called: TargetLine | None = None

    async def arm(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """Make a model ready; a person would be rung by it."""
        target = self._roster.get(offer.target)
        if target is not None and target.kind == "ai":
            self._called = self._models
            await self._called.arm(offer, move, post, note_rooms)

    async def open(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """Call the target in its way."""
        target = self._roster.get(offer.target)
        self._called = self._people if target is not None and target.kind == "human" else self._models
        await self._called.open(offer, move, post, note_rooms)

    async def brief(self, briefing: Briefing) -> None:
        """Give the briefing."""
        await self._current().brief(briefing)

    async def answer(self, text: str) -> None:
        """Answer the target's question."""
        await self._current().answer(text)

    async def move_caller(self, move: Move) -> None:
        """Start the move."""
        await self._current().move_caller(move)

    async def dismiss(self, disposition: Disposition) -> None:
        """Let the target go, if any was called."""
        if self._called is not None:
            await self._called.dismiss(disposition)

    async def close(self) -> None:
        """Leave the consult."""
        if self._called is not None:
            await self._called.close()

    def _current(self) -> TargetLine:
        if self._called is None:
            raise TargetUnavailableError("nobody was called")
        return self._called
