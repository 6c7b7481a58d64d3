"""What a target says in a real consult room becomes an event of the table, and what it is told when it is dismissed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from livekit import rtc

from tests.e2e.conftest import LiveKit
from tests.e2e.fake_agent import DEADLINE_S
from warm_transfer.transfer import events as ev
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, new_room_name
from warm_transfer.transfer.livekit_adapter.target_line import CallParties, LiveKitTargetLine
from warm_transfer.transfer.ports import OpenedRooms
from warm_transfer.transfer.terms import Disposition, Move, Offer
from warm_transfer.transfer.wire import Busy, ConsultMessage, Decline, Dismiss, Ready, Voicemail

pytestmark = pytest.mark.asyncio(loop_scope="session")

OFFER = Offer(transfer_id="0123456789", target="desk", skill="billing", reason="charged twice")


FAREWELL = "The caller has hung up."


class FakeVoice:
    """A spoken consult, without the sound."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def attach(self, room: rtc.Room, peer: str) -> None:
        pass

    async def say(self, text: str) -> None:
        self.said.append(text)

    async def detach(self) -> None:
        pass


class Consult:
    """A consult that Agent A has opened in a real room, and a target that the test plays."""

    def __init__(
        self, line: LiveKitTargetLine, target: ConsultLink, room: str, posted: asyncio.Queue[ev.Event]
    ) -> None:
        self.line = line
        self.target = target
        self.room = room
        self.posted = posted
        self.told: asyncio.Queue[ConsultMessage] = asyncio.Queue()


@asynccontextmanager
async def consulting(livekit: LiveKit, *, voice: FakeVoice | None = None) -> AsyncIterator[Consult]:
    access = livekit.access
    caller_room = rtc.Room()
    await caller_room.connect(livekit.url, livekit.token(new_room_name("caller"), "agent_a", kind="agent"))
    opened: list[OpenedRooms] = []
    async with Rooms(access) as rooms, asyncio.timeout(DEADLINE_S):
        line = LiveKitTargetLine(
            access=access,
            rooms=rooms,
            parties=CallParties(
                call_id="c",
                epoch=1,
                agent_name="nobody",  # no worker: the test is the target
                agent_a_identity="agent_a",
                caller_identity="caller",
                caller_room=caller_room,
            ),
            consult_mode="text",
            room_timeout_s=DEADLINE_S,
            arm_ttl_s=30,
            ring_timeout_s=DEADLINE_S,
            dispatch_timeout_s=DEADLINE_S,
            voice=voice,
            farewells={Disposition.CALLER_LEFT: FAREWELL},
        )
        posted: asyncio.Queue[ev.Event] = asyncio.Queue()
        await line.open(OFFER, Move.CLIENT_MOVE, posted.put_nowait, opened.append)
        room = opened[0].consult_room
        target = ConsultLink(access, room=room, identity="agent_b_desk-01234567", peer="agent_a")
        consult = Consult(line, target, room, posted)
        try:
            await consult.target.connect(on_message=consult.told.put_nowait, on_peer_left=lambda: None)
            await consult.target.wait_for_peer()
            yield consult
        finally:
            await consult.target.close()
            await line.dismiss(Disposition.CALLER_LEFT)
            await caller_room.disconnect()


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (Busy(), ev.TargetBusy()),
        (Voicemail(), ev.VoicemailReached()),
        (Decline(reason="not mine"), ev.TargetDeclined("not mine")),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_message_of_the_target_becomes_its_event(
    livekit: LiveKit, message: ConsultMessage, event: ev.Event
) -> None:
    async with consulting(livekit) as consult:
        await consult.target.send(message)
        assert await consult.posted.get() == event


@pytest.mark.parametrize("is_spoken", [False, True], ids=["text", "spoken"])
async def test_target_is_told_in_a_fixed_sentence_that_the_caller_has_left(livekit: LiveKit, is_spoken: bool) -> None:
    voice = FakeVoice()
    async with consulting(livekit, voice=voice if is_spoken else None) as consult:
        await consult.target.send(Ready())
        assert isinstance(await consult.posted.get(), ev.TargetAnswered)
        await consult.line.dismiss(Disposition.CALLER_LEFT)
        assert await consult.told.get() == Dismiss(disposition="caller_left", text=FAREWELL)
        async with Rooms(livekit.access) as rooms:
            assert await rooms.missing({consult.room}) == {consult.room}
    assert voice.said == [FAREWELL] * is_spoken


async def test_target_that_has_not_answered_is_spoken_to_by_nobody(livekit: LiveKit) -> None:
    voice = FakeVoice()
    async with consulting(livekit, voice=voice) as consult:
        await consult.line.dismiss(Disposition.CALLER_LEFT)
    assert voice.said == []


async def test_target_that_waits_for_nobody_any_more_learns_it_at_once(livekit: LiveKit) -> None:
    async with consulting(livekit) as consult:
        alone = ConsultLink(consult.target._access, room=consult.room, identity="agent_b_late", peer="nobody")
        try:
            await alone.connect(on_message=lambda _: None, on_peer_left=lambda: None)
            waiting = asyncio.create_task(alone.wait_for_peer())
            await consult.line.dismiss(Disposition.CALLER_LEFT)
            with pytest.raises(TargetUnavailableError):
                await waiting
        finally:
            await alone.close()
