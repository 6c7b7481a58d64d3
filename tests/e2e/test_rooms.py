"""Rooms on a real server: what was deleted stays gone, and a ghost is told from a participant that lives."""

import asyncio
import contextlib
import sys

import pytest
from livekit import rtc

from tests.e2e.conftest import LiveKit
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, new_room_name
from warm_transfer.transfer.livekit_adapter.tokens import caller_token

pytestmark = pytest.mark.asyncio(loop_scope="session")

CUTS_S = [0.0005 * step for step in range(1, 21)]
"""A dispatch takes about 5 ms: some of these fall before it has reached the server, some within."""


async def test_dispatch_that_was_cut_short_makes_no_deleted_room_anew(livekit: LiveKit) -> None:
    async with Rooms(livekit.access) as rooms:
        names = []
        for cut_s in CUTS_S:
            name = new_room_name("final")
            await rooms.create(name, empty_timeout_s=30)
            dispatch = asyncio.create_task(rooms.dispatch("nobody", name, ""))
            await asyncio.sleep(cut_s)
            dispatch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await dispatch
            await rooms.delete(name)
            names.append(name)
        await asyncio.sleep(0.2)
        assert await rooms.missing(names) == set(names)


GHOST = """
import asyncio, sys
from livekit import rtc

async def stay():
    room = rtc.Room()
    await room.connect(sys.argv[1], sys.argv[2])
    print("here", flush=True)
    await asyncio.sleep(60)

asyncio.run(stay())
"""


async def test_ghost_of_a_killed_process_does_not_answer_and_a_live_participant_does(livekit: LiveKit) -> None:
    name = new_room_name("caller")
    async with Rooms(livekit.access) as rooms:
        token = caller_token(livekit.access, room=name, identity="ghost", can_move=False)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", GHOST, livekit.url, token, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), 20)
        room = rtc.Room()
        await room.connect(livekit.url, caller_token(livekit.access, room=name, identity="alive", can_move=False))
        assert await rooms.answers(name, "ghost")
        process.kill()
        await process.wait()
        assert await rooms.people(name) == {"ghost", "alive"}
        assert not await rooms.answers(name, "ghost")
        assert await rooms.answers(name, "alive")
        assert not await rooms.answers(name, "nobody")
        await room.disconnect()
        await rooms.delete(name)
