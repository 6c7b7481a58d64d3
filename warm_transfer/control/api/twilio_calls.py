"""Routes that call a person by phone through Twilio, and answer Twilio with the way to the call's room.

The way is a SIP address whose user part is the call's room: LiveKit needs an inbound trunk and a dispatch rule of kind
"callee" with the room prefix `phone` (facts: LiveKit joins `phone_` and the user part).
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from pydantic import Field
from requests import RequestException
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

from warm_transfer.control.api.access import Operator
from warm_transfer.control.api.control import Control
from warm_transfer.control.api.errors import ApiError, faults, not_found
from warm_transfer.control.api.phone_numbers import NumberRefusedError, callable_number
from warm_transfer.control.api.placing import caller_room, open_call
from warm_transfer.control.api.reading import SessionId, TheControl
from warm_transfer.control.api.requests import PhoneCall
from warm_transfer.control.api.views import View
from warm_transfer.settings import Settings, listed

ROOM_PREFIX = "phone_"
RING_S = 20
"""For livekit-sip to take the call; Agent A is in the room by then."""
TIMEOUT_S = 10.0

ClientMaker = Callable[["Account"], Client]
router = APIRouter(prefix="/api/twilio", tags=["phone"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What calls by phone need; every setting is there."""

    sid: str
    token: str
    from_number: str
    sip_host: str
    public_url: str

    @classmethod
    def of(cls, settings: Settings) -> "Account":
        """The settings'; raises ApiError 503 naming those that are missing."""
        token = settings.twilio_auth_token
        needed = {
            "TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
            "TWILIO_AUTH_TOKEN": token.get_secret_value() if token else None,
            "TWILIO_FROM_NUMBER": settings.twilio_from_number,
            "LIVEKIT_SIP_HOST": settings.livekit_sip_host,
            "PUBLIC_URL": settings.public_url,
        }
        given = [value for value in needed.values() if value]
        if len(given) < len(needed):
            missing = ", ".join(name for name, value in needed.items() if not value)
            raise ApiError(503, "phone_not_set_up", f"Calls by phone need settings that are missing: {missing}.")
        sid, auth_token, from_number, sip_host, public_url = given
        return cls(sid=sid, token=auth_token, from_number=from_number, sip_host=sip_host, public_url=public_url)


class Dialled(View):
    """The phone rings, or soon does."""

    session_id: str
    call_sid: str = Field(description="Twilio's name for its call.", examples=["CA0123456789abcdef0123456789abcdef"])


def make_client(account: Account) -> Client:
    """Twilio's API, with a deadline."""
    return Client(account.sid, account.token, http_client=TwilioHttpClient(timeout=TIMEOUT_S))


@router.post("/call", status_code=201, responses=faults(401, 403, 502, 503))
async def call_phone(body: PhoneCall, request: Request, control: TheControl, principal: Operator) -> Dialled:
    """Call a person; whoever answers speaks with Agent A."""
    account = Account.of(control.settings)
    try:
        number = callable_number(body.to, listed(control.settings.twilio_countries))
    except NumberRefusedError as refused:
        raise ApiError(422, "number_refused", f"body.to: {refused}") from None
    room = ROOM_PREFIX + secrets.token_hex(16)
    name = body.caller_identity or "Phone caller"
    call_id, _ = await open_call(control, room=room, name=name, by="twilio", identity=None)
    client = request.app.state.make_twilio_client(account)
    try:
        sid = await asyncio.to_thread(_dial, client, account, number, call_id)
    except TwilioRestException as error:
        await _give_up(control, room)
        raise ApiError(502, "twilio_refused", f"Twilio refused the call (its code {error.code}).") from error
    except (TwilioException, RequestException) as error:
        await _give_up(control, room)
        raise ApiError(503, "twilio_unreachable", "Twilio can't be reached now.") from error
    return Dialled(session_id=call_id, call_sid=sid)


@router.post(
    "/webhook/{session_id}",
    response_class=Response,
    responses={200: {"content": {"application/xml": {}}, "description": "TwiML."}, **faults(403, 404, 503)},
)
async def answer_twilio(session_id: SessionId, request: Request, control: TheControl) -> Response:
    """For Twilio alone: TwiML that dials the call's room; signed over the public address."""
    account = Account.of(control.settings)
    body = (await request.body()).decode("utf-8", "replace")
    # Twilio signed the address that it called, whatever a proxy made of it since.
    query = f"?{request.url.query}" if request.url.query else ""
    fields = {name: values if len(values) > 1 else values[0] for name, values in _fields(body).items()}
    signature = request.headers.get("x-twilio-signature", "")
    if not RequestValidator(account.token).validate(
        f"{account.public_url}{request.url.path}{query}", fields, signature
    ):
        raise ApiError(403, "bad_signature", "Not signed by Twilio over PUBLIC_URL.")
    call = await asyncio.to_thread(control.call, session_id)
    room = caller_room(call) if call and call.ended_at is None else None
    if room is None or not room.startswith(ROOM_PREFIX):
        raise not_found()
    return Response(_twiml(control.settings, account.sip_host, room), media_type="application/xml")


def _dial(client: Client, account: Account, number: str, call_id: str) -> str:
    url = f"{account.public_url}/api/twilio/webhook/{call_id}"
    made = client.calls.create(to=number, from_=account.from_number, url=url, method="POST")
    return str(made.sid)


async def _give_up(control: Control, room: str) -> None:
    """Nobody will come into the room; its end ends the call."""
    await control.rooms.delete(room)


def _twiml(settings: Settings, host: str, room: str) -> str:
    password = settings.livekit_sip_password
    answer = VoiceResponse()
    # answer_on_bridge: the caller hears real ringing until Agent A's track is there.
    dial = answer.dial(answer_on_bridge=True, timeout=RING_S)
    dial.sip(
        f"sip:{room.removeprefix(ROOM_PREFIX)}@{host};transport=tcp",
        username=settings.livekit_sip_username,
        password=password.get_secret_value() if password else None,
    )
    return str(answer)


def _fields(body: str) -> dict[str, list[str]]:
    try:
        return parse_qs(body, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return {}
