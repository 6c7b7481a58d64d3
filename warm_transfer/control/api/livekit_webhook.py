"""Takes what the LiveKit server tells: a room that closed before anybody joined ends its call."""

import asyncio
import time

from fastapi import APIRouter, Request
from livekit import api

from warm_transfer.control.api.errors import ApiError, faults
from warm_transfer.control.api.reading import TheControl
from warm_transfer.control.api.records import DAY_S, end_unjoined
from warm_transfer.control.api.views import View, state_of

router = APIRouter(prefix="/api/livekit", tags=["webhooks"])


class Taken(View):
    """The webhook was ours."""

    event: str


@router.post("/webhook", responses=faults(401, 503))
async def take_livekit_event(request: Request, control: TheControl) -> Taken:
    """For the LiveKit server alone: signed by its API secret, over the body as it came."""
    verifier = api.TokenVerifier(control.server.api_key, control.server.api_secret)
    try:
        body = (await request.body()).decode()
        event = api.WebhookReceiver(verifier).receive(body, request.headers.get("authorization", ""))
    except Exception as error:  # the SDK raises whatever its parsers do; nothing of ours runs in there
        raise ApiError(401, "bad_signature", "Not signed by the LiveKit server.") from error
    if event.event == "room_finished":
        await asyncio.to_thread(_end_if_unjoined, control, event.room.name)
    return Taken(event=event.event)


def _end_if_unjoined(control: TheControl, room: str) -> None:
    call_id = control.log.call_of_room(room, time.time() - DAY_S)
    call = control.call(call_id) if call_id else None
    if call is not None and state_of(call) == "created":
        end_unjoined(control.log, call.call_id)
