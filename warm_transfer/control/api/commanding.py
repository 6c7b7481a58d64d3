"""Routes that change a call: each becomes one command to its job, which alone decides; nothing is changed here."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import Field

from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.api.access import Known, readable_call
from warm_transfer.control.api.control import Control
from warm_transfer.control.api.errors import ApiError, faults
from warm_transfer.control.api.explanation import explain
from warm_transfer.control.api.principals import Principal, Role
from warm_transfer.control.api.reading import SessionId, TheControl
from warm_transfer.control.api.requests import ExplanationAsked, LastWords, NoteGiven, ReasonGiven, TransferAsked
from warm_transfer.control.api.sender import send_command
from warm_transfer.control.api.views import CallDetail, View, state_of
from warm_transfer.transfer.control_wire import (
    AcceptCall,
    Cancel,
    ControlCommand,
    DeclineCall,
    End,
    HandBackCall,
    Note,
    TransferNow,
    TransferOn,
    Wait,
)

router = APIRouter(prefix="/api/calls/{session_id}", tags=["commands"])
_REFUSALS = faults(401, 403, 404, 409, 503, 504)


class Done(View):
    """The call's job has applied the command."""

    command_id: str = Field(description="The events that it led to carry it, too.")
    call: CallDetail = Field(description="As it is now; what the command set off may still go on.")


class Explanation(View):
    """The transfer in words."""

    text: str = Field(examples=["You are on hold while Ben, our billing specialist, is told what you need."])


@router.post("/transfer", responses=_REFUSALS)
async def transfer(session_id: SessionId, body: TransferAsked, control: TheControl, principal: Known) -> Done:
    """Transfer the caller to whoever has this skill, now."""
    call = await _call(control, principal, session_id, "operator")
    if not any(body.skill in one.skills for one in control.roster):
        skills = ", ".join(sorted({skill for one in control.roster for skill in one.skills}))
        raise ApiError(422, "bad_input", f"body.skill: nobody has it; there is {skills}.")
    return await _do(control, principal, call, TransferNow(skill=body.skill, reason=body.reason))


@router.post("/cancel", responses=_REFUSALS)
async def cancel(session_id: SessionId, control: TheControl, principal: Known) -> Done:
    """Stop the transfer that is under way; the caller goes on with Agent A."""
    call = await _call(control, principal, session_id, "operator", "caller")
    return await _do(control, principal, call, Cancel())


@router.post("/end", responses=_REFUSALS)
async def end(
    session_id: SessionId, control: TheControl, principal: Known, body: Annotated[LastWords | None, Body()] = None
) -> Done:
    """End the call, with a note if one is given."""
    call = await _call(control, principal, session_id, "operator", "agent", "caller")
    _refuse_stranger(principal, call)
    if body and body.note:
        if principal.role == "caller":
            raise ApiError(403, "not_allowed", "Only Agent B may leave a note.")
        await send_command(control, call, Note(text=body.note))
    return await _do(control, principal, call, End())


@router.post("/note", responses=_REFUSALS)
async def note(session_id: SessionId, body: NoteGiven, control: TheControl, principal: Known) -> Done:
    """Keep a note of Agent B's with the call."""
    call = await _call(control, principal, session_id, "operator", "agent")
    return await _do(control, principal, call, Note(text=body.note))


@router.post("/complete", responses=_REFUSALS)
async def complete(
    session_id: SessionId, control: TheControl, principal: Known, body: Annotated[LastWords | None, Body()] = None
) -> Done:
    """Complete the transfer: while Agent B is consulted, accept on its behalf; the caller is then moved."""
    call = await _call(control, principal, session_id, "operator", "agent")
    attempt = _running_attempt(principal, call)
    done = await _do(control, principal, call, AcceptCall(attempt=attempt))
    if body and body.note:
        await send_command(control, call, Note(text=body.note))
    return done


@router.post("/accept", responses=_REFUSALS)
async def accept(session_id: SessionId, control: TheControl, principal: Known) -> Done:
    """Take the caller, as the Agent B that is consulted."""
    call = await _call(control, principal, session_id, "operator", "agent")
    return await _do(control, principal, call, AcceptCall(attempt=_running_attempt(principal, call)))


