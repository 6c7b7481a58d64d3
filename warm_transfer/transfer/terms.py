"""The closed sets of a transfer: states, dispositions, moves, deadlines; and what is offered."""

from dataclasses import dataclass, replace
from enum import Enum


class State(Enum):
    """Where a transfer stands."""

    TALKING = "talking"
    OFFERED = "offered"
    RINGING = "ringing"
    CONSULTING = "consulting"
    MOVING = "moving"
    ENDED = "ended"


class Disposition(Enum):
    """How a transfer ended; NONE is a call that ended without one."""

    NONE = "none"
    COMPLETED = "completed"
    DECLINED = "declined"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    VOICEMAIL = "voicemail"
    UNAVAILABLE = "unavailable"
    CANCELLED = "cancelled"
    CALLER_LEFT = "caller_left"
    TARGET_LEFT = "target_left"
    MOVE_FAILED = "move_failed"
    FAILED = "failed"


class Move(Enum):
    """How the caller gets together with Agent B."""

    CLIENT_MOVE = "client_move"
    """The caller's own client joins the final room, then leaves the caller room."""
    CLOUD_MOVE = "cloud_move"
    """LiveKit Cloud puts the caller's connection into the final room, whatever the client is."""
    JOIN_CALLER_ROOM = "join_caller_room"
    """Agent B joins the caller's room, which becomes the final room: for any LiveKit client."""

    @property
    def has_final_room(self) -> bool:
        """Whether the caller goes to a room of its own, and leaves the caller room."""
        return self is not Move.JOIN_CALLER_ROOM


class Deadline(Enum):
    """What a transfer waits for; the durations are settings."""

    ARM = "arm"
    HOLD = "hold"
    UPDATE = "update"
    RING = "ring"
    CONSULT = "consult"
    MOVE = "move"


WAIT_S = 30.0
"""What a target gets who asks for more time: as long as its button says."""
MOST_WAITS = 4
"""Of one attempt: two minutes more of music for the caller, who may cancel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The transfer that Agent A offered the caller."""

    transfer_id: str
    target: str
    """A roster id: who is called now."""
    others: tuple[str, ...] = ()
    """Roster ids of who is called next, in order, if that one does not take the call."""
    skill: str
    reason: str

    @property
    def attempt(self) -> str:
        """What the call of this target is called: in one transfer nobody is called twice."""
        return f"{self.transfer_id}.{self.target}"

    def next(self) -> "Offer":
        """The same offer to the next target; IndexError if nobody is left."""
        return replace(self, target=self.others[0], others=self.others[1:])
