"""What can happen to a transfer. Every event is a fact, in the past tense, and changes nothing by itself."""

from dataclasses import dataclass

from warm_transfer.transfer.terms import Deadline, Move, Offer


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class TransferOffered(Event):
    """Agent A offered the caller a transfer."""

    offer: Offer
    move: Move | None = None
    """How the caller would get to the target, who is made ready for it meanwhile; None: nobody is."""


@dataclass(frozen=True, slots=True)
class OfferWithdrawn(Event):
    """The caller said no."""


@dataclass(frozen=True, slots=True)
class ArmExpired(Event):
    """ARM_TTL_S have passed since the offer, and the caller has not agreed."""


@dataclass(frozen=True, slots=True)
class ArmingFailed(Event):
    """What was made ready for the offer can't be used."""

    reason: str


@dataclass(frozen=True, slots=True)
class TransferRequested(Event):
    """The caller agreed and Agent A's model called the transfer tool."""

    move: Move
    """The best move that the caller's client can make."""


@dataclass(frozen=True, slots=True)
class HoldDue(Event):
    """HOLD_AFTER_MS have passed since the request."""


@dataclass(frozen=True, slots=True)
class UpdateDue(Event):
    """HOLD_UPDATE_S have passed since the held caller was last told something."""


@dataclass(frozen=True, slots=True)
class RingExpired(Event):
    """RING_TIMEOUT_S have passed and no target is in the consult room."""


@dataclass(frozen=True, slots=True)
class ConsultExpired(Event):
    """CONSULT_TIMEOUT_S have passed since the target answered, and it has not decided."""


@dataclass(frozen=True, slots=True)
class MoveExpired(Event):
    """MOVE_TIMEOUT_S have passed without a proof of the move."""


@dataclass(frozen=True, slots=True)
class TargetAnswered(Event):
    """The target is in the consult room and listens."""

    identity: str


@dataclass(frozen=True, slots=True)
class QuestionAsked(Event):
    """The target asks Agent A back."""

    question: str


@dataclass(frozen=True, slots=True)
class TargetAccepted(Event):
    """The target takes the caller."""


@dataclass(frozen=True, slots=True)
class TargetDeclined(Event):
    """The target does not take the caller."""

    reason: str


@dataclass(frozen=True, slots=True)
class TargetBusy(Event):
    """The target has another call, and told so instead of answering."""


@dataclass(frozen=True, slots=True)
class VoicemailReached(Event):
    """A machine answered for the target; it may be known only after its first words."""


@dataclass(frozen=True, slots=True)
class MoreTimeAsked(Event):
    """The target needs WAIT_S more, to answer or to decide."""


@dataclass(frozen=True, slots=True)
class TargetLeft(Event):
    """The target was in the consult room and is gone."""


@dataclass(frozen=True, slots=True)
class TargetUnavailable(Event):
    """The target could not be called at all."""

    reason: str


@dataclass(frozen=True, slots=True)
class CallerMoved(Event):
    """The proof: the caller's track is heard where Agent B is."""


@dataclass(frozen=True, slots=True)
class MoveRefused(Event):
    """The caller's client or the server refused the move."""

    reason: str


@dataclass(frozen=True, slots=True)
class CancelRequested(Event):
    """The held caller wants to stay with Agent A."""


@dataclass(frozen=True, slots=True)
class CallerAway(Event):
    """The caller is not in the caller room now: on the way to the final room, cut off, or about to be gone."""


@dataclass(frozen=True, slots=True)
class CallerReturned(Event):
    """The caller, who was away, is in the caller room again."""


@dataclass(frozen=True, slots=True)
class CallerLeft(Event):
    """The caller hung up, or was away for longer than the grace time."""

    reason: str


@dataclass(frozen=True, slots=True)
class CommandFailed(Event):
    """A command broke in a way that nobody foresaw: a bug, which must not strand the caller."""

    reason: str


EXPIRY: dict[Deadline, type[Event]] = {
    Deadline.ARM: ArmExpired,
    Deadline.HOLD: HoldDue,
    Deadline.UPDATE: UpdateDue,
    Deadline.RING: RingExpired,
    Deadline.CONSULT: ConsultExpired,
    Deadline.MOVE: MoveExpired,
}
"""The event that each deadline becomes."""
