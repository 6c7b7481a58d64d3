"""The whole table: every legal row, every illegal pair."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from warm_transfer.transfer import events as ev
from warm_transfer.transfer.commands import (
    AnswerQuestion,
    ArmTarget,
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
from warm_transfer.transfer.states import (
    TABLE,
    Consulting,
    Ended,
    Moving,
    Offered,
    Ringing,
    Situation,
    Step,
    Talking,
    step,
)
from warm_transfer.transfer.table_page import cell_id
from warm_transfer.transfer.terms import MOST_WAITS, Deadline, Disposition, Move, Offer, State

OFFER = Offer(transfer_id="t", target="billing", skill="billing", reason="charged twice")
OTHER = Offer(transfer_id="u", target="technical", skill="technical", reason="no internet")
TWO = Offer(transfer_id="t", target="billing", others=("deputy", "general"), skill="billing", reason="charged twice")
CLIENT, CLOUD, JOIN = Move.CLIENT_MOVE, Move.CLOUD_MOVE, Move.JOIN_CALLER_ROOM

SITUATIONS: dict[State, Situation] = {
    State.TALKING: Talking(),
    State.OFFERED: Offered(offer=OFFER),
    State.RINGING: Ringing(offer=OFFER, move=CLIENT),
    State.CONSULTING: Consulting(offer=OFFER, move=CLIENT),
    State.MOVING: Moving(offer=OFFER, move=CLIENT),
    State.ENDED: Ended(disposition=Disposition.COMPLETED),
}
EVENTS: tuple[ev.Event, ...] = (
    ev.TransferOffered(OTHER),
    ev.OfferWithdrawn(),
    ev.ArmExpired(),
    ev.ArmingFailed("no server"),
    ev.TransferRequested(CLIENT),
    ev.HoldDue(),
    ev.UpdateDue(),
    ev.RingExpired(),
    ev.ConsultExpired(),
    ev.MoveExpired(),
    ev.TargetAnswered("agent_b"),
    ev.QuestionAsked("since when?"),
    ev.TargetAccepted(),
    ev.TargetDeclined("not mine"),
    ev.TargetBusy(),
    ev.VoicemailReached(),
    ev.MoreTimeAsked(),
    ev.TargetLeft(),
    ev.TargetUnavailable("no server"),
    ev.CallerMoved(),
    ev.MoveRefused("no"),
    ev.CancelRequested(),
    ev.CallerAway(),
    ev.CallerReturned(),
    ev.CallerLeft("hung up"),
    ev.CommandFailed("KeyError"),
)


def back(disposition: Disposition, reason: str) -> Step:
    commands = (TakeCallerBack(disposition), DismissTarget(disposition, reason))
    return Step(Ended(disposition=disposition, reason=reason), commands)


def to_next(disposition: Disposition, reason: str) -> Step:
    """From TWO, with the caller on hold."""
    deputy = Offer(transfer_id="t", target="deputy", others=("general",), skill="billing", reason="charged twice")
    return Step(
        Ringing(offer=deputy, move=CLIENT, is_held=True),
        (DismissTarget(disposition, reason), StartDeadline(Deadline.RING), OpenConsult(deputy, CLIENT)),
    )


def hung_up(reason: str) -> Step:
    return Step(
        Ended(disposition=Disposition.CALLER_LEFT, reason=reason),
        (DismissTarget(Disposition.CALLER_LEFT, reason), EndCall(reason)),
    )


def left_moving() -> Step:
    reason = "the caller left during the move"
    return Step(
        Ended(disposition=Disposition.CALLER_LEFT, reason=reason),
        (ReleaseTarget(Disposition.CALLER_LEFT, reason), EndCall(reason)),
    )


def awaited(disposition: Disposition, reason: str) -> Step:
    """As `back`, for a caller who may be in the final room: it is not deleted."""
    commands = (TakeCallerBack(disposition), ReleaseTarget(disposition, reason))
    return Step(Ended(disposition=disposition, reason=reason), commands)


D = Disposition
OFFERED = Offered(offer=OFFER)
ARM = (ArmTarget(OFFER, CLIENT), StartDeadline(Deadline.ARM))
HOLD = (HoldCaller(), StartDeadline(Deadline.UPDATE))
UPDATE = (TellWaiting(), StartDeadline(Deadline.UPDATE))
RINGING, CONSULTING, MOVING = (SITUATIONS[s] for s in (State.RINGING, State.CONSULTING, State.MOVING))
AWAY = Moving(offer=OFFER, move=CLIENT, is_caller_away=True)
ROWS: list[tuple[Situation, ev.Event, Step]] = [
    (Talking(), ev.TransferOffered(OFFER), Step(Offered(offer=OFFER))),
    (Talking(), ev.TransferOffered(OFFER, CLIENT), Step(Offered(offer=OFFER), ARM)),
    (Talking(), ev.CallerLeft("bye"), Step(Ended(disposition=D.NONE, reason="bye"), (EndCall("bye"),))),
    (OFFERED, ev.TransferOffered(OTHER), Step(Offered(offer=OTHER), (DisarmTarget("another offer"),))),
    (
        Offered(offer=OTHER),
        ev.TransferOffered(OFFER, CLIENT),
        Step(Offered(offer=OFFER), (DisarmTarget("another offer"), *ARM)),
    ),
    (OFFERED, ev.OfferWithdrawn(), Step(Talking(), (DisarmTarget("the offer was withdrawn"),))),
    (OFFERED, ev.ArmExpired(), Step(OFFERED, (DisarmTarget("no answer in time"),))),
    (OFFERED, ev.ArmingFailed("no server"), Step(OFFERED, (DisarmTarget("no server"),))),
    (
        Offered(offer=OFFER),
        ev.TransferRequested(JOIN),
        Step(
            Ringing(offer=OFFER, move=JOIN),
            (StartDeadline(Deadline.HOLD), StartDeadline(Deadline.RING), OpenConsult(OFFER, JOIN)),
        ),
    ),
    (Offered(offer=OFFER), ev.CallerLeft("bye"), hung_up("bye")),
    (RINGING, ev.HoldDue(), Step(Ringing(offer=OFFER, move=CLIENT, is_held=True), HOLD)),
    (RINGING, ev.UpdateDue(), Step(RINGING, UPDATE)),
    (
        Ringing(offer=OFFER, move=CLIENT, is_held=True),
        ev.TargetAnswered("b"),
        Step(
            Consulting(offer=OFFER, move=CLIENT, is_held=True),
            (StartDeadline(Deadline.CONSULT), SendBriefing(OFFER)),
        ),
    ),
    (RINGING, ev.TargetUnavailable("no server"), back(D.UNAVAILABLE, "no server")),
    (RINGING, ev.TargetDeclined("not now"), back(D.DECLINED, "not now")),
    (
        RINGING,
        ev.MoreTimeAsked(),
        Step(Ringing(offer=OFFER, move=CLIENT, waits=1), (ExtendDeadline(Deadline.RING),)),
    ),
    (
        Ringing(offer=OFFER, move=CLIENT, waits=2),
        ev.TargetAnswered("b"),
        Step(
            Consulting(offer=OFFER, move=CLIENT, waits=2),
            (StartDeadline(Deadline.CONSULT), SendBriefing(OFFER)),
        ),
    ),
    (
        CONSULTING,
        ev.MoreTimeAsked(),
        Step(Consulting(offer=OFFER, move=CLIENT, waits=1), (ExtendDeadline(Deadline.CONSULT),)),
    ),
    (RINGING, ev.TargetBusy(), back(D.BUSY, "the target is busy")),
    (RINGING, ev.VoicemailReached(), back(D.VOICEMAIL, "a machine answered")),
    (RINGING, ev.RingExpired(), back(D.NO_ANSWER, "nobody answered in time")),
    (RINGING, ev.TargetLeft(), back(D.TARGET_LEFT, "the target left")),
    (RINGING, ev.CancelRequested(), back(D.CANCELLED, "the caller asked to stay")),
    (RINGING, ev.CallerLeft("bye"), hung_up("bye")),
    (RINGING, ev.CommandFailed("KeyError"), back(D.FAILED, "KeyError")),
    (CONSULTING, ev.HoldDue(), Step(Consulting(offer=OFFER, move=CLIENT, is_held=True), HOLD)),
    (CONSULTING, ev.UpdateDue(), Step(CONSULTING, UPDATE)),
    (CONSULTING, ev.QuestionAsked("when?"), Step(CONSULTING, (AnswerQuestion("when?"),))),
    (
        CONSULTING,
        ev.TargetAccepted(),
        Step(Moving(offer=OFFER, move=CLIENT), (StartDeadline(Deadline.MOVE), MoveCaller(OFFER, CLIENT))),
    ),
    (CONSULTING, ev.TargetDeclined("not mine"), back(D.DECLINED, "not mine")),
    (CONSULTING, ev.VoicemailReached(), back(D.VOICEMAIL, "a machine answered")),
    (CONSULTING, ev.ConsultExpired(), back(D.NO_ANSWER, "no decision in time")),
    (CONSULTING, ev.TargetUnavailable("gone"), back(D.UNAVAILABLE, "gone")),
    (CONSULTING, ev.TargetLeft(), back(D.TARGET_LEFT, "the target left")),
    (CONSULTING, ev.CancelRequested(), back(D.CANCELLED, "the caller asked to stay")),
    (CONSULTING, ev.CallerLeft("bye"), hung_up("bye")),
    (CONSULTING, ev.CommandFailed("KeyError"), back(D.FAILED, "KeyError")),
    (MOVING, ev.HoldDue(), Step(MOVING)),
    (MOVING, ev.CallerMoved(), Step(Ended(disposition=D.COMPLETED), (LeaveCall(CLIENT),))),
    (MOVING, ev.MoveRefused("no"), back(D.MOVE_FAILED, "no")),
    (MOVING, ev.TargetUnavailable("gone"), back(D.MOVE_FAILED, "gone")),
    (MOVING, ev.MoveExpired(), back(D.MOVE_FAILED, "no proof of the move in time")),
    (AWAY, ev.MoveExpired(), awaited(D.MOVE_FAILED, "no proof of the move in time")),
    (AWAY, ev.MoveRefused("no"), awaited(D.MOVE_FAILED, "no")),
    (AWAY, ev.TargetUnavailable("gone"), awaited(D.MOVE_FAILED, "gone")),
    (AWAY, ev.TargetLeft(), back(D.TARGET_LEFT, "the target left")),
    (AWAY, ev.CommandFailed("KeyError"), awaited(D.FAILED, "KeyError")),
    (AWAY, ev.CallerLeft("bye"), left_moving()),
    (AWAY, ev.CallerReturned(), Step(MOVING)),
    (replace(AWAY, move=CLOUD), ev.MoveExpired(), awaited(D.MOVE_FAILED, "no proof of the move in time")),
    (replace(AWAY, move=JOIN), ev.MoveExpired(), back(D.MOVE_FAILED, "no proof of the move in time")),
    (MOVING, ev.TargetLeft(), back(D.TARGET_LEFT, "the target left")),
    (MOVING, ev.CallerAway(), Step(AWAY)),
    (MOVING, ev.CallerLeft("bye"), hung_up("the caller left during the move")),
    (Moving(offer=OFFER, move=JOIN), ev.CallerLeft("bye"), hung_up("the caller left during the move")),
    (MOVING, ev.CommandFailed("KeyError"), back(D.FAILED, "KeyError")),
]
RINGING_TWO = Ringing(offer=TWO, move=CLIENT, is_held=True)
CONSULTING_TWO = Consulting(offer=TWO, move=CLIENT, is_held=True)
ROWS += [
    (RINGING_TWO, ev.RingExpired(), to_next(D.NO_ANSWER, "nobody answered in time")),
    (RINGING_TWO, ev.TargetDeclined("not now"), to_next(D.DECLINED, "not now")),
    (replace(RINGING_TWO, waits=MOST_WAITS), ev.RingExpired(), to_next(D.NO_ANSWER, "nobody answered in time")),
    (RINGING_TWO, ev.TargetBusy(), to_next(D.BUSY, "the target is busy")),
    (RINGING_TWO, ev.VoicemailReached(), to_next(D.VOICEMAIL, "a machine answered")),
    (RINGING_TWO, ev.TargetUnavailable("no server"), to_next(D.UNAVAILABLE, "no server")),
    (RINGING_TWO, ev.TargetLeft(), to_next(D.TARGET_LEFT, "the target left")),
    (CONSULTING_TWO, ev.TargetDeclined("not mine"), to_next(D.DECLINED, "not mine")),
    (CONSULTING_TWO, ev.VoicemailReached(), to_next(D.VOICEMAIL, "a machine answered")),
    (CONSULTING_TWO, ev.ConsultExpired(), to_next(D.NO_ANSWER, "no decision in time")),
    (CONSULTING_TWO, ev.TargetUnavailable("gone"), to_next(D.UNAVAILABLE, "gone")),
    (CONSULTING_TWO, ev.TargetLeft(), to_next(D.TARGET_LEFT, "the target left")),
    # What the caller decides, and what is broken here, concerns no other target.
    (CONSULTING_TWO, ev.CancelRequested(), back(D.CANCELLED, "the caller asked to stay")),
    (CONSULTING_TWO, ev.CommandFailed("KeyError"), back(D.FAILED, "KeyError")),
]


def cells(rows: Sequence[tuple[Situation, ev.Event, Step]]) -> list[str]:
    """Test ids: the cell's own, then with a number for its further rows."""
    seen = Counter[str]()
    ids = []
    for now, event, _ in rows:
        cell = cell_id(now.state, type(event))
        seen[cell] += 1
        ids.append(f"{cell}-{seen[cell]}" if seen[cell] > 1 else cell)
    return ids


