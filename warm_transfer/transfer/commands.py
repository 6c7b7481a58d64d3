"""What a step of the table asks the world to do. Commands are imperative and carry all that they need."""

from dataclasses import dataclass

from warm_transfer.transfer.terms import Deadline, Disposition, Move, Offer


@dataclass(frozen=True, slots=True)
class StartDeadline:
    """Post the deadline's event when its time has passed."""

    deadline: Deadline


@dataclass(frozen=True, slots=True)
class ExtendDeadline:
    """Give a deadline that runs WAIT_S more."""

    deadline: Deadline


@dataclass(frozen=True, slots=True)
class ArmTarget:
    """Make rooms and target ready for a caller who is still asked; the target is told nothing of the call."""

    offer: Offer
    move: Move


@dataclass(frozen=True, slots=True)
class DisarmTarget:
    """Undo that, if anything was made ready."""

    reason: str


@dataclass(frozen=True, slots=True)
class OpenConsult:
    """Make the consult room (and the final room, if the caller can move) and call the target, unless that is done."""

    offer: Offer
    move: Move


@dataclass(frozen=True, slots=True)
class HoldCaller:
    """Say the hold phrase, then play music."""


@dataclass(frozen=True, slots=True)
class TellWaiting:
    """Tell the held caller that the transfer is still under way."""


@dataclass(frozen=True, slots=True)
class SendBriefing:
    """Draft the briefing and give it to the target."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    """Answer the target from the call's transcript."""

    question: str


@dataclass(frozen=True, slots=True)
class MoveCaller:
    """Bring caller and target together."""

    offer: Offer
    move: Move


@dataclass(frozen=True, slots=True)
class LeaveCall:
    """The caller is with the target: stop the music, close what is Agent A's, and leave."""

    move: Move


@dataclass(frozen=True, slots=True)
class TakeCallerBack:
    """End the hold; Agent A says in a fixed phrase what happened and goes on with the call."""

    disposition: Disposition


@dataclass(frozen=True, slots=True)
class DismissTarget:
    """Tell the target that it is not needed, and close the consult."""

    disposition: Disposition
    reason: str


@dataclass(frozen=True, slots=True)
class ReleaseTarget:
    """Close the consult but not the final room: the caller may be there, and then the target knows it."""

    disposition: Disposition
    reason: str


@dataclass(frozen=True, slots=True)
class EndCall:
    """The caller is gone: close the caller room."""

    reason: str


Command = (
    StartDeadline
    | ExtendDeadline
    | ArmTarget
    | DisarmTarget
    | OpenConsult
    | HoldCaller
    | TellWaiting
    | SendBriefing
    | AnswerQuestion
    | MoveCaller
    | LeaveCall
    | TakeCallerBack
    | DismissTarget
    | ReleaseTarget
    | EndCall
)
