"""What a target says in a real consult room becomes the event that the table knows."""

import asyncio

import pytest
from livekit import rtc

from tests.e2e.conftest import LiveKit
from tests.e2e.fake_agent import DEADLINE_S
from warm_transfer.transfer import events as ev
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.livekit_adapter.target_line import CallParties, LiveKitTargetLine
from warm_transfer.transfer.ports import OpenedRooms
from warm_transfer.transfer.terms import Disposition, Move, Offer
from warm_transfer.transfer.wire import Busy, ConsultMessage, Decline, Voicemail

pytestmark = pytest.mark.asyncio(loop_scope="session")

OFFER = Offer(transfer_id="0123456789", target="desk", skill="billing", reason="charged twice")


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
    access = livekit.access
    caller_room = rtc.Room()
    await caller_room.connect(livekit.url, livekit.token(f"caller-{message.type}", "agent_a", kind="agent"))
    posted: asyncio.Queue[ev.Event] = asyncio.Queue()
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
            dispatch_timeout_s=DEADLINE_S,
            voice=None,
        )
        await line.open(OFFER, Move.CLIENT_MOVE, posted.put_nowait, opened.append)
        target = ConsultLink(access, room=opened[0].consult_room, identity="agent_b_desk-01234567", peer="agent_a")
        try:
            await target.connect(on_message=lambda _: None, on_peer_left=lambda: None)
            await target.wait_for_peer()
            await target.send(message)
            assert await posted.get() == event
        finally:
            await target.close()
            await line.dismiss(Disposition.CALLER_LEFT)
            await caller_room.disconnect()
