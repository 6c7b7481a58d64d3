"""What a call looks like, at any moment of it: values that folding.py makes from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from warm_transfer.transfer.briefing import Briefing, Turn

RoomKind = Literal["caller room", "consult room", "final room"]
_COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRoom:
    """A room of the call, by what it was first used for."""

    name: str
    kind: RoomKind


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSnapshot:
    """One agent job of the call."""

    role: str
    identity: str
    room: str
    pid: int | None
    epoch: int
    """Grows by one each time a job takes the call over."""
    started_at: float
    left_at: float | None = None
    """When its participant left the room."""
    ended_at: float | None = None
    """When its job ended."""
    recovered_at: float | None = None
    """When what its death left undone was seen to; None for one that did not die."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardTurn(Turn):
    """A turn and the room it was spoken in."""

    room: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultTurn:
    """One step of the consult after the briefing."""

    kind: Literal["question", "answer", "heard"]
    """"heard": words of a spoken consult as they were recognized."""
    by: str
    text: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the caller asked to pass on."""

    text: str
    callback_number: str
    """Digits as the caller said them, empty if no callback was asked for."""
    target: str | None
    """Of the transfer before or during which it was left."""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLatency:
    """How long the caller waited for an agent's answer, and for what; None where it was not measured."""

    turn_id: str
    stt_ms: int | None
    llm_ms: int | None
    tts_ms: int | None
    total_ms: int | None
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A function tool that an agent's model called."""

    tool: str
    speaker: str
    arguments: Mapping[str, str]
    is_refused: bool
    """Code did not let the model have its way."""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What Agent B noted on the call."""

    text: str
    by: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """The caller was not in the room, and awaited."""

    room: str
    reason: str
    away_at: float
    returned_at: float | None = None
    """None for one who did not come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One target that was called; times in seconds since the epoch, None if it did not happen."""

    target: str
    rung_at: float
    ring_until: float | None = None
    """When a person's ring ends unless it is answered; None for an AI."""
    answered_at: float | None = None
    ended_at: float | None = None
    disposition: str | None = None
    """None while the attempt runs."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedBack:
    """Why Agent B left the caller to Agent A, and what comes next."""

    cause: str
    """"asked" by Agent B's model, "failed": its session gave up, or "drained": its worker ends."""
    reason: str
    skill: str | None
    """What the caller agreed to be connected with, None if Agent A just goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTimes:
    """When each step happened, of several attempts the last; seconds since the epoch, None if it did not."""

    offered: float | None = None
    armed: float | None = None
    disarmed: float | None = None
    withdrawn: float | None = None
    requested: float | None = None
    consult_opened: float | None = None
    held: float | None = None
    answered: float | None = None
    briefed: float | None = None
    accepted: float | None = None
    declined: float | None = None
    move_begun: float | None = None
    moved: float | None = None
    ended: float | None = None
    handed_back: float | None = None
    returned: float | None = None
    """When an Agent A took the caller over again, by whatever way it came to that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSnapshot:
    """One transfer of the call, from the offer on."""

    transfer_id: str
    skill: str | None = None
    target: str | None = None
    offer_reason: str | None = None
    target_identity: str | None = None
    consult_room: str | None = None
    final_room: str | None = None
    move: str | None = None
    attempts: tuple[Attempt, ...] = ()
    """Who was called, in order."""
    briefing: Briefing | None = None
    consult: tuple[ConsultTurn, ...] = ()
    decline_reason: str | None = None
    disarm_reason: str | None = None
    """Why what was made ready while the caller was asked was undone, None if it was not, or was taken over."""
    disposition: str | None = None
    """None while the transfer runs, and for an offer that was withdrawn."""
    reason: str | None = None
    """Why it ended so."""
    hand_back: HandedBack | None = None
    times: TransferTimes = field(default_factory=TransferTimes)

    @property
    def is_armed(self) -> bool:
        """Whether target and rooms are ready for a caller who has not agreed yet."""
        return self.times.armed is not None and self.times.disarmed is None and self.times.requested is None

    @property
    def hold_ms(self) -> int | None:
        """How long the caller was held, until moved or given back; None if never held or still held."""
        freed = self.times.ended if self.times.moved is None else self.times.moved
        return None if self.times.held is None or freed is None else round((freed - self.times.held) * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderChange:
    """A provider of models that failed over to the next of its chain, or came back."""

    kind: str
    """llm, stt, tts."""
    provider: str
    is_available: bool
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSnapshot:
    """A whole call."""

    call_id: str
    started_at: float
    caller_identity: str | None = None
    caller_name: str | None = None
    """As the caller gave it: for display, proves nothing."""
    ended_at: float | None = None
    end_reason: str | None = None
    rooms: tuple[CallRoom, ...] = ()
    agents: tuple[AgentSnapshot, ...] = ()
    transcript: tuple[HeardTurn, ...] = ()
    transfers: tuple[TransferSnapshot, ...] = ()
    latency: tuple[TurnLatency, ...] = ()
    messages: tuple[Message, ...] = ()
    notes: tuple[Note, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    absences: tuple[Absence, ...] = ()
    is_erased: bool = False
    """What was said is no longer there."""
    commands: tuple[str, ...] = ()
    """Ids of the control API's commands that were answered."""
    provider_changes: tuple[ProviderChange, ...] = ()
    """In the order in which they came."""
    dispatched_again: int = 0
    """How often somebody was asked for because nobody answered the caller."""

    @property
    def duration_s(self) -> float | None:
        """None while the call goes on."""
        return None if self.ended_at is None else self.ended_at - self.started_at

    @property
    def last_epoch(self) -> int:
        """Of the latest job that was in the call, 0 if there was none."""
        return max((agent.epoch for agent in self.agents), default=0)

    @property
    def owner(self) -> AgentSnapshot | None:
        """The job that has the caller, and takes commands; None if the call is over, or its job is being replaced."""
        roles = ("agent_b", "attendant") if self.is_with_agent_b else ("agent_a",)
        mine = (one for one in reversed(self.agents) if one.role in roles)
        last = next(mine, None) if self.ended_at is None else None
        return last if last is not None and last.left_at is None and last.ended_at is None else None

    @property
    def is_transferring(self) -> bool:
        """Whether a transfer is under way: the caller agreed, and it has no disposition yet."""
        last = self.transfers[-1] if self.transfers else None
        return last is not None and last.times.requested is not None and last.disposition is None

    @property
    def completed_transfers(self) -> int:
        """How often the caller was moved to an Agent B."""
        return sum(transfer.disposition == _COMPLETED for transfer in self.transfers)

    @property
    def is_with_agent_b(self) -> bool:
        """Whether the caller was moved, and no Agent A has taken the call over since."""
        last = self.transfers[-1] if self.transfers else None
        return last is not None and last.disposition == _COMPLETED and last.times.returned is None

    @property
    def hold_ms(self) -> int:
        """How long the caller was held, over all transfers that are over."""
        return sum(transfer.hold_ms or 0 for transfer in self.transfers)
