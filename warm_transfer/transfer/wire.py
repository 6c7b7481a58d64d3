"""What crosses a wire: job metadata, consult messages, the caller's move order. Validated on the way in."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.errors import WireError
from warm_transfer.transfer.terms import Move

CONSULT_TOPIC = "wt.consult"
"""Topic of the reliable data packets in the consult room."""
MOVE_METHOD = "wt.move"
"""RPC method that a caller's client registers if it can move by itself."""
ARM_METHOD = "wt.arm"
"""RPC method of a client that can join the final room ahead, with its microphone muted, until it is told to move."""
AHEAD_TRACK = "microphone_ahead"
"""Name of the muted track of a caller who is only ahead: unmuted, it is the proof of the move."""
END_METHOD = "wt.end"
"""RPC method of our agents: the caller's client hangs up, with no grace time for a return."""
AGENT_A_PREFIX = "agent_a-"
"""How the identity of every Agent A begins."""
AGENT_B_PREFIX = "agent_b_"
"""How the identity of every job of an Agent B begins, an AI or the attendant of a person."""
BUSY_PREFIX = "busy-"
"""How the identity of every busy role begins."""
NOBODY_ANSWERS = '{"warm_transfer": "nobody_answers"}'
"""Metadata of a room with a caller whom no worker takes; empty again once one does."""
DESK_PREFIX = "desk_"
"""How the identity of a person at a desk begins, with the roster id behind it; servers of ours make them."""
CHAT_TOPIC = "lk.chat"
"""LiveKit's topic of typed messages."""
HAS_CALLER_ATTRIBUTE = "wt.has_caller"
"""Participant attribute of an Agent B's job in the caller's own room, "1" once the caller is its."""
CLIENT_ATTRIBUTE = "wt.client"
"""Participant attribute, "1" if the caller's client can move by itself."""

ConsultMode = Literal["text", "spoken"]


class Message(BaseModel):
    """Base of everything on the wire: frozen, and nothing unknown is let through."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AgentAJob(Message):
    """Job metadata of Agent A. Empty metadata, as a playground sends it, means a new call."""

    role: Literal["agent_a"] = "agent_a"
    call_id: str | None = None
    caller_identity: str | None = None
    replaces: Literal["agent_a", "agent_b"] | None = None
    """The role of the job whose call this one takes over, None for a new call."""
    epoch: int = 1
    """Counts the jobs that owned the call, one after the other; the highest owns it."""

    @property
    def comes_as(self) -> str:
        """How the identity begins under which this job is in its room."""
        return AGENT_A_PREFIX


class AgentBJob(Message):
    """Job metadata of an AI Agent B, or of the attendant who has the call beside a person.

    Never in a room's or participant's metadata, which others can read.
    """

    role: Literal["agent_b"] = "agent_b"
    call_id: str
    epoch: int
    transfer_id: str
    specialist: str
    identity: str
    agent_a_identity: str
    caller_identity: str
    consult_room: str
    move: Move
    consult_mode: ConsultMode
    is_armed: bool = False
    """Dispatched before the caller has agreed: may be refused, and leaves by itself."""
    desk_identity: str | None = None
    """The person whose attendant this is, None for an AI Agent B."""
    is_replacing: bool = False
    """The attendant before died or leaves: the caller and the person are with each other already."""

    @property
    def comes_as(self) -> str:
        """How the identity begins under which this job is in its room."""
        return self.identity


class BusyJob(Message):
    """Job metadata of the busy role, in the room of a caller whom no worker could take."""

    role: Literal["busy"] = "busy"
    call_id: str
    caller_identity: str


JobMetadata = Annotated[AgentAJob | AgentBJob | BusyJob, Field(discriminator="role")]


class Ready(Message):
    """Agent B is in the consult room and listens."""

    type: Literal["ready"] = "ready"


class Brief(Message):
    """Agent A's briefing."""

    type: Literal["brief"] = "brief"
    briefing: Briefing


class Question(Message):
    """Agent B asks back."""

    type: Literal["question"] = "question"
    text: str


class Answer(Message):
    """Agent A answers."""

    type: Literal["answer"] = "answer"
    text: str


class Accept(Message):
    """Agent B takes the caller."""

    type: Literal["accept"] = "accept"


class Decline(Message):
    """Agent B does not take the caller."""

    type: Literal["decline"] = "decline"
    reason: str


class Busy(Message):
    """The target has another call: sent instead of Ready."""

    type: Literal["busy"] = "busy"


class Voicemail(Message):
    """A machine is on the target's line: sent instead of Ready, or once it is known."""

    type: Literal["voicemail"] = "voicemail"


class Connect(Message):
    """Agent A tells Agent B, who waits in the caller's room, to speak now."""

    type: Literal["connect"] = "connect"


class InPlace(Message):
    """The attendant has the person's microphone in the final room: the caller can be moved."""

    type: Literal["in_place"] = "in_place"


class Arrived(Message):
    """Agent B has the caller's track and the caller has Agent B's: the proof of the move."""

    type: Literal["arrived"] = "arrived"


class Dismiss(Message):
    """Agent A tells Agent B that it is not needed, and why, in a disposition's word and a sentence for a person."""

    type: Literal["dismiss"] = "dismiss"
    disposition: str
    text: str = ""
    """Empty if Agent B knows it already: it declined, or was busy."""


ConsultMessage = Annotated[
    Ready | Brief | Question | Answer | Accept | Decline | Busy | Voicemail | Connect | InPlace | Arrived | Dismiss,
    Field(discriminator="type"),
]


class MoveOrder(Message):
    """Payload of the `wt.move` RPC: where the caller's client goes, with a token for that room alone.

    The server is the one that the client is on: what the worker calls it may be a name that only the worker knows.
    """

    token: str
    room: str


class ArmOrder(MoveOrder):
    """Payload of the `wt.arm` RPC: where the client waits, muted, for the move; without one it leaves by itself."""

    wait_s: float


_JOB: TypeAdapter[AgentAJob | AgentBJob | BusyJob] = TypeAdapter(JobMetadata)
_CONSULT: TypeAdapter[ConsultMessage] = TypeAdapter(ConsultMessage)


def read_job_metadata(metadata: str) -> AgentAJob | AgentBJob | BusyJob:
    """Parse a job's metadata; empty means Agent A for a new call.

    Raises:
        WireError: it is not ours.
    """
    if not metadata.strip():
        return AgentAJob()
    try:
        return _JOB.validate_json(metadata)
    except ValidationError as error:
        raise WireError(f"job metadata is not ours: {_first_fault(error)}") from error


def read_consult_message(payload: bytes | str) -> ConsultMessage:
    """Parse one consult message.

    Raises:
        WireError: it is not one.
    """
    try:
        return _CONSULT.validate_json(payload)
    except ValidationError as error:
        raise WireError(f"not a consult message: {_first_fault(error)}") from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}"
