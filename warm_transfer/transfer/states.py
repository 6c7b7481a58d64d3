"""A transfer's state: one table of rows and a pure step(). No I/O, no clock, no logging.

An event without a row raises IllegalEventError and changes nothing (the pattern of h11's `_state.py`). The diagram in
the README and the tests are made from TABLE.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

from warm_transfer.transfer.commands import (
    AnswerQuestion,
    ArmTarget,
    Command,
    DisarmTarget,
    DismissTarget,
    EndCall,
    ExtendDeadline,
    HoldCaller,
    LeaveCall,
    MoveCaller,
    OpenConsult,
    ReleaseTarget,
    SendBriefing,
    StartDeadline,
    TakeCallerBack,
    TellWaiting,
)
from warm_transfer.transfer.errors import IllegalEventError
from warm_transfer.transfer.events import (
    ArmExpired,
    ArmingFailed,
    CallerAway,
    CallerLeft,
    CallerMoved,
    CallerReturned,
    CancelRequested,
    CommandFailed,
    ConsultExpired,
    Event,
    HoldDue,
    MoreTimeAsked,
    MoveExpired,
    MoveRefused,
    OfferWithdrawn,
    QuestionAsked,
    RingExpired,
    TargetAccepted,
    TargetAnswered,
    TargetBusy,
    TargetDeclined,
    TargetLeft,
    TargetUnavailable,
    TransferOffered,
    TransferRequested,
    UpdateDue,
    VoicemailReached,
)
from warm_transfer.transfer.terms import MOST_WAITS, Deadline, Disposition, Move, Offer, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Talking:
    """The caller talks with Agent A; no transfer is under way."""

    state: ClassVar[State] = State.TALKING


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Agent A has offered a transfer and asked for consent; meanwhile a target may be made ready."""

    state: ClassVar[State] = State.OFFERED
    offer: Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """The consult room is being opened and the target called; nobody has answered yet."""

    state: ClassVar[State] = State.RINGING
    offer: Offer
    move: Move
    is_held: bool = False
    waits: int = 0
    """How often this target was given more time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulting:
    """The target is in the consult room: briefed, asks back, decides."""

    state: ClassVar[State] = State.CONSULTING
    offer: Offer
    move: Move
    is_held: bool = False
    waits: int = 0
    """How often this target was given more time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """The target has accepted; the caller is on the way and the proof of arrival is awaited."""

    state: ClassVar[State] = State.MOVING
    offer: Offer
    move: Move
    is_caller_away: bool = False
    """Not in the caller room: the caller may be in a final room, and the proof on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The transfer is over, with exactly one disposition."""

    state: ClassVar[State] = State.ENDED
    disposition: Disposition
    reason: str = ""


Situation = Talking | Offered | Ringing | Consulting | Moving | Ended


class Step(NamedTuple):
    """What an event leads to: the next situation and the commands to carry out, in order."""

    situation: Situation
    commands: tuple[Command, ...] = ()


class Row(NamedTuple):
    """One legal (state, event): what it does, the states it may lead to and how the transfer or attempt may end."""

    act: Callable[[Any, Any], Step]
    to: tuple[State, ...]
    ends: tuple[Disposition, ...] = ()


_HUNG_UP_MOVING = "the caller left during the move"


_LEFT_MOVING = Ended(disposition=Disposition.CALLER_LEFT, reason=_HUNG_UP_MOVING)


def _offer(_: Talking, event: TransferOffered) -> Step:
    arm = (ArmTarget(event.offer, event.move), StartDeadline(Deadline.ARM)) if event.move is not None else ()
    return Step(Offered(offer=event.offer), arm)


def _offer_other(_: Offered, event: TransferOffered) -> Step:
    offered, arm = _offer(Talking(), event)
    return Step(offered, (DisarmTarget("another offer"), *arm))


def _withdraw(_: Offered, __: OfferWithdrawn) -> Step:
    return Step(Talking(), (DisarmTarget("the offer was withdrawn"),))


def _expire_arming(now: Offered, _: ArmExpired) -> Step:
    return Step(now, (DisarmTarget("no answer in time"),))


def _fail_arming(now: Offered, event: ArmingFailed) -> Step:
    return Step(now, (DisarmTarget(event.reason),))


def _request(now: Offered, event: TransferRequested) -> Step:
    commands = (
        StartDeadline(Deadline.HOLD),
        StartDeadline(Deadline.RING),
        OpenConsult(now.offer, event.move),
    )
    return Step(Ringing(offer=now.offer, move=event.move), commands)


def _hold(now: Ringing | Consulting, _: HoldDue) -> Step:
    return Step(replace(now, is_held=True), (HoldCaller(), StartDeadline(Deadline.UPDATE)))


def _tell(now: Ringing | Consulting, _: UpdateDue) -> Step:
    return Step(now, (TellWaiting(), StartDeadline(Deadline.UPDATE)))


def _need_no_hold(now: Moving, _: HoldDue) -> Step:
    return Step(now)


