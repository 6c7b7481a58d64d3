from collections.abc import Iterator

import pytest

from warm_transfer.calls.events import CallEvent, Payload
from warm_transfer.calls.folding import fold
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.calls.snapshots import (
    Attempt,
    CallRoom,
    CallSnapshot,
    ConsultTurn,
    HandedBack,
    HeardTurn,
    Message,
    TransferTimes,
)
from warm_transfer.transfer.briefing import Briefing, Fact

T = 1_000_000.0
BRIEFING = {
    "caller_name": "Maria Lopez",
    "reason": "Charged twice.",
    "tried": ["restarted"],
    "asked": "a refund",
    "facts": [{"kind": "account_number", "value": "445566", "turn_id": "t2"}],
}
WARM: list[tuple[float, str, Payload]] = [
    (0.0, "call_started", {"caller_room": "r1", "caller_identity": "caller"}),
    (0.1, "job_started", {"role": "agent_a", "identity": "a1", "room": "r1", "pid": 11, "epoch": 1}),
    (1.0, "turn_spoken", {"turn_id": "t1", "speaker": "agent_a", "room": "r1", "text": "Hi.", "at": T + 0.9}),
    (
        2.0,
        "turn_spoken",
        {"turn_id": "t2", "speaker": "caller", "room": "r1", "text": "445566", "at": T + 1.9},
    ),
    (
        3.0,
        "transfer_offered",
        {"transfer_id": "x1", "skill": "refund", "target": "billing", "reason": "Charged twice."},
    ),
    (4.0, "transfer_requested", {"transfer_id": "x1", "target": "billing"}),
    (4.05, "attempt_begun", {"transfer_id": "x1", "target": "billing"}),
    (
        4.1,
        "consult_opened",
        {"transfer_id": "x1", "consult_room": "r2", "final_room": "r3", "move": "client_move"},
    ),
    (4.8, "caller_held", {"transfer_id": "x1"}),
    (5.0, "job_started", {"role": "agent_b", "identity": "b1", "room": "r3", "pid": 12, "epoch": 2}),
    (5.1, "target_answered", {"transfer_id": "x1", "identity": "b1"}),
    (5.2, "briefing_sent", {"transfer_id": "x1", "briefing": BRIEFING}),
    (5.3, "question_asked", {"transfer_id": "x1", "question": "Which card?"}),
    (5.4, "question_answered", {"transfer_id": "x1", "answer": "Not said."}),
    (5.5, "consult_heard", {"transfer_id": "x1", "by": "agent_b", "text": "which card"}),
    (5.6, "target_accepted", {"transfer_id": "x1"}),
    (5.7, "move_begun", {"transfer_id": "x1", "move": "client_move", "final_room": "r3"}),
    (6.0, "caller_moved", {"transfer_id": "x1", "final_room": "r3"}),
    (6.1, "agent_left", {"role": "agent_a", "identity": "a1"}),
    (6.15, "attempt_ended", {"transfer_id": "x1", "target": "billing", "disposition": "completed", "reason": ""}),
    (6.2, "transfer_ended", {"transfer_id": "x1", "disposition": "completed", "reason": "accepted"}),
    (6.3, "job_ended", {"role": "agent_a", "identity": "a1", "pid": 11}),
    (
        8.0,
        "turn_spoken",
        {"turn_id": "t3", "speaker": "agent_b", "room": "r3", "text": "Maria.", "at": T + 8},
    ),
    (9.5, "call_ended", {"reason": "caller_left"}),
]


def logged(told: list[tuple[float, str, Payload]], call_id: str = "call") -> Iterator[LoggedEvent]:
    for seq, (after_s, event_type, payload) in enumerate(told, start=1):
        yield LoggedEvent(
            seq=seq,
            event_id=f"{call_id}-{seq}",
            call_id=call_id,
            call_seq=seq,
            at=T + after_s,
            type=event_type,
            payload=payload,
        )


def folded(*told: tuple[float, str, Payload]) -> CallSnapshot:
    return fold(logged(list(told)))


