"""Folds the events of a call into its snapshot: pure, so the same events always give the same."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any, Literal, NamedTuple

from warm_transfer.calls.events import CallEvent, Payload
from warm_transfer.calls.log import CallLog, LoggedEvent
from warm_transfer.calls.snapshots import (
    Absence,
    AgentSnapshot,
    Attempt,
    CallRoom,
    CallSnapshot,
    ConsultTurn,
    HandedBack,
    HeardTurn,
    Message,
    Note,
    ProviderChange,
    RoomKind,
    ToolCall,
    TransferSnapshot,
    TurnLatency,
)
from warm_transfer.transfer.briefing import Briefing, Fact, Source


def fold(events: Iterable[LoggedEvent]) -> CallSnapshot:
    """The call that these events tell, in the log's order from its first; unknown types are ignored.

    Raises ValueError if there is no event.
    """
    told = list(events)
    if not told:
        raise ValueError("a call without an event can't be folded")
    return reduce(step, told, CallSnapshot(call_id=told[0].call_id, started_at=told[0].at))


def read_call(log: CallLog, call_id: str) -> CallSnapshot:
    """The call as the log has it; blocks.

    Raises:
        LogUnavailableError: the log can't be read.
        ValueError: it has no event of this call.
    """
    return fold(log.events(call_id))


def read_call_unmasked(log: CallLog, call_id: str) -> CallSnapshot:
    """The call with every word that was said, for a job of this call alone; blocks, and raises as `read_call`."""
    return fold(log.events_unmasked(call_id))


def step(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    """The call after one more event, for a reader that follows it."""
    if event.type in _CALL_STEPS:
        return _CALL_STEPS[event.type](call, event)
    if event.type in _TRANSFER_STEPS:
        return _transfer_step(call, event, _TRANSFER_STEPS[event.type])
    return call


def _call_created(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    call = _with_room(call, event.payload.get("caller_room"), "caller room")
    told = event.payload
    return replace(call, caller_identity=told.get("caller_identity"), caller_name=told.get("caller_name"))


def _call_started(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    call = _with_room(call, event.payload.get("caller_room"), "caller room")
    if call.agents:  # the busy role had it before, and an Agent A came after all
        return call
    return replace(call, started_at=event.at, caller_identity=event.payload.get("caller_identity"))


def _dispatched_again(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    call = _with_room(call, event.payload.get("room"), "caller room")
    caller = event.payload.get("caller_identity")
    return replace(call, caller_identity=caller, dispatched_again=call.dispatched_again + 1)


def _call_ended(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    return replace(call, ended_at=event.at, end_reason=event.payload.get("reason"))


def _call_erased(call: CallSnapshot, _: LoggedEvent) -> CallSnapshot:
    return replace(call, is_erased=True)


def _job_started(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    agent = AgentSnapshot(
        role=event.payload.get("role", ""),
        identity=event.payload.get("identity", ""),
        room=event.payload.get("room", ""),
        pid=event.payload.get("pid"),
        epoch=event.payload.get("epoch", 1),
        started_at=event.at,
    )
    if agent.role == "agent_a" and call.is_with_agent_b:
        *before, last = call.transfers
        call = replace(call, transfers=(*before, replace(last, times=replace(last.times, returned=event.at))))
    return replace(call, agents=(*call.agents, agent))


def _agent_left(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    return _with_last_agent(call, event.payload, left_at=event.at)


def _job_ended(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    return _with_last_agent(call, event.payload, ended_at=event.at)


def _recovery_ended(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    if not event.payload.get("is_done"):
        return call
    return _with_last_agent(call, event.payload, recovered_at=event.at)


def _turn_spoken(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    turn = HeardTurn(
        turn_id=event.payload.get("turn_id", ""),
        speaker=event.payload.get("speaker", "caller"),
        text=event.payload.get("text", ""),
        at=event.payload.get("at", event.at),
        room=event.payload.get("room", ""),
    )
    return replace(call, transcript=(*call.transcript, turn))


def _turn_timed(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    parts = {name: event.payload.get(name) for name in ("stt_ms", "llm_ms", "tts_ms", "total_ms")}
    timed = TurnLatency(turn_id=event.payload.get("turn_id", ""), at=event.at, **parts)
    return replace(call, latency=(*call.latency, timed))


def _message_left(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    message = Message(
        text=event.payload.get("message", ""),
        callback_number=event.payload.get("callback_number", ""),
        target=call.transfers[-1].target if call.transfers else None,
        at=event.at,
    )
    return replace(call, messages=(*call.messages, message))


def _tool_called(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    told = event.payload
    tool = ToolCall(
        tool=told.get("tool", ""),
        speaker=told.get("speaker", ""),
        arguments=dict(told.get("arguments", {})),
        is_refused=told.get("is_refused", False),
        at=event.at,
    )
    return replace(call, tool_calls=(*call.tool_calls, tool))


def _note_left(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    note = Note(text=event.payload.get("text", ""), by=event.payload.get("by", ""), at=event.at)
    return replace(call, notes=(*call.notes, note))


def _command_answered(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    return replace(call, commands=(*call.commands, event.payload.get("command_id", "")))


def _provider_changed(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    changed = ProviderChange(
        kind=event.payload.get("kind", ""),
        provider=event.payload.get("provider", ""),
        is_available=event.type == CallEvent.PROVIDER_RECOVERED,
        at=event.at,
    )
    return replace(call, provider_changes=(*call.provider_changes, changed))


def _caller_away(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    room, reason = event.payload.get("room", ""), event.payload.get("reason", "")
    return replace(call, absences=(*call.absences, Absence(room=room, reason=reason, away_at=event.at)))


def _caller_returned(call: CallSnapshot, event: LoggedEvent) -> CallSnapshot:
    if not call.absences:
        return call
    return replace(call, absences=(*call.absences[:-1], replace(call.absences[-1], returned_at=event.at)))


_CALL_STEPS: Mapping[str, Callable[[CallSnapshot, LoggedEvent], CallSnapshot]] = {
    CallEvent.CALL_CREATED: _call_created,
    CallEvent.CALL_STARTED: _call_started,
    CallEvent.DISPATCHED_AGAIN: _dispatched_again,
    CallEvent.CALL_ENDED: _call_ended,
    CallEvent.CALL_ERASED: _call_erased,
    CallEvent.JOB_STARTED: _job_started,
    CallEvent.JOB_ENDED: _job_ended,
    CallEvent.JOB_DIED: _job_ended,
    CallEvent.RECOVERY_ENDED: _recovery_ended,
    CallEvent.AGENT_LEFT: _agent_left,
    CallEvent.CALLER_AWAY: _caller_away,
    CallEvent.CALLER_RETURNED: _caller_returned,
    CallEvent.TURN_SPOKEN: _turn_spoken,
    CallEvent.TURN_TIMED: _turn_timed,
    CallEvent.MESSAGE_LEFT: _message_left,
    CallEvent.NOTE_LEFT: _note_left,
    CallEvent.TOOL_CALLED: _tool_called,
    CallEvent.COMMAND_APPLIED: _command_answered,
    CallEvent.COMMAND_REFUSED: _command_answered,
    CallEvent.PROVIDER_FAILED_OVER: _provider_changed,
    CallEvent.PROVIDER_RECOVERED: _provider_changed,
}


def _with_room(call: CallSnapshot, name: str | None, kind: RoomKind) -> CallSnapshot:
    """Add the room; a room that served before keeps its kind (join_caller_room: final is caller room)."""
    if not name or any(room.name == name for room in call.rooms):
        return call
    return replace(call, rooms=(*call.rooms, CallRoom(name=name, kind=kind)))


def _with_last_agent(call: CallSnapshot, payload: Payload, **times: Any) -> CallSnapshot:
    """Change the last job of that identity; a job that was never started stays unknown."""
    agents = list(call.agents)
    for index in reversed(range(len(agents))):
        if agents[index].identity == payload.get("identity"):
            agents[index] = replace(agents[index], **times)
            break
    return replace(call, agents=tuple(agents))


class _TransferStep(NamedTuple):
    """What one event tells of a transfer."""

    time: str | None = None
    """The field of TransferTimes that it sets."""
    fields: Mapping[str, str] = {}
    """Which payload key becomes which field of TransferSnapshot."""
    consult: tuple[Literal["question", "answer", "heard"], str] | None = None
    """The kind of ConsultTurn that it adds, and the payload key of its text."""


_TRANSFER_STEPS: Mapping[str, _TransferStep] = {
    CallEvent.TRANSFER_OFFERED: _TransferStep(
        "offered", {"skill": "skill", "target": "target", "reason": "offer_reason"}
    ),
    CallEvent.TRANSFER_ARMED: _TransferStep(
        "armed", {"consult_room": "consult_room", "final_room": "final_room", "move": "move"}
    ),
    CallEvent.TRANSFER_DISARMED: _TransferStep("disarmed", {"reason": "disarm_reason"}),
    CallEvent.OFFER_WITHDRAWN: _TransferStep("withdrawn"),
    CallEvent.TRANSFER_REQUESTED: _TransferStep("requested", {"target": "target"}),
    CallEvent.ATTEMPT_BEGUN: _TransferStep(fields={"target": "target"}),
    CallEvent.ATTEMPT_ENDED: _TransferStep(),
    CallEvent.TARGET_RUNG: _TransferStep(),
    CallEvent.MORE_TIME_GIVEN: _TransferStep(),
    CallEvent.CONSULT_OPENED: _TransferStep(
        "consult_opened", {"consult_room": "consult_room", "final_room": "final_room", "move": "move"}
    ),
    CallEvent.CALLER_HELD: _TransferStep("held"),
    CallEvent.TARGET_ANSWERED: _TransferStep("answered", {"identity": "target_identity"}),
    CallEvent.BRIEFING_SENT: _TransferStep("briefed"),
    CallEvent.QUESTION_ASKED: _TransferStep(consult=("question", "question")),
    CallEvent.QUESTION_ANSWERED: _TransferStep(consult=("answer", "answer")),
    CallEvent.CONSULT_HEARD: _TransferStep(consult=("heard", "text")),
    CallEvent.TARGET_ACCEPTED: _TransferStep("accepted"),
    CallEvent.TARGET_DECLINED: _TransferStep("declined", {"reason": "decline_reason"}),
    CallEvent.MOVE_BEGUN: _TransferStep("move_begun", {"move": "move", "final_room": "final_room"}),
    CallEvent.CALLER_MOVED: _TransferStep("moved", {"final_room": "final_room"}),
    CallEvent.TRANSFER_ENDED: _TransferStep("ended", {"disposition": "disposition", "reason": "reason"}),
    CallEvent.CALLER_HANDED_BACK: _TransferStep("handed_back"),
    CallEvent.HAND_BACK_FAILED: _TransferStep(),
}
_CONSULT_SPEAKERS = {"question": "agent_b", "answer": "agent_a", "heard": ""}


def _transfer_step(call: CallSnapshot, event: LoggedEvent, told: _TransferStep) -> CallSnapshot:
    transfer_id = event.payload.get("transfer_id")
    if not transfer_id:  # a call that ended without a transfer, a message without one
        return call
    known = {transfer.transfer_id: transfer for transfer in call.transfers}
    transfer = known.get(transfer_id, TransferSnapshot(transfer_id=transfer_id))
    changes: dict[str, Any] = {name: event.payload[key] for key, name in told.fields.items() if key in event.payload}
    if told.time:
        changes["times"] = replace(transfer.times, **{told.time: event.at})
    if told.consult:
        changes["consult"] = (*transfer.consult, _consult_turn(event, *told.consult))
    changes["attempts"] = _attempts(transfer.attempts, event)
    if event.type == CallEvent.BRIEFING_SENT:
        changes["briefing"] = _briefing(event.payload.get("briefing", {}))
    if event.type in (CallEvent.CALLER_HANDED_BACK, CallEvent.HAND_BACK_FAILED):
        changes["hand_back"] = _hand_back(event)
    known[transfer_id] = replace(transfer, **changes)
    call = _with_room(call, changes.get("consult_room"), "consult room")
    return replace(_with_room(call, changes.get("final_room"), "final room"), transfers=tuple(known.values()))


def _attempts(attempts: tuple[Attempt, ...], event: LoggedEvent) -> tuple[Attempt, ...]:
    """The attempts after this event; one that was never begun stays unknown."""
    if event.type == CallEvent.ATTEMPT_BEGUN:
        return (*attempts, Attempt(target=event.payload.get("target", ""), rung_at=event.at))
    if not attempts or attempts[-1].disposition is not None:
        return attempts
    if event.type == CallEvent.TARGET_RUNG:
        until = event.at + event.payload.get("ring_timeout_s", 0.0)
        return (*attempts[:-1], replace(attempts[-1], ring_until=until))
    if event.type == CallEvent.MORE_TIME_GIVEN and attempts[-1].ring_until is not None:
        until = attempts[-1].ring_until + event.payload.get("added_s", 0.0)
        return (*attempts[:-1], replace(attempts[-1], ring_until=until))
    if event.type == CallEvent.TARGET_ANSWERED:
        return (*attempts[:-1], replace(attempts[-1], answered_at=event.at))
    if event.type == CallEvent.ATTEMPT_ENDED:
        told = {key: event.payload.get(key, "") for key in ("disposition", "reason")}
        return (*attempts[:-1], replace(attempts[-1], ended_at=event.at, **told))
    return attempts


def _hand_back(event: LoggedEvent) -> HandedBack | None:
    if event.type == CallEvent.HAND_BACK_FAILED:
        return None
    told = event.payload
    return HandedBack(cause=told.get("cause", "asked"), reason=told.get("reason", ""), skill=told.get("skill"))


def _consult_turn(event: LoggedEvent, kind: Literal["question", "answer", "heard"], key: str) -> ConsultTurn:
    by = event.payload.get("by", _CONSULT_SPEAKERS[kind])
    return ConsultTurn(kind=kind, by=by, text=event.payload.get(key, ""), at=event.at)


def _briefing(payload: Payload) -> Briefing:
    facts = (
        Fact(
            kind=fact.get("kind", ""),
            value=fact.get("value", ""),
            turn_id=fact.get("turn_id", ""),
            standing=fact.get("standing", "claimed"),
        )
        for fact in payload.get("facts", ())
    )
    return Briefing(
        caller_name=payload.get("caller_name"),
        reason=payload.get("reason", ""),
        tried=tuple(payload.get("tried", ())),
        asked=payload.get("asked", ""),
        facts=tuple(facts),
        earlier=tuple(payload.get("earlier", ())),
        also=tuple(payload.get("also", ())),
        promises=tuple(payload.get("promises", ())),
        mood=payload.get("mood", ""),
        sources=tuple(
            Source(text=source.get("text", ""), turn_id=source.get("turn_id", ""))
            for source in payload.get("sources", ())
        ),
    )
