"""Commands of the control API to the job that owns a call: signed, for one call, good for half a minute."""

import time
from typing import Annotated, Literal

import jwt
from pydantic import Field, TypeAdapter, ValidationError

from warm_transfer.transfer.errors import WireError
from warm_transfer.transfer.wire import Message

COMMAND_TOPIC = "wt.command"
"""Topic of the data that the server itself sends to the job, and of the signed claims."""
COMMAND_TTL_S = 30
"""A command takes milliseconds; what comes later is answered by nobody any more."""
_ALGORITHM = "HS256"


class TransferNow(Message):
    """Transfer the caller to whoever has this skill, without asking the caller."""

    type: Literal["transfer"] = "transfer"
    skill: str = Field(min_length=1, max_length=100)
    reason: str = Field(max_length=500)


class Cancel(Message):
    """Stop the transfer that is under way; the caller is Agent A's again."""

    type: Literal["cancel"] = "cancel"


class End(Message):
    """End the call."""

    type: Literal["end"] = "end"


class AcceptCall(Message):
    """A human target takes the caller."""

    type: Literal["accept"] = "accept"
    attempt: str


class DeclineCall(Message):
    """A human target does not take the caller."""

    type: Literal["decline"] = "decline"
    attempt: str
    reason: str = Field(max_length=500)


class Wait(Message):
    """A human target needs WAIT_S more, to answer or to decide."""

    type: Literal["wait"] = "wait"
    attempt: str


class HandBackCall(Message):
    """Agent B gives the caller back to Agent A."""

    type: Literal["hand_back"] = "hand_back"
    reason: str = Field(default="", max_length=500)


class TransferOn(Message):
    """Agent B wants the caller connected with a colleague who has this skill."""

    type: Literal["transfer_on"] = "transfer_on"
    skill: str = Field(min_length=1, max_length=100)
    reason: str = Field(max_length=500)


class Note(Message):
    """Agent B's note on the call."""

    type: Literal["note"] = "note"
    text: str = Field(min_length=1, max_length=2000)


ControlCommand = TransferNow | Cancel | End | AcceptCall | DeclineCall | Wait | HandBackCall | TransferOn | Note


class SignedCommand(Message):
    """The claims that cross the wire."""

    iss: str
    """The LiveKit API key whose secret signs."""
    sub: Literal["wt.command"]
    call_id: str
    jti: str = Field(min_length=1, max_length=64)
    """The command id: whatever comes twice is applied once."""
    exp: int
    command: Annotated[ControlCommand, Field(discriminator="type")]


_CLAIMS: TypeAdapter[SignedCommand] = TypeAdapter(SignedCommand)


def sign_command(command: ControlCommand, *, call_id: str, command_id: str, api_key: str, api_secret: str) -> bytes:
    """The data packet for the job that owns the call."""
    claims = SignedCommand(
        iss=api_key,
        sub="wt.command",
        call_id=call_id,
        jti=command_id,
        exp=int(time.time()) + COMMAND_TTL_S,
        command=command,
    )
    return jwt.encode(claims.model_dump(), api_secret, algorithm=_ALGORITHM).encode()


def read_command(payload: bytes, *, call_id: str, api_key: str, api_secret: str) -> SignedCommand:
    """The command in a data packet, if it is signed by us, for this call, and not too old.

    Raises:
        WireError: it is not; says why.
    """
    try:
        claims = jwt.decode(
            payload,
            api_secret,
            algorithms=[_ALGORITHM],
            issuer=api_key,
            options={"require": ["iss", "sub", "jti", "exp"]},
        )
        signed = _CLAIMS.validate_python(claims)
    except jwt.InvalidTokenError as error:
        raise WireError(f"command not signed by us: {type(error).__name__}") from error
    except ValidationError as error:
        raise WireError("command of a shape that is not ours") from error
    if signed.exp > time.time() + 2 * COMMAND_TTL_S:
        raise WireError("command that would be good for too long")
    if signed.call_id != call_id:
        raise WireError("command of another call")
    return signed