def test_every_event_type_changes_the_snapshot_of_the_call_it_happens_in() -> None:
    told = [*WARM]
    told.insert(
        1, (0.05, "dispatched_again", {"room": "r1", "caller_identity": "caller", "role": "agent_a", "by": "w"})
    )
    told.insert(6, (3.5, "offer_withdrawn", {"transfer_id": "x0"}))
    told.insert(13, (5.15, "target_declined", {"transfer_id": "x0", "reason": "busy"}))
    told.insert(11, (4.2, "target_rung", {"transfer_id": "x1", "target": "billing", "attempt": "x1.billing"}))
    told.insert(12, (4.3, "more_time_given", {"transfer_id": "x1", "target": "billing", "added_s": 30.0}))
    told.insert(15, (5.16, "message_left", {"transfer_id": "x0", "message": "call back"}))
    armed = {"transfer_id": "x0", "target": "billing", "consult_room": "r8", "final_room": "r9", "move": "client_move"}
    told.insert(-1, (8.01, "transfer_armed", armed))
    told.insert(-1, (8.02, "transfer_disarmed", {"transfer_id": "x0", "reason": "another offer"}))
    told.insert(3, (1.1, "caller_away", {"room": "caller-1", "reason": "the caller left the room"}))
    told.insert(4, (1.2, "caller_returned", {"room": "caller-1"}))
    handed_back = {"transfer_id": "x1", "identity": "b1", "cause": "asked", "reason": "router", "skill": "technical"}
    told.insert(-1, (8.05, "call_created", {"caller_room": "caller-1", "caller_identity": "c", "caller_name": "Maria"}))
    told.insert(-1, (8.06, "turn_timed", {"turn_id": "t2", "stt_ms": 90, "llm_ms": 300, "tts_ms": 80, "total_ms": 600}))
    told.insert(-1, (8.07, "call_erased", {"by": "alice", "reason": "asked"}))
    told.insert(-1, (8.1, "caller_handed_back", handed_back))
    told.insert(-1, (8.2, "hand_back_failed", {"transfer_id": "x1", "identity": "b1"}))
    told.insert(-1, (8.4, "note_left", {"transfer_id": "x1", "by": "billing", "text": "refund on its way"}))
    told.insert(-1, (8.41, "command_applied", {"command_id": "k1", "command": "note"}))
    told.insert(-1, (8.42, "command_refused", {"command_id": "k2", "command": "cancel", "code": "illegal_event"}))
    asked = {"tool": "offer_transfer", "speaker": "agent_a", "arguments": {"skill": "billing"}, "is_refused": True}
    told.insert(-1, (8.425, "tool_called", asked))
    told.insert(-1, (8.43, "provider_failed_over", {"kind": "llm", "provider": "groq", "to": "local"}))
    told.insert(-1, (8.44, "provider_recovered", {"kind": "llm", "provider": "groq"}))
    told.insert(-1, (8.5, "job_died", {"role": "agent_b", "identity": "b1"}))
    told.insert(-1, (8.6, "recovery_ended", {"role": "agent_b", "identity": "b1", "is_done": True}))
    assert {event_type for _, event_type, _ in told} == set(CallEvent)
    for index, (_, event_type, _) in enumerate(told[1:], start=1):
        assert folded(*told[: index + 1]) != folded(*told[:index]), event_type


def test_attempts_tell_whom_when_and_how_it_ended() -> None:
    transfer = folded(
        (0.0, "attempt_begun", {"transfer_id": "x1", "target": "billing"}),
        (1.0, "target_answered", {"transfer_id": "x1", "identity": "b1"}),
        (2.0, "attempt_ended", {"transfer_id": "x1", "target": "billing", "disposition": "declined", "reason": "no"}),
        (2.1, "attempt_begun", {"transfer_id": "x1", "target": "deputy"}),
    ).transfers[0]
    assert transfer.target == "deputy"
    assert transfer.attempts == (
        Attempt(target="billing", rung_at=T, answered_at=T + 1, ended_at=T + 2, disposition="declined", reason="no"),
        Attempt(target="deputy", rung_at=T + 2.1),
    )


