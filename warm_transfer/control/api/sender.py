"""Sends a command to the job that owns a call, and waits for the call log to say what became of it."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.api.control import Control
from warm_transfer.control.api.errors import ApiError
from warm_transfer.control.api.feed import Told
from warm_transfer.transfer.control_wire import COMMAND_TOPIC, ControlCommand, sign_command

ANSWER_S = 3.0
"""A command is applied in milliseconds; a job that takes this long is dead or being replaced."""


async def send_command(control: Control, call: CallSnapshot, command: ControlCommand) -> str:
    """Send the command and return its id once it was applied.

    Raises:
        ApiError: 409 if the job refused it or nobody owns the call, 504 if no answer came.
        TargetUnavailableError: LiveKit could not be asked; nothing was sent.
    """
    owner = call.owner
    if owner is None:
        over = call.ended_at is not None
        raise ApiError(409, "call_over" if over else "no_job", _NOBODY[over])
    command_id = secrets.token_hex(16)
    payload = sign_command(
        command,
        call_id=call.call_id,
        command_id=command_id,
        api_key=control.server.api_key,
        api_secret=control.server.api_secret,
    )
    answer: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
    stop = control.feed.watch(lambda told: _take(told, command_id, answer))
    try:
        await control.rooms.send(owner.room, owner.identity, COMMAND_TOPIC, payload)
        refusal = await asyncio.wait_for(answer, ANSWER_S)
    except TimeoutError:
        raise ApiError(504, "no_answer", "The call's job did not answer within 3 s.") from None
    finally:
        stop()
    if refusal:
        raise ApiError(409, str(refusal.get("code", "refused")), str(refusal.get("reason", "Refused by the call.")))
    return command_id


_NOBODY = {
    True: "The call is over.",
    False: "No agent has the call now: nobody has joined yet, or its job is being replaced.",
}


def _take(told: Told, command_id: str, answer: asyncio.Future[Mapping[str, Any]]) -> None:
    event = told.event
    if event.payload.get("command_id") != command_id or answer.done():
        return
    if event.type == CallEvent.COMMAND_APPLIED:
        answer.set_result({})
    elif event.type == CallEvent.COMMAND_REFUSED:
        answer.set_result(event.payload or {"code": "refused"})
