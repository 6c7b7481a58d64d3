"""Routes that only read: calls, agents, messages."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.api.access import Known, Reader, Staff, readable_call
from warm_transfer.control.api.control import Control, control_of
from warm_transfer.control.api.errors import faults, not_found
from warm_transfer.control.api.views import (
    AgentList,
    AgentView,
    CallDetail,
    CallPage,
    CallState,
    CallSummary,
    MessageList,
    message_views,
    state_of,
)
from warm_transfer.transfer.terms import Disposition

SessionId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The call's id.")]
TheControl = Annotated[Control, Depends(control_of)]

SCAN_PAGE = 50
MOST_SCANNED = 1000
"""Calls that one request looks at: a rare filter goes on with the cursor instead of holding the log for long."""

router = APIRouter(prefix="/api")


@router.get("/calls", responses=faults(401, 403, 503), tags=["calls"])
def list_calls(
    control: TheControl,
    principal: Reader,
    state: Annotated[CallState | Literal["live"] | None, Query(description="`live`: every state but ended.")] = None,
    disposition: Annotated[Disposition | None, Query(description="Of the last transfer.")] = None,
    since: Annotated[float | None, Query(alias="from", ge=0, le=1e11, description="Started then or later.")] = None,
    until: Annotated[float | None, Query(alias="to", ge=0, le=1e11, description="Started before then.")] = None,
    cursor: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> CallPage:
    """The history: calls, the latest first. A page may hold fewer than `limit` and still have a `next_cursor`."""
    found: list[CallSummary] = []
    last, looked_at = cursor, 0
    while looked_at < MOST_SCANNED:
        ids = control.log.call_ids(limit=SCAN_PAGE, before=last)
        for call_id in ids:
            last, looked_at = call_id, looked_at + 1
            call = control.call(call_id)
            if call is None:
                continue
            if since is not None and call.started_at < since:
                return CallPage(calls=found, next_cursor=None)
            if _is_asked_for(call, state, disposition, until):
                found.append(CallSummary.of(call))
            if len(found) == limit:
                return CallPage(calls=found, next_cursor=last)
        if len(ids) < SCAN_PAGE:
            return CallPage(calls=found, next_cursor=None)
    return CallPage(calls=found, next_cursor=last)


@router.get("/calls/{session_id}", responses=faults(401, 403, 404, 503), tags=["calls"])
def show_call(session_id: SessionId, control: TheControl, principal: Known) -> CallDetail:
    """A whole call as it is now: state, transcript, transfers with attempts and times, briefing."""
    call = readable_call(control, principal, session_id)
    return CallDetail.of(call, for_caller=principal.is_caller)


@router.get("/agents", responses=faults(401, 403, 503), tags=["agents"])
def list_agents(control: TheControl, principal: Staff) -> AgentList:
    """Everybody who can speak with a caller, and who is free."""
    return AgentList(agents=control.agents())


@router.get("/agents/{identity}", responses=faults(401, 403, 404, 503), tags=["agents"])
def show_agent(
    identity: Annotated[str, Path(max_length=80, examples=["agent_b_billing"])], control: TheControl, principal: Staff
) -> AgentView:
    """One of them."""
    return agent(control, identity)


@router.get("/messages", responses=faults(401, 403, 503), tags=["messages"])
def list_messages(
    control: TheControl, principal: Reader, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> MessageList:
    """What callers asked to pass on, of the latest calls."""
    return _messages(control, limit, callbacks_only=False)


@router.get("/callbacks", responses=faults(401, 403, 503), tags=["messages"])
def list_callbacks(
    control: TheControl, principal: Reader, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> MessageList:
    """Messages whose caller asked to be called back."""
    return _messages(control, limit, callbacks_only=True)


def agent(control: Control, identity: str) -> AgentView:
    """Who has this identity.

    Raises:
        ApiError: 404.
    """
    found = next((one for one in control.agents() if one.identity == identity), None)
    if found is None:
        raise not_found("agent")
    return found


def _messages(control: Control, limit: int, *, callbacks_only: bool) -> MessageList:
    calls = (control.call(call_id) for call_id in control.log.call_ids_with(CallEvent.MESSAGE_LEFT, limit))
    left = [one for call in calls if call is not None for one in message_views(call)]
    chosen = [one for one in left if one.callback_number or not callbacks_only]
    return MessageList(messages=sorted(chosen, key=lambda one: -one.at)[:limit])


def _is_asked_for(call: CallSnapshot, state: str | None, disposition: Disposition | None, until: float | None) -> bool:
    if until is not None and call.started_at >= until:
        return False
    if state is not None and state_of(call) != state and not (state == "live" and call.ended_at is None):
        return False
    return disposition is None or (bool(call.transfers) and call.transfers[-1].disposition == disposition.value)