def test_message_tells_where_to_call_back_and_of_which_transfer_it_was_left() -> None:
    left = {"transfer_id": None, "message": "Ring me.", "callback_number": "5550192837"}
    call = folded(*WARM, (9.6, "message_left", left))
    assert call.messages == (Message(text="Ring me.", callback_number="5550192837", target="billing", at=T + 9.6),)
    old = folded((0.0, "message_left", {"transfer_id": "x1", "message": "Ring me."}))
    assert old.messages == (Message(text="Ring me.", callback_number="", target=None, at=T),)


def test_call_began_when_the_first_job_began_it() -> None:
    busy = [WARM[0], (0.1, "job_started", {"role": "busy", "identity": "busy-1", "room": "r1", "pid": 9, "epoch": 1})]
    again = (5.0, "call_started", {"caller_room": "r1", "caller_identity": "caller"})
    assert folded(*busy, again).started_at == T


def test_caller_is_with_agent_b_until_another_agent_a_has_started() -> None:
    again = (9.0, "job_started", {"role": "agent_a", "identity": "a2", "room": "r3", "pid": 13, "epoch": 3})
    asked = {"transfer_id": "x1", "identity": "b1", "cause": "asked", "reason": "router", "skill": "technical"}
    moved, told = WARM[:-1], (8.5, "caller_handed_back", asked)
    assert not folded(*WARM[:18]).is_with_agent_b
    assert folded(*moved).is_with_agent_b
    assert folded(*moved, told).is_with_agent_b
    back = folded(*moved, told, again)
    assert not back.is_with_agent_b
    assert back.completed_transfers == 1
    assert back.transfers[0].hand_back == HandedBack(cause="asked", reason="router", skill="technical")
    assert (back.transfers[0].times.handed_back, back.transfers[0].times.returned) == (T + 8.5, T + 9.0)


def test_agent_b_whom_nobody_relieved_has_the_caller_still() -> None:
    kept = (9.0, "job_started", {"role": "agent_b", "identity": "b1", "room": "r3", "pid": 12, "epoch": 3})
    failed = (9.1, "hand_back_failed", {"transfer_id": "x1", "identity": "b1"})
    call = folded(*WARM[:-1], (8.5, "caller_handed_back", {"transfer_id": "x1", "skill": "technical"}), kept, failed)
    assert call.is_with_agent_b
    assert call.transfers[0].hand_back is None


def test_call_has_its_times_and_its_end() -> None:
    call = folded(*WARM)
    assert (call.call_id, call.caller_identity, call.started_at) == ("call", "caller", T)
    assert (call.ended_at, call.duration_s, call.end_reason) == (T + 9.5, 9.5, "caller_left")


def test_call_that_goes_on_has_no_duration() -> None:
    assert folded(*WARM[:3]).duration_s is None


def test_rooms_come_in_order_with_what_they_are_for() -> None:
    assert folded(*WARM).rooms == (
        CallRoom(name="r1", kind="caller room"),
        CallRoom(name="r2", kind="consult room"),
        CallRoom(name="r3", kind="final room"),
    )


def test_final_room_that_is_the_caller_room_is_listed_once() -> None:
    opened = {"transfer_id": "x1", "consult_room": "r2", "final_room": "r1", "move": "join_caller_room"}
    call = folded(WARM[0], (1.0, "consult_opened", opened))
    assert [room.name for room in call.rooms] == ["r1", "r2"]


def test_transcript_keeps_the_order_the_room_and_the_end_of_speech() -> None:
    call = folded(*WARM)
    assert [(turn.turn_id, turn.room) for turn in call.transcript] == [
        ("t1", "r1"),
        ("t2", "r1"),
        ("t3", "r3"),
    ]
    assert call.transcript[0] == HeardTurn(turn_id="t1", speaker="agent_a", room="r1", text="Hi.", at=T + 0.9)


def test_agents_have_their_epoch_and_when_they_left_and_ended() -> None:
    agent_a, agent_b = folded(*WARM).agents
    assert (agent_a.identity, agent_a.epoch, agent_a.left_at, agent_a.ended_at) == ("a1", 1, T + 6.1, T + 6.3)
    assert (agent_b.identity, agent_b.epoch, agent_b.left_at, agent_b.ended_at) == ("b1", 2, None, None)


