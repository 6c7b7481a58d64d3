"""A command of the control API is carried out once, if it is ours, new and for this call; any other leaves no trace."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import jwt
import pytest
from livekit import rtc

from agents.agent_a_commands import AgentACommands
from agents.transfer_desk import TransferDesk
from tests.fakes import FakeClock, FakeConversation, FakeWorld, settle
from warm_transfer.transfer import events
from warm_transfer.transfer.control_wire import (
    COMMAND_TOPIC,
    AcceptCall,
    Cancel,
    ControlCommand,
    DeclineCall,
    HandBackCall,
    Wait,
    read_command,
    sign_command,
)
from warm_transfer.transfer.coordinator import Coordinator, Ports
from warm_transfer.transfer.errors import AttemptOverError, IllegalEventError, WireError
from warm_transfer.transfer.livekit_adapter.command_inbox import CommandInbox
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess
from warm_transfer.transfer.terms import Deadline, Move, Offer, State

KEY, SECRET = "key", "a-secret-of-at-least-thirty-two-characters"
OFFER = Offer(transfer_id="t", target="dana", others=("ben",), skill="billing", reason="charged twice")
DEADLINES = {Deadline.HOLD: 1.0, Deadline.UPDATE: 20.0, Deadline.RING: 15.0, Deadline.CONSULT: 60.0, Deadline.MOVE: 5.0}


def signed(command: ControlCommand | None = None, *, call_id: str = "call", secret: str = SECRET) -> bytes:
    return sign_command(command or Cancel(), call_id=call_id, command_id="c1", api_key=KEY, api_secret=secret)


def read(payload: bytes) -> ControlCommand:
    return read_command(payload, call_id="call", api_key=KEY, api_secret=SECRET).command


def with_claims(**changes: Any) -> bytes:
    claims = jwt.decode(signed(), SECRET, algorithms=["HS256"]) | changes
    return jwt.encode(claims, SECRET, algorithm="HS256").encode()


def test_command_that_was_signed_for_this_call_is_read_as_it_was_sent() -> None:
    sent = DeclineCall(attempt="t.dana", reason="lunch")
    assert read(signed(sent)) == sent


@pytest.mark.parametrize(
    "payload",
    [
        signed(secret="another-secret-of-thirty-two-characters"),
        signed(call_id="another"),
        with_claims(exp=int(time.time()) - 1),
        with_claims(exp=int(time.time()) + 3600),
        with_claims(iss="another"),
        with_claims(sub="video"),
        with_claims(command={"type": "shout"}),
        with_claims(video={"roomAdmin": True}),
        jwt.encode({"iss": KEY}, SECRET, algorithm="HS256").encode(),
        b"not a token",
    ],
    ids=["secret", "call", "expired", "too long", "issuer", "subject", "command", "claims", "bare", "text"],
)
def test_command_that_is_not_ours_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        read(payload)


class Heard:
    """An inbox with a fake room; the commands that got through and what was recorded."""

    def __init__(self, seen: tuple[str, ...] = ()) -> None:
        self.applied: list[str] = []
        self.failure: Exception | None = None
        self.world = FakeWorld()
        self.room = rtc.EventEmitter[str]()
        access = ServerAccess(url="ws://127.0.0.1", api_key=KEY, api_secret=SECRET, rpc_timeout_s=5)
        room = cast(rtc.Room, self.room)
        self.inbox = CommandInbox(room, access, call_id="call", record=self.world.record, apply=self._apply, seen=seen)

    async def take(self, payload: bytes, *, sender: object = None, topic: str = COMMAND_TOPIC) -> None:
        packet = rtc.DataPacket(
            data=payload, kind=rtc.DataPacketKind.KIND_RELIABLE, participant=cast(Any, sender), topic=topic
        )
        self.room.emit("data_received", packet)
        await settle()

    async def _apply(self, command: ControlCommand, command_id: str) -> None:
        self.applied.append(command_id)
        if self.failure is not None:
            raise self.failure


@asynccontextmanager
async def heard(seen: tuple[str, ...] = ()) -> AsyncIterator[Heard]:
    one = Heard(seen)
    try:
        yield one
    finally:
        await one.inbox.aclose()


async def test_command_is_answered_once_however_often_it_comes() -> None:
    async with heard() as inbox:
        await inbox.take(signed())
        await inbox.take(signed())
        assert inbox.applied == ["c1"]
        assert inbox.world.records == [("command_applied", {"command_id": "c1", "command": "cancel"})]


async def test_command_that_an_earlier_job_answered_is_not_answered_again() -> None:
    async with heard(seen=("c1",)) as inbox:
        await inbox.take(signed())
        assert (inbox.applied, inbox.world.records) == ([], [])


async def test_command_that_a_participant_sends_leaves_no_trace() -> None:
    async with heard() as inbox:
        await inbox.take(signed(), sender=object())
        await inbox.take(signed(), topic="lk.chat")
        await inbox.take(b"{}")
        assert (inbox.applied, inbox.world.records) == ([], [])


async def test_command_without_a_meaning_now_is_answered_with_why() -> None:
    async with heard() as inbox:
        inbox.failure = IllegalEventError("nothing to cancel")
        await inbox.take(signed())
        ((event, payload),) = inbox.world.records
        assert (event, payload["code"], payload["reason"]) == ("command_refused", "illegal_event", "nothing to cancel")


async def test_bug_in_a_command_is_answered_and_ends_no_other() -> None:
    async with heard() as inbox:
        inbox.failure = KeyError("x")
        await inbox.take(signed())
        assert inbox.world.records[0][1]["code"] == "internal"
        inbox.failure = None
        await inbox.take(sign_command(Cancel(), call_id="call", command_id="c2", api_key=KEY, api_secret=SECRET))
        assert inbox.applied == ["c1", "c2"]


class Ringing:
    """A coordinator that rings Dana, on a clock of the test's."""

    def __init__(self) -> None:
        self.world = FakeWorld()
        self.clock = FakeClock()
        conversation = FakeConversation()
        ports = Ports(
            caller=self.world,
            target=self.world,
            conversation=conversation,
            record=self.world.record,
            sleep=self.clock.sleep,
        )
        self.coordinator = Coordinator(ports=ports, deadlines=DEADLINES)
        self.commands = AgentACommands(coordinator=self.coordinator, desk=cast(TransferDesk, None), put_on_hold=settle)

    @property
    def state(self) -> State:
        return self.coordinator.situation.state

    def caused_by(self, command_id: str) -> list[str]:
        return [event for event, payload in self.world.records if payload.get("command_id") == command_id]

    async def is_answered(self) -> None:
        assert self.world.post is not None
        self.world.post(events.TargetAnswered("desk_dana-1"))
        await settle()


