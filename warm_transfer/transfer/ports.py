"""What the coordinator needs of the world. agents/ and the LiveKit adapter implement it; tests use fakes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from warm_transfer.calls.events import CallEvent
from warm_transfer.transfer.briefing import Briefing, Turn
from warm_transfer.transfer.events import Event
from warm_transfer.transfer.terms import Disposition, Move, Offer

Post = Callable[[Event], None]
"""Puts an event into the coordinator's inbox; never blocks, never raises."""

Sleep = Callable[[float], Awaitable[None]]
"""asyncio.sleep, or a virtual clock's."""


class CallerLine(Protocol):
    """Agent A's side of the caller: what the caller hears."""

    async def hold(self) -> None:
        """Say the hold phrase and play music until taken back or parted; returns once the music plays alone."""

    async def tell_waiting(self) -> None:
        """Say over the lowered music that the transfer is under way; nothing, if somebody else speaks in the hold."""

    async def take_back(self, disposition: Disposition) -> None:
        """End the hold, if any; say the fixed phrase for this disposition; Agent A goes on with the call."""

    async def close_ears(self) -> None:
        """Stop hearing the caller: from now on somebody else does."""

    async def part(self, move: Move) -> None:
        """The caller is with the target: keep the music up to the target's first sound, then fall silent."""


class TargetLine(Protocol):
    """The way to the target: consult room, dispatch, messages, move. Facts come back as events through `post`.

    Every method may raise TargetUnavailableError; `move_caller` may raise MoveRefusedError.
    """

    async def arm(self, offer: Offer, move: Move, post: Post, note_rooms: "Callable[[OpenedRooms], None]") -> None:
        """As `open`, before the caller has agreed: nothing of the call is told, and no person is rung.

        A target that can't be called so is left alone, and `note_rooms` is told nothing. `dismiss` undoes it.
        """

    async def open(self, offer: Offer, move: Move, post: Post, note_rooms: "Callable[[OpenedRooms], None]") -> None:
        """Make the rooms, join the consult room and call the target, or take over what was armed for that.

        `note_rooms` is told the names before the rooms are made: whoever has to clean up after us knows them.
        """

    async def brief(self, briefing: Briefing) -> None:
        """Give the briefing; in a spoken consult, after saying it."""

    async def answer(self, text: str) -> None:
        """Answer the target's question; in a spoken consult, after saying it."""

    async def move_caller(self, move: Move) -> None:
        """Start the move; the proof arrives later as CallerMoved."""

    async def dismiss(self, disposition: Disposition) -> None:
        """Tell the target that it is not needed and delete every room that was opened; safe before `open`."""

    async def close(self) -> None:
        """Delete the consult room alone: the caller is with the target, or may be."""


class OpenedRooms(Protocol):
    """The rooms of one transfer."""

    @property
    def consult_room(self) -> str:
        """Name of the consult room."""

    @property
    def final_room(self) -> str:
        """Name of the final room; the caller room's on join_caller_room."""


class ConsultVoice(Protocol):
    """Speaks and transcribes in the consult room; the turns themselves travel as data and hang on nothing heard."""

    async def attach(self, room: Any, peer: str) -> None:
        """Publish a track in this connected `rtc.Room` and listen to the peer's."""

    async def say(self, text: str) -> None:
        """Speak one turn; returns when it has been played out."""

    async def detach(self) -> None:
        """Stop speaking and listening; safe to call twice."""


class Conversation(Protocol):
    """What was said so far, and who can look something up in it."""

    def turns(self) -> Sequence[Turn]:
        """All finished turns of the call, oldest first."""

    async def answer(self, question: str) -> str:
        """Answer a question from the turns alone."""


class BriefingDesk(Protocol):
    """Who writes the briefing."""

    def prepare(self, offer: Offer) -> None:
        """Begin to write: it will be needed soon. Returns at once."""

    async def write(self, offer: Offer) -> Briefing:
        """The briefing for the offer's target, without what that target is not told; in time, and never raises."""


class Record(Protocol):
    """The call log's front door: returns at once and never raises."""

    def __call__(self, event_type: CallEvent, payload: Mapping[str, Any], /) -> object:
        """Append one event to the call's log."""