ILLEGAL = [(s, e) for s in State for e in EVENTS if (s, type(e)) not in TABLE]


@pytest.mark.parametrize(("now", "event", "expected"), ROWS, ids=cells(ROWS))
def test_legal_row_leads_to_its_situation_and_commands(now: Situation, event: ev.Event, expected: Step) -> None:
    assert step(now, event) == expected


@pytest.mark.parametrize(("state", "event"), ILLEGAL, ids=[cell_id(state, type(event)) for state, event in ILLEGAL])
def test_illegal_event_raises_and_names_event_and_state(state: State, event: ev.Event) -> None:
    with pytest.raises(IllegalEventError, match=f"{type(event).__name__}.*{state.value}"):
        step(SITUATIONS[state], event)


@pytest.mark.parametrize("now", [RINGING, CONSULTING], ids=["ringing", "consulting"])
def test_target_that_had_all_the_time_gets_no_more(now: Ringing | Consulting) -> None:
    with pytest.raises(IllegalEventError, match="all the time"):
        step(replace(now, waits=MOST_WAITS), ev.MoreTimeAsked())


def test_every_row_of_the_table_is_tested() -> None:
    assert {(now.state, type(event)) for now, event, _ in ROWS} == set(TABLE)


def test_every_event_is_tried_in_every_state() -> None:
    known = {kind for kind in vars(ev).values() if isinstance(kind, type) and issubclass(kind, ev.Event)}
    assert {type(event) for event in EVENTS} == known - {ev.Event}