@router.post("/decline", responses=_REFUSALS)
async def decline(
    session_id: SessionId, control: TheControl, principal: Known, body: Annotated[ReasonGiven | None, Body()] = None
) -> Done:
    """Do not take the caller; the next target is called, if there is one."""
    call = await _call(control, principal, session_id, "operator", "agent")
    command = DeclineCall(attempt=_running_attempt(principal, call), reason=body.reason if body else "")
    return await _do(control, principal, call, command)


@router.post("/wait", responses=_REFUSALS)
async def wait(session_id: SessionId, control: TheControl, principal: Known) -> Done:
    """Half a minute more to answer, or to decide; four times at most."""
    call = await _call(control, principal, session_id, "operator", "agent")
    return await _do(control, principal, call, Wait(attempt=_running_attempt(principal, call)))


@router.post("/hand-back", responses=_REFUSALS)
async def hand_back(
    session_id: SessionId, control: TheControl, principal: Known, body: Annotated[ReasonGiven | None, Body()] = None
) -> Done:
    """Give the caller back to Agent A."""
    call = await _call(control, principal, session_id, "operator", "agent")
    _refuse_stranger(principal, call)
    return await _do(control, principal, call, HandBackCall(reason=body.reason if body else ""))


@router.post("/transfer-on", responses=_REFUSALS)
async def transfer_on(session_id: SessionId, body: TransferAsked, control: TheControl, principal: Known) -> Done:
    """Have the caller connected with a colleague who has this skill, by way of Agent A."""
    call = await _call(control, principal, session_id, "operator", "agent")
    _refuse_stranger(principal, call)
    return await _do(control, principal, call, TransferOn(skill=body.skill, reason=body.reason))


@router.post("/explain", responses=faults(401, 403, 404, 409, 503))
async def explain_transfer(
    session_id: SessionId,
    control: TheControl,
    principal: Known,
    body: Annotated[ExplanationAsked | None, Body()] = None,
) -> Explanation:
    """The transfer in words: for the caller where it stands, for Agent B what it is about."""
    asked = body or ExplanationAsked()
    call = await asyncio.to_thread(readable_call, control, principal, session_id)
    if asked.audience == "agent_b" and principal.is_caller:
        raise ApiError(403, "not_allowed", "Only Agent B is told what the transfer is about.")
    text = explain(call, control.roster, for_caller=asked.audience == "caller")
    if text is None:
        raise ApiError(409, "no_transfer", "There is no transfer in this call that could be explained.")
    return Explanation(text=text)


async def _call(control: Control, principal: Principal, session_id: str, *roles: Role) -> CallSnapshot:
    """The call, for one of these roles; whether it exists is not told to others either."""
    call = await asyncio.to_thread(readable_call, control, principal, session_id)
    if principal.role not in roles:
        raise ApiError(403, "not_allowed", "This role may not do that with the call.")
    return call


async def _do(control: Control, principal: Principal, call: CallSnapshot, command: ControlCommand) -> Done:
    command_id = await send_command(control, call, command)
    now = await asyncio.to_thread(control.call, call.call_id)
    shown = principal.shown(now) if now else call
    return Done(command_id=command_id, call=CallDetail.of(shown, for_caller=principal.is_caller))


def _refuse_stranger(principal: Principal, call: CallSnapshot) -> None:
    """Only the Agent B who has the caller may end the call or give it away; one who is rung may not."""
    with_b = call.is_with_agent_b and call.transfers[-1].target == principal.name
    if principal.role == "agent" and not with_b:
        raise ApiError(409, "illegal_event", "The caller is not with you.")


def _running_attempt(principal: Principal, call: CallSnapshot) -> str:
    """The attempt that is rung or consulted now.

    Raises:
        ApiError: 409 if there is none, or it is not this Agent B's.
    """
    last = call.transfers[-1] if call.transfers else None
    attempt = last.attempts[-1] if last and last.attempts else None
    if last is None or attempt is None or attempt.disposition is not None or last.disposition is not None:
        raise ApiError(409, "attempt_over", f"Nobody is rung or consulted; the call is {state_of(call)}.")
    if principal.role == "agent" and attempt.target != principal.name:
        raise ApiError(409, "attempt_over", "Somebody else is rung or consulted now.")
    return f"{last.transfer_id}.{attempt.target}"
