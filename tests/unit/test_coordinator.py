"""The coordinator against fakes in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.fakes import FakeClock, FakeConversation, FakeWorld, settle
from warm_transfer.transfer import events as ev
from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.coordinator import CallOutcome, Coordinator, Ports
from warm_transfer.transfer.errors import CallOverError, IllegalEventError, MoveRefusedError, TargetUnavailableError
from warm_transfer.transfer.states import Situation
from warm_transfer.transfer.terms import Deadline, Disposition, Move, Offer, State

OFFER = Offer(transfer_id="t", target="billing", skill="billing", reason="charged twice")
DEADLINES = {
    Deadline.HOLD: 0.7,
    Deadline.UPDATE: 20.0,
    Deadline.RING: 15.0,
    Deadline.CONSULT: 60.0,
    Deadline.MOVE: 5.0,
}


class Call:
    """A coordinator that runs, and the fake world around it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.world = FakeWorld()
        self.conversation = FakeConversation(
            [Turn(turn_id="t1", speaker="caller", text="My name is Maria Lopez.", at=1.0)]
        )
        self.coordinator = Coordinator(
            ports=Ports(
                caller=self.world,
                target=self.world,
                conversation=self.conversation,
                record=self.world.record,
                sleep=self.clock.sleep,
            ),
            deadlines=DEADLINES,
        )
        self.running = asyncio.create_task(self.coordinator.run())

    async def happens(self, *events: ev.Event) -> None:
        for event in events:
            self.coordinator.post(event)
            await settle()

    async def consult(self, move: Move = Move.CLIENT_MOVE) -> None:
        await self.happens(ev.TransferOffered(OFFER), ev.TransferRequested(move), ev.TargetAnswered("b"))

    @property
    def state(self) -> State:
        return self.coordinator.situation.state

    def recorded(self) -> list[str]:
        return [event_type for event_type, _ in self.world.records]

    def attempts(self) -> list[tuple[str, ...]]:
        keys = ("transfer_id", "target", "disposition", "reason")
        return [tuple(p[key] for key in keys) for event_type, p in self.world.records if event_type == "attempt_ended"]

    def dispositions(self) -> list[str]:
        return [p["disposition"] for event_type, p in self.world.records if event_type == "transfer_ended"]


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    call = Call()
    yield call
    call.running.cancel()
    await asyncio.gather(call.running, return_exceptions=True)


async def test_completed_transfer_does_everything_in_order(call: Call) -> None:
    await call.consult()
    await call.clock.advance(0.7)
    await call.happens(ev.QuestionAsked("since when?"), ev.TargetAccepted(), ev.CallerMoved())
    assert await call.running == CallOutcome(disposition=Disposition.COMPLETED, reason="", move=Move.CLIENT_MOVE)
    assert call.world.did == [
        "open billing",
        "brief",
        "hold",
        "answer",
        "close_ears",
        "move client_move",
        "part client_move",
        "close",
    ]
    assert call.recorded() == [
        "transfer_offered",
        "transfer_requested",
        "attempt_begun",
        "consult_opened",
        "target_answered",
        "briefing_sent",
        "caller_held",
        "question_asked",
        "question_answered",
        "target_accepted",
        "move_begun",
        "caller_moved",
        "attempt_ended",
        "transfer_ended",
    ]


async def test_briefing_is_drafted_from_the_transcript(call: Call) -> None:
    await call.consult()
    assert call.world.briefing.caller_name == "Maria Lopez"


async def test_question_is_answered_from_the_conversation(call: Call) -> None:
    await call.consult()
    await call.happens(ev.QuestionAsked("the charge"))
    assert call.world.answers == ["about the charge: yesterday"]


async def test_quick_target_needs_no_hold(call: Call) -> None:
    await call.consult()
    await call.happens(ev.TargetAccepted())
    await call.clock.advance(0.7)
    assert "hold" not in call.world.did


async def held(call: Call) -> None:
    """On hold in the consult, the hold phrase just said."""
    await call.happens(ev.TransferOffered(TWO), ev.TransferRequested(Move.CLIENT_MOVE), ev.TargetAnswered("b"))
    await call.clock.advance(0.7)


async def test_held_caller_is_told_again_and_again_that_the_transfer_is_under_way(call: Call) -> None:
    await held(call)
    await call.clock.advance(19.9)
    assert "tell_waiting" not in call.world.did
    await call.clock.advance(0.1)
    assert call.world.did.count("tell_waiting") == 1
    await call.clock.advance(20)
    assert call.world.did.count("tell_waiting") == 2


