"""Routes that bring a caller into a call: create, and join again. The server makes every identity."""

import asyncio
import secrets
import time
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import Field

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.api.access import CALL_COOKIE_PREFIX, Known, may_create, readable_call
from warm_transfer.control.api.control import Control
from warm_transfer.control.api.errors import ApiError, faults
from warm_transfer.control.api.principals import CALL_KEY_TTL_S
from warm_transfer.control.api.reading import SessionId, TheControl
from warm_transfer.control.api.requests import DisplayName, NewCall
from warm_transfer.control.api.views import View
from warm_transfer.transfer.livekit_adapter.rooms import new_room_name
from warm_transfer.transfer.livekit_adapter.tokens import caller_token
from warm_transfer.transfer.wire import AgentAJob

JOIN_WITHIN = timedelta(seconds=90)
"""For a person who is asked for the microphone. Room and token end together: nobody joins a room without an agent."""

router = APIRouter(prefix="/api/calls", tags=["calls"])


class Ticket(View):
    """The way into one room."""

    session_id: str
    room: str
    url: str = Field(description="The LiveKit server.", examples=["ws://127.0.0.1:7880"])
    token: str = Field(description="For this room and this identity alone; microphone and data.")
    identity: str = Field(description="The LiveKit identity, made by the server.", examples=["caller-1f0c2a9b"])
    expires_at: float = Field(description="The token's end, seconds since the epoch: connect before.")


class NewCallTicket(Ticket):
    """The way into a new call, and what proves later that it is yours."""

    call_key: str = Field(description="Authorization: Bearer for this call alone; a page has it as a cookie.")


@router.post("/create", status_code=201, responses=faults(401, 403, 503), dependencies=[Depends(may_create)])
async def create_call(
    control: TheControl,
    response: Response,
    caller_identity: Annotated[DisplayName | None, Query(description="As in the body.")] = None,
    body: Annotated[NewCall | None, Body()] = None,
) -> NewCallTicket:
    """Make a room, send Agent A into it, and give the caller the way in. Needs no key."""
    name = (body.caller_identity if body else None) or caller_identity or "Caller"
    call_id, room = await open_call(control, room=new_room_name("caller"), name=name, by="page")
    ticket = caller_ticket(control, call_id, room=room, identity=identity_of(call_id), name=name)
    key = control.keys.call_key(call_id)
    response.set_cookie(
        f"{CALL_COOKIE_PREFIX}{call_id}",
        key,
        max_age=CALL_KEY_TTL_S,
        httponly=True,
        samesite="strict",
        secure=control.is_https,
    )
    return NewCallTicket(**ticket.model_dump(), call_key=key)


@router.post("/{session_id}/join", responses=faults(401, 403, 404, 409, 503))
async def join_call(session_id: SessionId, control: TheControl, principal: Known) -> Ticket:
    """A fresh token for the caller's room now, as the same person: after a reload, or a lost connection."""
    call = await asyncio.to_thread(readable_call, control, principal, session_id)
    if principal.role not in ("caller", "operator"):
        raise ApiError(403, "not_allowed", "Only the caller may join as the caller.")
    if call.ended_at is not None or call.caller_identity is None:
        raise ApiError(409, "call_over", "The call is over.")
    room = caller_room(call)
    if room is None or await control.rooms.missing([room]):
        raise ApiError(409, "room_gone", "The call's room is gone: nobody came into it in time.")
    return caller_ticket(
        control, session_id, room=room, identity=call.caller_identity, name=call.caller_name or "Caller"
    )


async def open_call(control: Control, *, room: str, name: str, by: str, identity: str | None = "") -> tuple[str, str]:
    """Make a call: room, log, dispatch; its id and room.

    `identity`: "" for the one that the server makes, None for a caller whose identity somebody else makes (a phone).

    Raises:
        TargetUnavailableError: the LiveKit server can't; the room is gone again.
    """
    call_id = secrets.token_hex(16)
    who = identity_of(call_id) if identity == "" else identity
    payload = {"caller_room": room, "caller_identity": who, "caller_name": name, "by": by}
    # Before the room: whoever has to clean up after us then knows it.
    await asyncio.to_thread(control.log.append, call_id, CallEvent.CALL_CREATED, payload)
    job = AgentAJob(call_id=call_id, caller_identity=who).model_dump_json()
    try:
        await control.rooms.create(room, empty_timeout_s=JOIN_WITHIN.total_seconds())
        await control.rooms.dispatch(control.settings.agent_name, room, job)
    except BaseException:
        await asyncio.to_thread(control.log.append, call_id, CallEvent.CALL_ENDED, {"reason": "not_created"})
        raise
    return call_id, room


def identity_of(call_id: str) -> str:
    """The caller's LiveKit identity; nothing that a caller says is in it."""
    return f"caller-{call_id[:12]}"


def caller_ticket(control: Control, call_id: str, *, room: str, identity: str, name: str) -> Ticket:
    """A token for the caller; the page moves by itself."""
    token = caller_token(control.server, room=room, identity=identity, can_move=True, name=name, ttl=JOIN_WITHIN)
    return Ticket(
        session_id=call_id,
        room=room,
        url=control.browser_url,
        token=token,
        identity=identity,
        expires_at=expiry(JOIN_WITHIN),
    )


def caller_room(call: CallSnapshot) -> str | None:
    """Where the caller is now: the final room of the last move, else the caller room."""
    moved = [one.final_room for one in call.transfers if one.times.moved is not None and one.final_room]
    return moved[-1] if moved else next((room.name for room in call.rooms if room.kind == "caller room"), None)


def expiry(ttl: timedelta) -> float:
    """When a token made now ends."""
    return time.time() + ttl.total_seconds()
