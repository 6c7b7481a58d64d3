"""Rooms on a real server: what was deleted stays gone."""

import asyncio
import contextlib

import pytest

from tests.e2e.conftest import LiveKit
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, new_room_name

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