async def test_time_to_the_next_update_runs_from_the_end_of_the_phrase(call: Call) -> None:
    phrase = call.world.blocks["hold"] = asyncio.Event()
    await held(call)
    await call.clock.advance(3)
    phrase.set()
    await settle()
    await call.clock.advance(19.9)
    assert "tell_waiting" not in call.world.did
    await call.clock.advance(0.1)
    assert call.world.did.count("tell_waiting") == 1


async def test_time_to_the_update_goes_on_when_a_target_answers_and_when_the_next_is_called(call: Call) -> None:
    await call.happens(ev.TransferOffered(TWO), ev.TransferRequested(Move.CLIENT_MOVE))
    await call.clock.advance(0.7)
    await call.clock.advance(8)
    await call.happens(ev.TargetAnswered("b"))
    await call.clock.advance(8)
    await call.happens(ev.TargetDeclined("not mine"))
    await call.clock.advance(4)
    assert call.state is State.RINGING
    assert call.world.did.count("tell_waiting") == 1


@pytest.mark.parametrize("end", [ev.TargetAccepted(), ev.CancelRequested()], ids=lambda event: type(event).__name__)
async def test_no_update_after_the_hold(call: Call, end: ev.Event) -> None:
    await held(call)
    await call.clock.advance(19)
    await call.happens(end)
    await call.clock.advance(1)
    await call.clock.advance(40)
    assert "tell_waiting" not in call.world.did


async def test_hold_phrase_that_outlasts_the_consult_starts_no_update(call: Call) -> None:
    phrase = call.world.blocks["hold"] = asyncio.Event()
    call.world.blocks["move client_move"] = asyncio.Event()
    await held(call)
    await call.happens(ev.TargetAccepted())
    phrase.set()
    await settle()
    assert call.state is State.MOVING
    assert Deadline.UPDATE not in call.coordinator._timers


async def test_caller_is_moved_only_after_the_update_that_is_being_said(call: Call) -> None:
    update = call.world.blocks["tell_waiting"] = asyncio.Event()
    await held(call)
    await call.clock.advance(20)
    await call.happens(ev.TargetAccepted())
    assert "move client_move" not in call.world.did
    update.set()
    await settle()
    assert call.world.did[-2:] == ["close_ears", "move client_move"]


