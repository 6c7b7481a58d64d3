"""What the API and the WebSocket show: pydantic models, made from the folded call."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from warm_transfer.calls.snapshots import CallSnapshot, ToolCall, TransferSnapshot

CallState = Literal["created", "talking", "offered", "ringing", "consulting", "moving", "with_agent_b", "ended"]
Presence = Literal["available", "away", "busy"]

_HIDDEN_FROM_CALLER: Mapping[str, object] = {"briefing": None, "consult": [], "decline_reason": None, "reason": None}
_UNIX = "Seconds since the epoch."


class View(BaseModel):
    """Base of everything shown; built from the snapshots' own attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class TurnView(View):
    """One finished utterance."""

    turn_id: str = Field(examples=["t1_3"])
    speaker: Literal["caller", "agent_a", "agent_b"]
    text: str = Field(examples=["My bill is 20 dollars too high."])
    at: float = Field(description="End of the utterance, seconds since the epoch.")


class ToolCallView(View):
    """A function tool that an agent's model called."""

    tool: str = Field(examples=["offer_transfer"])
    speaker: Literal["agent_a", "agent_b"]
    skill: str | None = Field(description="Whom it was for, where the tool asks that.", examples=["billing"])
    words: str = Field(description="The reason or message that the model gave.")
    is_refused: bool = Field(description="Code did not let the model have its way.")
    at: float = Field(description="Seconds since the epoch.")


class FactView(View):
    """Something the caller said that nobody should ask for again."""

    kind: str = Field(examples=["account_number"])
    value: str = Field(examples=["445566"])
    turn_id: str = Field(description="The turn of the transcript it came from.", examples=["t1_3"])
    standing: Literal["claimed", "verified"] = Field(description="Whether anybody but the caller has confirmed it.")


class SourceView(View):
    """Which turn a statement of a briefing comes from."""

    text: str
    turn_id: str = Field(examples=["t1_3"])


class BriefingView(View):
    """What Agent B is told."""

    caller_name: str | None
    reason: str
    tried: list[str]
    asked: str
    facts: list[FactView]
    earlier: list[str]
    also: list[str] = Field(description="What else the caller told, in their words.")
    promises: list[str] = Field(description="What the caller says they were promised.")
    mood: str = Field(description="Empty if nothing tells it.", examples=["upset"])
    sources: list[SourceView] = Field(description="The turn of each statement of asked, tried, also and promises.")


class ConsultTurnView(View):
    """One step of the consult after the briefing."""

    kind: Literal["question", "answer", "heard"]
    by: str
    text: str
    at: float = Field(description=_UNIX)


class AttemptView(View):
    """One target that was called."""

    attempt: str = Field(description="Names the attempt in accept, decline and wait.", examples=["9f2c.billing"])
    target: str = Field(description="Roster id.", examples=["billing"])
    rung_at: float = Field(description=_UNIX)
    ring_until: float | None = Field(description="When a person's ring ends; null for an AI.")
    answered_at: float | None
    ended_at: float | None
    disposition: str | None = Field(description="Null while the attempt runs.")
    reason: str


class HandBackView(View):
    """Why Agent B gave the caller back to Agent A."""

    cause: str
    reason: str
    skill: str | None


class TimesView(View):
    """When each step of a transfer happened, of several attempts the last; seconds since the epoch."""

    offered: float | None
    withdrawn: float | None
    requested: float | None
    consult_opened: float | None
    held: float | None
    answered: float | None
    briefed: float | None
    accepted: float | None
    declined: float | None
    move_begun: float | None
    moved: float | None
    ended: float | None
    handed_back: float | None
    returned: float | None


class TransferView(View):
    """One transfer from the offer on."""

    transfer_id: str
    skill: str | None = Field(examples=["billing"])
    target: str | None = Field(description="Roster id of who is called now, or was called last.")
    offer_reason: str | None
    target_identity: str | None = Field(description="Who answered, as a LiveKit identity.")
    move: str | None = Field(description="client_move, cloud_move or join_caller_room.")
    attempts: list[AttemptView]
    briefing: BriefingView | None = Field(description="Null before it was made; never shown to the caller.")
    consult: list[ConsultTurnView] = Field(description="Never shown to the caller.")
    decline_reason: str | None
    disposition: str | None = Field(description="Null while the transfer runs.", examples=["completed"])
    reason: str | None
    hand_back: HandBackView | None
    times: TimesView
    hold_ms: int | None

    @classmethod
    def of(cls, transfer: TransferSnapshot, *, for_caller: bool = False) -> Self:
        """The whole transfer, or what the caller may see of it: no word of the consult."""
        attempts = [
            AttemptView(
                attempt=f"{transfer.transfer_id}.{one.target}",
                target=one.target,
                rung_at=one.rung_at,
                ring_until=one.ring_until,
                answered_at=one.answered_at,
                ended_at=one.ended_at,
                disposition=one.disposition,
                reason="" if for_caller else one.reason,
            )
            for one in transfer.attempts
        ]
        hidden: dict[str, object] = (
            {"briefing": None, "consult": [], "decline_reason": None, "reason": None} if for_caller else {}
        )
        shown = {name: getattr(transfer, name) for name in cls.model_fields if name != "attempts"}
        return cls.model_validate({**shown, "attempts": attempts, **hidden})


class MessageView(View):
    """What a caller asked to pass on."""

    session_id: str
    text: str
    callback_number: str = Field(description="Digits; empty if no callback was asked for.")
    target: str | None
    at: float = Field(description=_UNIX)


