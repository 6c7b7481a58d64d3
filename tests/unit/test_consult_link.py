"""A consult room that can't be joined in time is given up in time, and left whenever the join is over."""

import asyncio
from typing import Any, cast

import pytest

from tests.fakes import settle
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess

ACCESS = ServerAccess(url="ws://127.0.0.1:1", api_key="key", api_secret="s" * 32, rpc_timeout_s=0.02)


class HangingRoom:
    """The native client's, in the middle of a join."""

    def __init__(self) -> None:
        self.joined = asyncio.Event()
        self.is_left = False
        self.remote_participants: dict[str, Any] = {}

    def on(self, *_: object) -> None:
        pass

    async def connect(self, *_: object) -> None:
        await self.joined.wait()

    async def disconnect(self) -> None:
        self.is_left = True


async def test_join_that_hangs_is_not_waited_for_and_left_when_it_is_over() -> None:
    link, room = ConsultLink(ACCESS, room="consult", identity="agent_a", peer="agent_b"), HangingRoom()
    link.room = cast(Any, room)
    with pytest.raises(TargetUnavailableError):
        await link.connect(on_message=lambda _: None, on_peer_left=lambda: None)
    async with asyncio.timeout(5):
        await link.close()
        await link.close()
    assert not room.is_left
    room.joined.set()
    await settle()
    assert room.is_left


async def test_room_that_was_joined_is_left_before_close_returns() -> None:
    link, room = ConsultLink(ACCESS, room="consult", identity="agent_a", peer="agent_b"), HangingRoom()
    link.room = cast(Any, room)
    room.joined.set()
    await link.connect(on_message=lambda _: None, on_peer_left=lambda: None)
    await link.close()
    assert room.is_left