@pytest.mark.parametrize(
    ("event", "disposition"),
    [
        (ev.TargetDeclined("not mine"), Disposition.DECLINED),
        (ev.TargetLeft(), Disposition.TARGET_LEFT),
        (ev.CancelRequested(), Disposition.CANCELLED),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_failed_consult_gives_the_caller_back_to_agent_a(
    call: Call, event: ev.Event, disposition: Disposition
) -> None:
    await call.consult()
    await call.happens(event)
    assert call.state is State.TALKING
    assert call.world.did[-2:] == [f"take_back {disposition.value}", f"dismiss {disposition.value}"]
    assert call.dispositions() == [disposition.value]
    assert not call.running.done()


async def test_caller_can_be_transferred_after_a_failed_transfer(call: Call) -> None:
    await call.consult()
    await call.happens(ev.TargetDeclined("not mine"))
    await call.consult()
    await call.happens(ev.TargetAccepted(), ev.CallerMoved())
    assert (await call.running).disposition is Disposition.COMPLETED
    assert call.dispositions() == ["declined", "completed"]


async def test_nobody_answering_in_time_gives_the_caller_back(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER), ev.TransferRequested(Move.CLIENT_MOVE))
    await call.clock.advance(15)
    assert call.dispositions() == ["no_answer"]


async def test_silent_target_gives_the_caller_back_at_the_consult_deadline(call: Call) -> None:
    await call.consult()
    await call.clock.advance(15)  # the ring deadline no longer counts
    assert call.state is State.CONSULTING
    await call.clock.advance(60)
    assert call.dispositions() == ["no_answer"]


async def test_move_without_proof_gives_the_caller_back(call: Call) -> None:
    await call.consult()
    await call.happens(ev.TargetAccepted())
    await call.clock.advance(5)
    assert call.dispositions() == ["move_failed"]


async def test_move_that_failed_is_known_for_the_rest_of_the_call(call: Call) -> None:
    assert call.coordinator.failed_moves == set()
    await call.consult(Move.CLOUD_MOVE)
    await call.happens(ev.TargetAccepted(), ev.MoveRefused("not implemented"))
    assert call.coordinator.failed_moves == {Move.CLOUD_MOVE}
    await call.consult(Move.JOIN_CALLER_ROOM)
    await call.happens(ev.TargetAccepted(), ev.TargetLeft())
    assert call.coordinator.failed_moves == {Move.CLOUD_MOVE}


async def test_move_has_its_whole_time_after_a_long_hold_phrase(call: Call) -> None:
    phrase = call.world.blocks["hold"] = asyncio.Event()
    await call.consult()
    await call.clock.advance(0.7)
    await call.happens(ev.TargetAccepted())
    await call.clock.advance(4)
    phrase.set()
    await settle()
    await call.clock.advance(4)
    assert call.state is State.MOVING
    await call.clock.advance(1)
    assert call.dispositions() == ["move_failed"]


async def test_refused_move_gives_the_caller_back(call: Call) -> None:
    call.world.failures["move client_move"] = MoveRefusedError("the client said no")
    await call.consult()
    await call.happens(ev.TargetAccepted())
    assert call.dispositions() == ["move_failed"]
    assert set(call.world.did[-2:]) == {"take_back move_failed", "dismiss move_failed"}


TWO = Offer(transfer_id="t", target="billing", others=("deputy",), skill="billing", reason="charged twice")


async def test_next_target_is_called_when_the_first_declines(call: Call) -> None:
    await call.happens(ev.TransferOffered(TWO), ev.TransferRequested(Move.CLIENT_MOVE), ev.TargetAnswered("b"))
    await call.clock.advance(0.7)
    await call.happens(ev.TargetDeclined("not mine"))
    assert call.state is State.RINGING
    assert call.world.did == ["open billing", "brief", "hold", "dismiss declined", "open deputy"]
    assert call.coordinator.offer is not None
    assert call.coordinator.offer.target == "deputy"
    await call.happens(ev.TargetAnswered("d"), ev.TargetAccepted(), ev.CallerMoved())
    assert (await call.running).disposition is Disposition.COMPLETED
    assert call.attempts() == [("t", "billing", "declined", "not mine"), ("t", "deputy", "completed", "")]
    assert call.dispositions() == ["completed"]
    assert call.world.did.count("hold") == 1


async def test_after_a_busy_target_and_a_voicemail_the_third_is_connected(call: Call) -> None:
    three = replace(TWO, others=("deputy", "general"))
    await call.happens(ev.TransferOffered(three), ev.TransferRequested(Move.CLIENT_MOVE), ev.TargetBusy())
    await call.happens(ev.TargetAnswered("d"), ev.VoicemailReached())  # known only by its words
    await call.happens(ev.TargetAnswered("g"), ev.TargetAccepted(), ev.CallerMoved())
    assert (await call.running).disposition is Disposition.COMPLETED
    assert [attempt[1:3] for attempt in call.attempts()] == [
        ("billing", "busy"),
        ("deputy", "voicemail"),
        ("general", "completed"),
    ]
    assert call.dispositions() == ["completed"]


@pytest.mark.parametrize(
    ("event", "disposition"),
    [(ev.TargetBusy(), Disposition.BUSY), (ev.VoicemailReached(), Disposition.VOICEMAIL)],
    ids=lambda value: type(value).__name__,
)
async def test_last_target_that_nobody_speaks_for_gives_the_caller_back(
    call: Call, event: ev.Event, disposition: Disposition
) -> None:
    await call.happens(ev.TransferOffered(OFFER), ev.TransferRequested(Move.CLIENT_MOVE), event)
    assert call.state is State.TALKING
    assert call.world.did[-2:] == [f"take_back {disposition.value}", f"dismiss {disposition.value}"]
    assert call.dispositions() == [disposition.value]


async def test_each_target_has_the_whole_ring_time(call: Call) -> None:
    await call.happens(ev.TransferOffered(TWO), ev.TransferRequested(Move.CLIENT_MOVE))
    await call.clock.advance(10)
    await call.happens(ev.TargetUnavailable("no server"))
    await call.clock.advance(10)
    assert call.state is State.RINGING
    await call.clock.advance(5)
    assert call.dispositions() == ["no_answer"]
    assert [attempt[1:3] for attempt in call.attempts()] == [("billing", "unavailable"), ("deputy", "no_answer")]


async def test_what_an_earlier_target_still_says_concerns_the_next_one_nothing(call: Call) -> None:
    await call.happens(ev.TransferOffered(TWO), ev.TransferRequested(Move.CLIENT_MOVE), ev.TargetAnswered("b"))
    first = call.world.post
    assert first is not None
    first(ev.TargetDeclined("not mine"))
    first(ev.TargetLeft())  # it leaves as soon as it has declined: both are in the inbox together
    await settle()
    assert call.state is State.RINGING
    first(ev.TargetAccepted())
    await settle()
    assert call.state is State.RINGING
    assert call.dispositions() == []


async def test_what_the_target_of_an_earlier_transfer_says_concerns_the_next_transfer_nothing(call: Call) -> None:
    await call.consult()
    first = call.world.post
    assert first is not None
    await call.happens(ev.CancelRequested())
    await call.consult()
    first(ev.TargetAccepted())
    await settle()
    assert call.state is State.CONSULTING


async def test_failure_of_an_earlier_attempt_does_not_end_the_next_one(call: Call) -> None:
    opening = call.world.blocks["open billing"] = asyncio.Event()
    call.world.failures["open billing"] = TargetUnavailableError("no server")
    await call.happens(ev.TransferOffered(TWO), ev.TransferRequested(Move.CLIENT_MOVE))
    opening.set()
    await call.clock.advance(15)  # the failure and the deadline meet in the inbox
    assert call.state is State.RINGING
    assert call.attempts()[0][1] == "billing"
    assert len(call.attempts()) == 1


@pytest.mark.parametrize("error", [TargetUnavailableError("a room is left"), RuntimeError("a bug")])
async def test_dismissal_that_fails_is_logged_as_such_and_not_blamed_on_the_next_target(
    call: Call, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    call.world.failures["dismiss declined"] = error
    await call.happens(ev.TransferOffered(TWO), ev.TransferRequested(Move.CLIENT_MOVE), ev.TargetAnswered("b"))
    await call.happens(ev.TargetDeclined("not mine"))
    assert call.state is State.RINGING
    assert call.world.did[-2:] == ["dismiss declined", "open deputy"]
    assert call.attempts() == [("t", "billing", "declined", "not mine")]
    assert [one.message for one in caplog.records if one.levelname != "INFO"] == ["clean-up failed"]


async def test_dismissal_that_runs_is_not_cut_short_by_the_next_one(call: Call) -> None:
    telling = call.world.blocks["dismiss declined"] = asyncio.Event()
    await call.happens(ev.TransferOffered(TWO), ev.TransferRequested(Move.CLIENT_MOVE), ev.TargetAnswered("b"))
    await call.happens(ev.TargetDeclined("not mine"), ev.CallerLeft("hung up"))
    telling.set()
    await call.running
    assert call.world.finished == ["open billing", "brief", "dismiss declined", "dismiss caller_left"]


async def test_caller_is_back_when_every_target_declined(call: Call) -> None:
    await call.happens(ev.TransferOffered(TWO), ev.TransferRequested(Move.CLIENT_MOVE))
    await call.happens(ev.TargetAnswered("b"), ev.TargetDeclined("not mine"))
    await call.happens(ev.TargetAnswered("d"), ev.TargetDeclined("nor mine"))
    assert call.state is State.TALKING
    assert call.dispositions() == ["declined"]
    assert [attempt[1:] for attempt in call.attempts()] == [
        ("billing", "declined", "not mine"),
        ("deputy", "declined", "nor mine"),
    ]


async def test_unreachable_target_gives_the_caller_back(call: Call) -> None:
    call.world.failures["open billing"] = TargetUnavailableError("no server")
    await call.happens(ev.TransferOffered(OFFER), ev.TransferRequested(Move.CLIENT_MOVE))
    assert call.dispositions() == ["unavailable"]


async def test_bug_in_a_command_gives_the_caller_back(call: Call) -> None:
    call.world.failures["brief"] = KeyError("bug")
    await call.consult()
    assert call.dispositions() == ["failed"]
    assert call.state is State.TALKING


async def test_hang_up_during_the_consult_dismisses_the_target_and_ends_the_call(call: Call) -> None:
    await call.consult()
    await call.happens(ev.CallerLeft("hung up"))
    outcome = await call.running
    assert outcome == CallOutcome(disposition=Disposition.CALLER_LEFT, reason="hung up", move=None)
    assert call.world.did[-1] == "dismiss caller_left"


async def test_leaving_the_caller_room_during_a_client_move_is_no_hang_up(call: Call) -> None:
    await call.consult()
    await call.happens(ev.TargetAccepted(), ev.CallerAway(), ev.CallerMoved())
    assert (await call.running).disposition is Disposition.COMPLETED


async def test_hang_up_while_the_client_is_asked_to_move_ends_the_call(call: Call) -> None:
    blocked = call.world.blocks["move client_move"] = asyncio.Event()
    call.world.failures["move client_move"] = MoveRefusedError("the recipient is gone")
    await call.consult()
    await call.happens(ev.TargetAccepted(), ev.CallerLeft("hung up"))
    blocked.set()
    assert (await call.running).disposition is Disposition.CALLER_LEFT
    assert "take_back move_failed" not in call.world.did


async def test_caller_lost_during_the_move_is_awaited_by_agent_a(call: Call) -> None:
    await call.consult()
    await call.happens(ev.TargetAccepted(), ev.CallerAway(), ev.TargetLeft())
    assert call.state is State.TALKING
    assert call.world.did[-2:] == ["take_back target_left", "dismiss target_left"]
    await call.happens(ev.CallerReturned(), ev.CallerLeft("goodbye"))
    assert (await call.running).disposition is Disposition.TARGET_LEFT


async def test_call_without_a_transfer_ends_with_disposition_none(call: Call) -> None:
    await call.happens(ev.CallerLeft("goodbye"))
    assert (await call.running).disposition is Disposition.NONE
    assert call.recorded() == []


async def test_hang_up_while_the_target_is_being_called_stops_the_calling(call: Call) -> None:
    call.world.blocks["open billing"] = asyncio.Event()  # never opens
    await call.happens(ev.TransferOffered(OFFER), ev.TransferRequested(Move.CLIENT_MOVE))
    await call.happens(ev.CallerLeft("hung up"))
    assert (await call.running).disposition is Disposition.CALLER_LEFT
    assert call.world.did == ["open billing", "dismiss caller_left"]


async def test_transfer_tool_called_twice_opens_one_consult(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER), ev.TransferRequested(Move.CLIENT_MOVE))
    with pytest.raises(IllegalEventError):
        await call.coordinator.submit(ev.TransferRequested(Move.CLIENT_MOVE))
    assert call.world.did.count("open billing") == 1


async def test_accept_after_cancel_connects_nobody(call: Call) -> None:
    await call.consult()
    await call.happens(ev.CancelRequested(), ev.TargetAccepted(), ev.CallerMoved())
    assert call.state is State.TALKING
    assert "move client_move" not in call.world.did


async def test_cancel_during_the_move_is_refused_and_changes_nothing(call: Call) -> None:
    await call.consult()
    await call.happens(ev.TargetAccepted())
    with pytest.raises(IllegalEventError):
        await call.coordinator.submit(ev.CancelRequested())
    assert call.state is State.MOVING


async def test_taking_the_caller_back_does_not_wait_for_the_hold_phrase(call: Call) -> None:
    call.world.blocks["hold"] = asyncio.Event()
    await call.consult()
    await call.clock.advance(0.7)
    await call.happens(ev.TargetDeclined("not mine"))
    assert "take_back declined" in call.world.did


async def test_withdrawn_offer_can_not_be_requested(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER), ev.OfferWithdrawn())
    with pytest.raises(IllegalEventError):
        await call.coordinator.submit(ev.TransferRequested(Move.CLIENT_MOVE))
    assert call.recorded() == ["transfer_offered", "offer_withdrawn"]