@asynccontextmanager
async def ringing() -> AsyncIterator[Ringing]:
    one = Ringing()
    running = asyncio.create_task(one.coordinator.run())
    await one.coordinator.submit(events.TransferOffered(OFFER))
    await one.coordinator.submit(events.TransferRequested(Move.CLIENT_MOVE))
    await settle()
    try:
        yield one
    finally:
        one.coordinator.post(events.CallerLeft("over"))
        await running


async def test_accept_takes_the_way_of_a_models_tool_and_is_written_with_the_commands_id() -> None:
    async with ringing() as call:
        await call.is_answered()
        await call.commands.apply(AcceptCall(attempt="t.dana"), "c1")
        assert call.state is State.MOVING
        assert call.caused_by("c1") == ["target_accepted", "move_begun"]


async def test_nobody_accepts_before_the_answer() -> None:
    async with ringing() as call:
        with pytest.raises(IllegalEventError):
            await call.commands.apply(AcceptCall(attempt="t.dana"), "c1")
        assert call.state is State.RINGING


async def test_target_that_declined_can_not_accept_for_the_next() -> None:
    async with ringing() as call:
        await call.commands.apply(DeclineCall(attempt="t.dana", reason="lunch"), "c1")
        assert call.caused_by("c1") == ["target_declined", "attempt_ended", "attempt_begun"]
        await settle()
        await call.is_answered()
        with pytest.raises(AttemptOverError):
            await call.commands.apply(AcceptCall(attempt="t.dana"), "c2")
        assert call.state is State.CONSULTING


async def test_more_time_is_added_to_what_is_left_of_the_ring() -> None:
    async with ringing() as call:
        await call.clock.advance(10)
        await call.commands.apply(Wait(attempt="t.dana"), "c1")
        assert call.caused_by("c1") == ["more_time_given"]
        await call.clock.advance(6)
        assert call.state is State.RINGING
        await call.clock.advance(28)
        assert "open ben" not in call.world.did
        await call.clock.advance(2)
        assert "open ben" in call.world.did


async def test_cancel_gives_the_caller_back_and_is_written_with_the_commands_id() -> None:
    async with ringing() as call:
        await call.commands.apply(Cancel(), "c1")
        await settle()
        assert "take_back cancelled" in call.world.did
        assert call.caused_by("c1") == ["attempt_ended", "transfer_ended"]
        with pytest.raises(IllegalEventError):
            await call.commands.apply(Cancel(), "c2")


async def test_what_is_agent_bs_to_do_is_refused_while_the_caller_is_with_agent_a() -> None:
    async with ringing() as call:
        with pytest.raises(IllegalEventError):
            await call.commands.apply(HandBackCall(), "c1")