def _brief(now: Ringing, _: TargetAnswered) -> Step:
    commands = (StartDeadline(Deadline.CONSULT), SendBriefing(now.offer))
    consulting = Consulting(offer=now.offer, move=now.move, is_held=now.is_held, waits=now.waits)
    return Step(consulting, commands)


def _wait(deadline: Deadline) -> Callable[[Ringing | Consulting, MoreTimeAsked], Step]:
    """Give the target more time for what it does now, but not for ever."""

    def act(now: Ringing | Consulting, _: MoreTimeAsked) -> Step:
        if now.waits >= MOST_WAITS:
            raise IllegalEventError("the target has had all the time that one attempt gives")
        return Step(replace(now, waits=now.waits + 1), (ExtendDeadline(deadline),))

    return act


def _answer(now: Consulting, event: QuestionAsked) -> Step:
    return Step(now, (AnswerQuestion(event.question),))


def _move(now: Consulting, _: TargetAccepted) -> Step:
    return Step(
        Moving(offer=now.offer, move=now.move),
        (StartDeadline(Deadline.MOVE), MoveCaller(now.offer, now.move)),
    )


def _complete(now: Moving, _: CallerMoved) -> Step:
    return Step(Ended(disposition=Disposition.COMPLETED), (LeaveCall(now.move),))


def _note_away(now: Moving, _: CallerAway) -> Step:
    return Step(replace(now, is_caller_away=True))


def _note_return(now: Moving, _: CallerReturned) -> Step:
    return Step(replace(now, is_caller_away=False))


def _hang_up_moving(now: Moving, _: CallerLeft) -> Step:
    if _may_be_in_final_room(now):
        release = ReleaseTarget(Disposition.CALLER_LEFT, _HUNG_UP_MOVING)
        return Step(_LEFT_MOVING, (release, EndCall(_HUNG_UP_MOVING)))
    return _end_call(_HUNG_UP_MOVING)


def _expire_move(now: Moving, _: MoveExpired) -> Step:
    return _fail_move(now, Disposition.MOVE_FAILED, "no proof of the move in time")


def _refuse_move(now: Moving, event: MoveRefused | TargetUnavailable) -> Step:
    return _fail_move(now, Disposition.MOVE_FAILED, event.reason)


def _lose_target(_: Moving, __: TargetLeft) -> Step:
    """Close the final room, too: a caller who is there already comes back, where nobody would speak."""
    return _take_back(Disposition.TARGET_LEFT, "the target left")


def _break_move(now: Moving, event: CommandFailed) -> Step:
    return _fail_move(now, Disposition.FAILED, event.reason)


def _fail_move(now: Moving, disposition: Disposition, reason: str) -> Step:
    """Give the caller back; Agent A waits for one who is away, as long as the grace time lets it."""
    if _may_be_in_final_room(now):
        commands = (TakeCallerBack(disposition), ReleaseTarget(disposition, reason))
        return Step(Ended(disposition=disposition, reason=reason), commands)
    return _take_back(disposition, reason)


def _may_be_in_final_room(now: Moving) -> bool:
    """Whether deleting the final room could throw the caller out: the proof may be late, or lost."""
    return now.is_caller_away and now.move.has_final_room


def _hang_up(_: Situation, event: CallerLeft) -> Step:
    return _end_call(event.reason)


def _hang_up_without_transfer(_: Talking, event: CallerLeft) -> Step:
    return Step(Ended(disposition=Disposition.NONE, reason=event.reason), (EndCall(event.reason),))


def _end_call(reason: str) -> Step:
    ended = Ended(disposition=Disposition.CALLER_LEFT, reason=reason)
    return Step(ended, (DismissTarget(Disposition.CALLER_LEFT, reason), EndCall(reason)))


def _take_back(disposition: Disposition, reason: str) -> Step:
    commands = (TakeCallerBack(disposition), DismissTarget(disposition, reason))
    return Step(Ended(disposition=disposition, reason=reason), commands)


def _back(disposition: Disposition, reason: str = "") -> Callable[[Situation, Any], Step]:
    """Give the caller back to Agent A; the event's own reason, if it has one, goes first."""

    def act(_: Situation, event: Event) -> Step:
        return _take_back(disposition, getattr(event, "reason", "") or reason)

    return act


def _miss(disposition: Disposition, reason: str = "") -> Callable[[Ringing | Consulting, Any], Step]:
    """Call the next target; give the caller back if nobody is left. The event's own reason, if any, goes first."""

    def act(now: Ringing | Consulting, event: Event) -> Step:
        why = getattr(event, "reason", "") or reason
        if not now.offer.others:
            return _take_back(disposition, why)
        offer = now.offer.next()
        commands = (
            DismissTarget(disposition, why),
            StartDeadline(Deadline.RING),
            OpenConsult(offer, now.move),
        )
        return Step(Ringing(offer=offer, move=now.move, is_held=now.is_held), commands)

    return act


_ENDED = (State.ENDED,)


def _missed(disposition: Disposition, reason: str = "") -> Row:
    return Row(_miss(disposition, reason), (State.RINGING, State.ENDED), (disposition,))


def _given_back(disposition: Disposition, reason: str = "") -> Row:
    return Row(_back(disposition, reason), _ENDED, (disposition,))