def test_job_that_takes_over_under_the_same_identity_is_another_agent() -> None:
    again = {"role": "agent_a", "identity": "a1", "room": "r1", "pid": 13, "epoch": 2}
    left = (7.0, "job_ended", {"role": "agent_a", "identity": "a1", "pid": 13})
    first, second = folded(*WARM[:2], (6.0, "job_started", again), left).agents
    assert (first.epoch, first.ended_at, second.epoch, second.ended_at) == (1, None, 2, T + 7.0)


def test_transfer_has_all_that_was_said_of_it() -> None:
    (transfer,) = folded(*WARM).transfers
    assert (transfer.skill, transfer.target, transfer.offer_reason) == ("refund", "billing", "Charged twice.")
    assert (transfer.move, transfer.consult_room, transfer.final_room) == ("client_move", "r2", "r3")
    assert (transfer.disposition, transfer.reason) == ("completed", "accepted")
    assert transfer.briefing == Briefing(
        caller_name="Maria Lopez",
        reason="Charged twice.",
        tried=("restarted",),
        asked="a refund",
        facts=(Fact(kind="account_number", value="445566", turn_id="t2"),),
    )
    assert transfer.consult == (
        ConsultTurn(kind="question", by="agent_b", text="Which card?", at=T + 5.3),
        ConsultTurn(kind="answer", by="agent_a", text="Not said.", at=T + 5.4),
        ConsultTurn(kind="heard", by="agent_b", text="which card", at=T + 5.5),
    )


def test_transfer_has_the_time_of_each_step() -> None:
    (transfer,) = folded(*WARM).transfers
    assert transfer.times == TransferTimes(
        offered=T + 3.0,
        requested=T + 4.0,
        consult_opened=T + 4.1,
        held=T + 4.8,
        answered=T + 5.1,
        briefed=T + 5.2,
        accepted=T + 5.6,
        move_begun=T + 5.7,
        moved=T + 6.0,
        ended=T + 6.2,
    )


def test_hold_lasts_until_the_caller_is_moved() -> None:
    call = folded(*WARM)
    assert (call.hold_ms, call.transfers[0].hold_ms) == (1200, 1200)


def test_hold_of_a_failed_transfer_lasts_until_it_ended() -> None:
    ended = {"transfer_id": "x1", "disposition": "no_answer", "reason": "ring_timeout"}
    call = folded((0.0, "caller_held", {"transfer_id": "x1"}), (2.5, "transfer_ended", ended))
    assert call.hold_ms == 2500


def test_hold_that_goes_on_has_no_length_yet() -> None:
    assert folded((0.0, "caller_held", {"transfer_id": "x1"})).transfers[0].hold_ms is None


def test_second_transfer_of_a_call_stands_beside_the_first() -> None:
    declined = (10.0, "target_declined", {"transfer_id": "x2", "reason": "busy"})
    first, second = folded(*WARM, declined).transfers
    assert (first.decline_reason, second.decline_reason) == (None, "busy")


def test_fallback_move_replaces_the_failed_one() -> None:
    second = {"transfer_id": "x1", "move": "join_caller_room", "final_room": "r1"}
    (transfer,) = folded(*WARM[:16], (7.0, "move_begun", second)).transfers
    assert (transfer.move, transfer.final_room) == ("join_caller_room", "r1")


def test_unknown_event_types_and_keys_are_ignored() -> None:
    extra = {"transfer_id": "x1", "mood": "sunny"}
    known = folded(WARM[0], (1.0, "caller_held", {"transfer_id": "x1"}))
    assert folded(WARM[0], (0.5, "weather_changed", extra), (1.0, "caller_held", extra)) == known


@pytest.mark.parametrize("event_type", CallEvent)
def test_event_without_any_payload_makes_up_no_transfer(event_type: CallEvent) -> None:
    assert folded((0.0, event_type, {})).transfers == ()


def test_call_without_events_is_refused() -> None:
    with pytest.raises(ValueError, match="without an event"):
        fold([])
