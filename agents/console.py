"""The console has no server and so no rooms: a transfer there ends as unavailable, and Agent A goes on."""

from collections.abc import Callable

from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.ports import OpenedRooms, Post
from warm_transfer.transfer.terms import Disposition, Move, Offer


class NoTargets:
    """Implements the TargetLine port where nobody can be reached."""

    async def arm(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """Nobody is there to make ready."""

    async def open(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """Always refuse."""
        raise TargetUnavailableError("the console has no rooms")

    async def brief(self, briefing: Briefing) -> None:
        """Never reached."""

    async def answer(self, text: str) -> None:
        """Never reached."""

    async def move_caller(self, move: Move) -> None:
        """Never reached."""

    async def dismiss(self, disposition: Disposition) -> None:
        """Nobody is there to tell."""

    async def close(self) -> None:
        """Nothing was opened."""