async def asked(call: Call) -> asyncio.Task[Situation]:
    """A tool's question to the table, as far as it gets without time passing."""
    asking = asyncio.create_task(call.coordinator.submit(ev.TransferRequested(Move.CLIENT_MOVE)))
    await settle()
    return asking


def is_refused(asking: asyncio.Task[Situation]) -> bool:
    return asking.done() and isinstance(asking.exception(), CallOverError)


async def test_tool_called_after_the_end_is_refused_at_once(call: Call) -> None:
    await call.happens(ev.CallerLeft("hung up"))
    assert is_refused(await asked(call))


async def test_tool_called_just_behind_the_hang_up_is_refused_with_it(call: Call) -> None:
    call.coordinator.post(ev.CallerLeft("hung up"))
    assert is_refused(await asked(call))


async def test_tool_called_while_the_rooms_of_an_ended_call_are_closed_is_refused_at_once(call: Call) -> None:
    await call.consult()
    call.world.blocks["dismiss caller_left"] = asyncio.Event()
    await call.happens(ev.CallerLeft("hung up"))
    assert is_refused(await asked(call))
    assert not call.running.done()


async def test_tool_called_when_another_job_has_the_call_is_refused(call: Call) -> None:
    await settle()
    call.running.cancel()
    assert is_refused(await asked(call))


async def test_tool_whose_event_breaks_the_coordinator_is_refused(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER))
    del call.world.records  # the next event can't be written
    assert is_refused(await asked(call))
    assert isinstance(call.running.exception(), ExceptionGroup)
