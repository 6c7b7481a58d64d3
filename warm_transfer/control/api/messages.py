"""What goes over the WebSocket: `{type, data, timestamp, seq}`, and who may be told what."""

import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.api.feed import Told
from warm_transfer.control.api.principals import Principal
from warm_transfer.control.api.views import (
    AgentView,
    CallDetail,
    CallSummary,
    LatencyView,
    TransferView,
    TurnView,
    message_views,
)

MessageType = Literal["snapshot", "call_status", "transfer_update", "agent_status", "transcript", "latency"]

_TRANSCRIPT = {CallEvent.TURN_SPOKEN}
_LATENCY = {CallEvent.TURN_TIMED}


class Hello(BaseModel):
    """A client's first message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["hello"]
    last_seq: int | None = Field(default=None, ge=0, le=2**53)
    """Of the last message that the client had; None for a snapshot."""
    calls: list[str] | None = Field(default=None, max_length=50)
    """Only these calls; None for all that the client may see and that are live."""
    key: str | None = Field(default=None, max_length=2000)
    """An API key or call key, for a client without a cookie."""
    agent: str | None = Field(default=None, max_length=64)
    """The local operator's choice of a desk, as a roster id."""
    presence: Literal["available", "away", "busy"] | None = None
    """What the desk says of itself, for as long as it is connected."""


class Said(BaseModel):
    """What a desk says of itself from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["presence"]
    presence: Literal["available", "away", "busy"]


def message(kind: MessageType, data: dict[str, Any], seq: int, at: float | None = None) -> dict[str, Any]:
    """One message as it goes out."""
    return {"type": kind, "data": data, "timestamp": time.time() if at is None else at, "seq": seq}


def snapshot(calls: list[CallSnapshot], agents: list[AgentView], principal: Principal, seq: int) -> dict[str, Any]:
    """Everything that the client may see now; replaces all that it had."""
    shown = [CallDetail.of(principal.shown(call), for_caller=principal.is_caller) for call in calls]
    return message(
        "snapshot", {"calls": [one.model_dump(mode="json") for one in shown], "agents": _agents(agents, principal)}, seq
    )


def agent_status(agents: list[AgentView], principal: Principal, seq: int) -> dict[str, Any]:
    """Who is free; replaces what the client had."""
    return message("agent_status", {"agents": _agents(agents, principal)}, seq)


def update(told: Told, principal: Principal) -> dict[str, Any] | None:
    """What this client is told of an event, None if nothing.

    Who could see the call before or after it is told: a desk must hear that its ring is over.
    """
    if not principal.may_read(told.after) and not (told.before and principal.may_read(told.before)):
        return None
    event, for_caller, after = told.event, principal.is_caller, principal.shown(told.after)
    data: dict[str, Any] = {"session_id": event.call_id, "event": event.type}
    if event.type in _TRANSCRIPT and after.transcript:
        kind: MessageType = "transcript"
        data["turn"] = TurnView.model_validate(after.transcript[-1]).model_dump(mode="json")
    elif event.type in _LATENCY and after.latency:
        kind = "latency"
        data["latency"] = LatencyView.model_validate(after.latency[-1]).model_dump(mode="json")
    elif (transfer := _transfer(event, after, for_caller)) is not None:
        kind = "transfer_update"
        data["transfer"] = transfer.model_dump(mode="json")
    else:
        kind = "call_status"
        data["messages"] = [one.model_dump(mode="json") for one in message_views(after)]
    data["call"] = CallSummary.of(after).model_dump(mode="json")
    return message(kind, data, event.seq, event.at)


def _transfer(event: LoggedEvent, call: CallSnapshot, for_caller: bool) -> TransferView | None:
    transfer_id = event.payload.get("transfer_id")
    found = next((one for one in call.transfers if one.transfer_id == transfer_id), None)
    return TransferView.of(found, for_caller=for_caller) if found else None


def _agents(agents: list[AgentView], principal: Principal) -> list[dict[str, Any]]:
    """For a caller nobody: who works here and when is not theirs to follow."""
    return [] if principal.is_caller else [one.model_dump(mode="json") for one in agents]