_UNREACHED = _missed(Disposition.UNAVAILABLE)
_VOICEMAIL = _missed(Disposition.VOICEMAIL, "a machine answered")
_CANCELLED = _given_back(Disposition.CANCELLED, "the caller asked to stay")
_TARGET_LEFT = _missed(Disposition.TARGET_LEFT, "the target left")
_BROKEN = _given_back(Disposition.FAILED)
_HUNG_UP = Row(_hang_up, _ENDED, (Disposition.CALLER_LEFT,))

TABLE: dict[tuple[State, type[Event]], Row] = {
    (State.TALKING, TransferOffered): Row(_offer, (State.OFFERED,)),
    (State.TALKING, CallerLeft): Row(_hang_up_without_transfer, _ENDED, (Disposition.NONE,)),
    (State.OFFERED, TransferOffered): Row(_offer_other, (State.OFFERED,)),
    (State.OFFERED, ArmExpired): Row(_expire_arming, (State.OFFERED,)),
    (State.OFFERED, ArmingFailed): Row(_fail_arming, (State.OFFERED,)),
    (State.OFFERED, OfferWithdrawn): Row(_withdraw, (State.TALKING,)),
    (State.OFFERED, TransferRequested): Row(_request, (State.RINGING,)),
    (State.OFFERED, CallerLeft): _HUNG_UP,
    (State.RINGING, HoldDue): Row(_hold, (State.RINGING,)),
    (State.RINGING, UpdateDue): Row(_tell, (State.RINGING,)),
    (State.RINGING, TargetAnswered): Row(_brief, (State.CONSULTING,)),
    (State.RINGING, TargetUnavailable): _UNREACHED,
    (State.RINGING, MoreTimeAsked): Row(_wait(Deadline.RING), (State.RINGING,)),
    (State.RINGING, TargetDeclined): _missed(Disposition.DECLINED),
    (State.RINGING, TargetBusy): _missed(Disposition.BUSY, "the target is busy"),
    (State.RINGING, VoicemailReached): _VOICEMAIL,
    (State.RINGING, RingExpired): _missed(Disposition.NO_ANSWER, "nobody answered in time"),
    (State.RINGING, TargetLeft): _TARGET_LEFT,
    (State.RINGING, CancelRequested): _CANCELLED,
    (State.RINGING, CallerLeft): _HUNG_UP,
    (State.RINGING, CommandFailed): _BROKEN,
    (State.CONSULTING, HoldDue): Row(_hold, (State.CONSULTING,)),
    (State.CONSULTING, UpdateDue): Row(_tell, (State.CONSULTING,)),
    (State.CONSULTING, QuestionAsked): Row(_answer, (State.CONSULTING,)),
    (State.CONSULTING, MoreTimeAsked): Row(_wait(Deadline.CONSULT), (State.CONSULTING,)),
    (State.CONSULTING, TargetAccepted): Row(_move, (State.MOVING,)),
    (State.CONSULTING, TargetDeclined): _missed(Disposition.DECLINED),
    (State.CONSULTING, VoicemailReached): _VOICEMAIL,
    (State.CONSULTING, ConsultExpired): _missed(Disposition.NO_ANSWER, "no decision in time"),
    (State.CONSULTING, TargetUnavailable): _UNREACHED,
    (State.CONSULTING, TargetLeft): _TARGET_LEFT,
    (State.CONSULTING, CancelRequested): _CANCELLED,
    (State.CONSULTING, CallerLeft): _HUNG_UP,
    (State.CONSULTING, CommandFailed): _BROKEN,
    (State.MOVING, HoldDue): Row(_need_no_hold, (State.MOVING,)),
    (State.MOVING, CallerMoved): Row(_complete, _ENDED, (Disposition.COMPLETED,)),
    (State.MOVING, MoveRefused): Row(_refuse_move, _ENDED, (Disposition.MOVE_FAILED,)),
    (State.MOVING, TargetUnavailable): Row(_refuse_move, _ENDED, (Disposition.MOVE_FAILED,)),
    (State.MOVING, MoveExpired): Row(_expire_move, _ENDED, (Disposition.MOVE_FAILED,)),
    (State.MOVING, TargetLeft): Row(_lose_target, _ENDED, (Disposition.TARGET_LEFT,)),
    (State.MOVING, CallerAway): Row(_note_away, (State.MOVING,)),
    (State.MOVING, CallerReturned): Row(_note_return, (State.MOVING,)),
    (State.MOVING, CallerLeft): Row(_hang_up_moving, _ENDED, (Disposition.CALLER_LEFT,)),
    (State.MOVING, CommandFailed): Row(_break_move, _ENDED, (Disposition.FAILED,)),
}


def step(now: Situation, event: Event) -> Step:
    """The next situation and the commands to carry out.

    Raises:
        IllegalEventError: the table has no row for this event in this state; nothing changed.
    """
    row = TABLE.get((now.state, type(event)))
    if row is None:
        raise IllegalEventError(f"{type(event).__name__} has no meaning while {now.state.value}")
    return row.act(now, event)
