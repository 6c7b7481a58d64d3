"""Routes of a person who is Agent B: tokens for the consult and the final room, and presence."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query

from warm_transfer.calls.snapshots import CallSnapshot, TransferSnapshot
from warm_transfer.control.api.access import Known, Staff, readable_call
from warm_transfer.control.api.control import Control
from warm_transfer.control.api.errors import ApiError, faults, not_found
from warm_transfer.control.api.placing import Ticket, expiry
from warm_transfer.control.api.principals import Principal
from warm_transfer.control.api.reading import SessionId, TheControl, agent
from warm_transfer.control.api.requests import PresenceGiven
from warm_transfer.control.api.views import AgentView
from warm_transfer.transfer.livekit_adapter.tokens import MOVE_TOKEN_TTL, desk_identity, desk_token
from warm_transfer.transfer.terms import Move

router = APIRouter(prefix="/api", tags=["desk"])
ActingFor = Annotated[
    str | None,
    Query(alias="agent", max_length=64, description="The local operator's choice of a roster id; else the key's name."),
]


@router.post("/calls/{session_id}/consult-token", responses=faults(401, 403, 404, 409, 503))
async def consult_token(
    session_id: SessionId, control: TheControl, principal: Known, acting_for: ActingFor = None
) -> Ticket:
    """The way into the consult room, for the person who is rung now, and nobody else: joining it answers the ring."""
    call = await asyncio.to_thread(readable_call, control, principal, session_id)
    roster_id = _person(control, principal, acting_for)
    transfer = _transfer(call, roster_id)
    identity = _rung(transfer, roster_id)
    return _ticket(control, session_id, room=transfer.consult_room or "", identity=identity)


@router.post("/calls/{session_id}/target-token", responses=faults(401, 403, 404, 409, 503))
async def target_token(
    session_id: SessionId, control: TheControl, principal: Known, acting_for: ActingFor = None
) -> Ticket:
    """The way to be Agent B with any LiveKit client: it leads into the final room, where Agent A briefs the person.

    Saying or typing "connect" takes the caller, "decline" doesn't, anything else is a question. Only for a caller whom
    the final room is still to be moved to, and good for 60 s.
    """
    call = await asyncio.to_thread(readable_call, control, principal, session_id)
    roster_id = _person(control, principal, acting_for)
    transfer = _transfer(call, roster_id)
    identity = _rung(transfer, roster_id)
    if transfer.move is None or not Move(transfer.move).has_final_room or not transfer.final_room:
        raise ApiError(409, "caller_cannot_move", "This caller can't be moved: take the call at the desk's page.")
    return _ticket(control, session_id, room=transfer.final_room, identity=identity)


@router.post("/calls/{session_id}/final-token", responses=faults(401, 403, 404, 409, 503))
async def final_token(
    session_id: SessionId, control: TheControl, principal: Known, acting_for: ActingFor = None
) -> Ticket:
    """The way into the final room, for the person who accepted, as the same identity; again after a reload."""
    call = await asyncio.to_thread(readable_call, control, principal, session_id)
    roster_id = _person(control, principal, acting_for)
    transfer = _transfer(call, roster_id)
    is_over = call.ended_at is not None or not (transfer.disposition is None or call.is_with_agent_b)
    accepted = transfer.times.accepted is not None and transfer.target == roster_id
    if not accepted or is_over or not transfer.final_room or not transfer.target_identity:
        raise ApiError(409, "not_accepted", "You have not accepted this caller, or the call is over.")
    return _ticket(control, session_id, room=transfer.final_room, identity=transfer.target_identity)


@router.put("/agents/{identity}/presence", responses=faults(401, 403, 404, 409, 503))
async def put_presence(
    identity: Annotated[str, Path(max_length=80)], body: PresenceGiven, control: TheControl, principal: Staff
) -> AgentView:
    """Say whether a person takes calls; it lasts while the desk's WebSocket is open, or 30 s without one."""
    found = await asyncio.to_thread(agent, control, identity)
    is_own = principal.role == "agent" and found.roster_id == principal.name
    if not is_own and principal.role != "operator":
        raise ApiError(403, "not_allowed", "Only the person, or an operator, may say that.")
    if found.kind != "human" or found.roster_id is None:
        raise ApiError(409, "not_a_person", "An AI agent is always available.")
    await control.presences.put(found.roster_id, body.presence)
    return await asyncio.to_thread(agent, control, identity)


def _person(control: Control, principal: Principal, acting_for: str | None) -> str:
    """Whose desk it is; raises ApiError 403 for whoever is no party of a consult."""
    if principal.role != "agent" and not principal.is_local:
        raise ApiError(403, "not_allowed", "Only the person who is rung may do that.")
    roster_id = acting_for if principal.is_local and acting_for else principal.name
    if not any(one.id == roster_id and one.kind == "human" for one in control.roster):
        raise ApiError(403, "not_allowed", "There is no such person on the roster: give it as ?agent=.")
    return roster_id


def _transfer(call: CallSnapshot, roster_id: str) -> TransferSnapshot:
    """The transfer that this person may be a party of."""
    if not call.transfers or not any(one.target == roster_id for one in call.transfers[-1].attempts):
        raise not_found()
    return call.transfers[-1]


def _rung(transfer: TransferSnapshot, roster_id: str) -> str:
    """The identity of the person who is rung, a new one until somebody has answered; ApiError 409 if none is."""
    attempt = transfer.attempts[-1] if transfer.attempts else None
    if attempt is None or attempt.target != roster_id or attempt.disposition is not None or not transfer.consult_room:
        raise ApiError(409, "attempt_over", "You are not rung now.")
    if transfer.target_identity is not None and attempt.answered_at is not None:
        return transfer.target_identity
    return desk_identity(roster_id)


def _ticket(control: Control, session_id: str, *, room: str, identity: str) -> Ticket:
    return Ticket(
        session_id=session_id,
        room=room,
        url=control.browser_url,
        token=desk_token(control.server, room=room, identity=identity),
        identity=identity,
        expires_at=expiry(MOVE_TOKEN_TTL),
    )