@pytest.mark.parametrize(("now", "event", "expected"), ROWS, ids=cells(ROWS))
def test_row_declares_the_states_that_it_leads_to(now: Situation, event: ev.Event, expected: Step) -> None:
    assert expected.situation.state in TABLE[now.state, type(event)].to


def test_every_declared_state_is_reached_by_a_tested_row() -> None:
    reached = {(now.state, type(event), expected.situation.state) for now, event, expected in ROWS}
    declared = {(state, event, to) for (state, event), row in TABLE.items() for to in row.to}
    assert reached == declared


def test_every_declared_end_is_the_end_of_a_tested_row() -> None:
    reached = {(now.state, type(event), end) for now, event, expected in ROWS for end in ends(expected)}
    declared = {(state, event, end) for (state, event), row in TABLE.items() for end in row.ends}
    assert reached == declared


def ends(leads_to: Step) -> set[Disposition]:
    """How the transfer ended, or the attempt."""
    dismissals = {one.disposition for one in leads_to.commands if isinstance(one, DismissTarget | ReleaseTarget)}
    return dismissals | ({leads_to.situation.disposition} if isinstance(leads_to.situation, Ended) else set())


@pytest.mark.parametrize("state", [State.OFFERED, State.RINGING, State.CONSULTING, State.MOVING])
def test_a_hang_up_has_a_row_in_every_living_state(state: State) -> None:
    assert (state, ev.CallerLeft) in TABLE


def test_every_end_but_a_completed_one_gives_the_caller_back_or_ends_the_call() -> None:
    ends = [expected for _, _, expected in ROWS if isinstance(expected.situation, Ended)]
    assert all(
        any(isinstance(command, TakeCallerBack | EndCall | LeaveCall) for command in end.commands) for end in ends
    )
