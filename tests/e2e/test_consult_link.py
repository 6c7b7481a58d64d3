"""Two agents in a real consult room: whose words count there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.e2e.conftest import LiveKit
from tests.e2e.fake_agent import DEADLINE_S
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.wire import Accept, ConsultMessage, Ready

pytestmark = pytest.mark.asyncio(loop_scope="session")


@contextlib.asynccontextmanager
async def linked(
    livekit: LiveKit, room: str, identity: str, peer: str, inbox: asyncio.Queue[ConsultMessage]
) -> AsyncIterator[ConsultLink]:
    link = ConsultLink(livekit.access, room=room, identity=identity, peer=peer)
    try:
        await link.connect(on_message=inbox.put_nowait, on_peer_left=lambda: None)
        yield link
    finally:
        await link.close()


async def test_room_that_a_late_join_makes_anew_goes_by_itself(livekit: LiveKit) -> None:
    async with Rooms(livekit.access) as rooms:
        async with linked(livekit, "consult-late", "agent_b", "agent_a", asyncio.Queue()):
            assert await rooms.names() >= {"consult-late"}
        async with asyncio.timeout(DEADLINE_S):
            while "consult-late" in await rooms.names():  # noqa: ASYNC110 - nothing tells when a room goes
                await asyncio.sleep(0.2)


async def test_only_the_peer_is_heard(livekit: LiveKit) -> None:
    heard: asyncio.Queue[ConsultMessage] = asyncio.Queue()
    unread: asyncio.Queue[ConsultMessage] = asyncio.Queue()
    async with (
        linked(livekit, "consult-heard", "agent_a", "agent_b", heard) as ours,
        linked(livekit, "consult-heard", "intruder", "agent_a", unread) as intruder,
        linked(livekit, "consult-heard", "agent_b", "agent_a", unread) as target,
        asyncio.timeout(DEADLINE_S),
    ):
        await asyncio.gather(*(link.wait_for_peer() for link in (ours, intruder, target)))
        while len(ours.room.remote_participants) < 2:  # noqa: ASYNC110 - a packet of somebody unknown is the peer's
            await asyncio.sleep(0.02)
        await intruder.send(Accept())
        await target.send(Ready())
        assert await heard.get() == Ready()
        # The server forwards each sender's packets in order: what came before ours would be here.
        await intruder.send(Accept())
        await target.send(Ready())
        assert await heard.get() == Ready()
        assert heard.empty()