class LatencyView(View):
    """How long the caller waited for an agent's answer, and for what; null where it was not measured."""

    turn_id: str
    stt_ms: int | None
    llm_ms: int | None
    tts_ms: int | None
    total_ms: int | None
    at: float = Field(description=_UNIX)


class NoteView(View):
    """What Agent B noted on the call."""

    text: str
    by: str
    at: float = Field(description=_UNIX)


class AbsenceView(View):
    """The caller was away from the room, and awaited."""

    reason: str
    away_at: float
    returned_at: float | None


class JobView(View):
    """One agent job that was in the call."""

    role: str
    identity: str
    started_at: float
    left_at: float | None
    ended_at: float | None


class CallSummary(View):
    """One line of the call list."""

    session_id: str = Field(examples=["3f1c2a9b8e7d4c5f9a0b1c2d3e4f5a6b"])
    state: CallState
    is_held: bool = Field(description="Whether the caller hears hold music now.")
    caller_name: str | None = Field(description="As the caller gave it: a display name, proves nothing.")
    caller_identity: str | None
    started_at: float = Field(description=_UNIX)
    ended_at: float | None
    end_reason: str | None
    duration_s: float | None
    disposition: str | None = Field(description="Of the last transfer; null if there was none, or while it runs.")
    target: str | None = Field(description="Roster id of the last transfer's target.")
    transfer_count: int = Field(description="How often the caller was moved to an Agent B.")
    hold_ms: int

    @classmethod
    def of(cls, call: CallSnapshot) -> Self:
        """The call in one line."""
        return cls.model_validate(_summary(call))


class CallDetail(CallSummary):
    """A whole call."""

    transcript: list[TurnView]
    transfers: list[TransferView]
    latency: list[LatencyView]
    messages: list[MessageView]
    notes: list[NoteView] = Field(description="Never shown to the caller.")
    tool_calls: list[ToolCallView] = Field(description="Never shown to the caller.")
    is_erased: bool = Field(description="What was said is no longer there.")
    absences: list[AbsenceView]
    jobs: list[JobView]

    @classmethod
    def of(cls, call: CallSnapshot, *, for_caller: bool = False) -> Self:
        """The whole call, or what its caller may see of it."""
        return cls.model_validate(
            {
                **_summary(call),
                "transcript": list(call.transcript),
                "transfers": [TransferView.of(one, for_caller=for_caller) for one in call.transfers],
                "latency": list(call.latency),
                "messages": message_views(call),
                "notes": [] if for_caller else list(call.notes),
                "tool_calls": [] if for_caller else [_tool_call(one) for one in call.tool_calls],
                "is_erased": call.is_erased,
                "absences": list(call.absences),
                "jobs": list(call.agents),
            }
        )


def _tool_call(tool: ToolCall) -> dict[str, Any]:
    words = tool.arguments.get("reason") or tool.arguments.get("message", "")
    return {
        "tool": tool.tool,
        "speaker": tool.speaker,
        "skill": tool.arguments.get("skill"),
        "words": words,
        "is_refused": tool.is_refused,
        "at": tool.at,
    }


class AgentView(View):
    """Somebody who can speak with a caller."""

    identity: str = Field(examples=["agent_b_billing"])
    role: Literal["agent_a", "agent_b"]
    roster_id: str | None = Field(description="Null for Agent A.", examples=["billing"])
    name: str = Field(examples=["Ben"])
    title: str
    skills: list[str]
    kind: Literal["ai", "human"]
    presence: Presence


class CallPage(View):
    """Calls, the latest first."""

    calls: list[CallSummary]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null at the end.")


class AgentList(View):
    """Everybody, Agent A first."""

    agents: list[AgentView]


class MessageList(View):
    """What callers left, the latest first."""

    messages: list[MessageView]


def message_views(call: CallSnapshot) -> list[MessageView]:
    """The call's messages."""
    return [
        MessageView(
            session_id=call.call_id,
            text=one.text,
            callback_number=one.callback_number,
            target=one.target,
            at=one.at,
        )
        for one in call.messages
    ]


def state_of(call: CallSnapshot) -> CallState:
    """Where the call stands."""
    if call.ended_at is not None:
        return "ended"
    if not call.agents:
        return "created"
    if call.is_with_agent_b:
        return "with_agent_b"
    last = call.transfers[-1] if call.transfers else None
    if last is None or last.disposition is not None or last.times.withdrawn is not None:
        return "talking"
    if last.times.requested is None:
        return "offered"
    rung_at = last.attempts[-1].rung_at if last.attempts else last.times.requested
    if (last.times.move_begun or 0.0) > rung_at:
        return "moving"
    return "consulting" if (last.times.answered or 0.0) > rung_at else "ringing"


def is_held(call: CallSnapshot) -> bool:
    """Whether the caller is on hold now."""
    last = call.transfers[-1] if call.transfers else None
    return bool(call.ended_at is None and last and last.times.held and not last.times.moved and not last.disposition)


def _summary(call: CallSnapshot) -> dict[str, object]:
    last = call.transfers[-1] if call.transfers else None
    return {
        "session_id": call.call_id,
        "state": state_of(call),
        "is_held": is_held(call),
        "caller_name": call.caller_name,
        "caller_identity": call.caller_identity,
        "started_at": call.started_at,
        "ended_at": call.ended_at,
        "end_reason": call.end_reason,
        "duration_s": call.duration_s,
        "disposition": last.disposition if last else None,
        "target": last.target if last else None,
        "transfer_count": call.completed_transfers,
        "hold_ms": call.hold_ms,
    }
