"""A job that loses its own connection dies, and says nothing of the caller; a room that ends is the caller's end."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
from livekit import rtc

from agents.caller_presence import CallerPresence, GraceTimes
from agents.own_connection import ConnectionLostError, dying_without_connection

LOST = [
    rtc.DisconnectReason.UNKNOWN_REASON,
    rtc.DisconnectReason.CONNECTION_TIMEOUT,
    rtc.DisconnectReason.SIGNAL_CLOSE,
    rtc.DisconnectReason.SERVER_SHUTDOWN,
]
REMOVED = rtc.DisconnectReason.PARTICIPANT_REMOVED
ENDED = [
    rtc.DisconnectReason.ROOM_DELETED,
    rtc.DisconnectReason.ROOM_CLOSED,
    rtc.DisconnectReason.CLIENT_INITIATED,
    REMOVED,
]


class FakeRoom(rtc.EventEmitter[str]):
    """A room that is joined, with the caller in it."""

    name = "caller-1"

    def __init__(self) -> None:
        super().__init__()
        self.remote_participants: dict[str, object] = {}
        self.local_participant = SimpleNamespace(
            register_rpc_method=lambda *_: None, unregister_rpc_method=lambda *_: None
        )


def as_room(room: FakeRoom) -> rtc.Room:
    return cast(rtc.Room, room)


async def live(room: FakeRoom, ended: list[str], *, is_removal_a_loss: bool = False) -> None:
    with dying_without_connection(as_room(room), is_removal_a_loss=is_removal_a_loss):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")


@pytest.mark.parametrize("reason", LOST)
async def test_job_whose_connection_is_lost_dies(reason: object) -> None:
    room, ended = FakeRoom(), list[str]()
    job = asyncio.create_task(live(room, ended))
    await asyncio.sleep(0)
    room.emit("disconnected", reason)
    with pytest.raises(ConnectionLostError):
        await job
    assert ended == ["cleaned up"]


async def test_job_that_was_taken_for_dead_dies() -> None:
    room = FakeRoom()
    job = asyncio.create_task(live(room, [], is_removal_a_loss=True))
    await asyncio.sleep(0)
    room.emit("disconnected", REMOVED)
    with pytest.raises(ConnectionLostError):
        await job


@pytest.mark.parametrize("reason", ENDED)
async def test_job_goes_on_when_its_room_ends(reason: object) -> None:
    room = FakeRoom()
    job = asyncio.create_task(live(room, []))
    await asyncio.sleep(0)
    room.emit("disconnected", reason)
    await asyncio.sleep(0)
    assert not job.done()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job


async def test_job_that_is_told_to_end_is_no_lost_connection() -> None:
    room = FakeRoom()
    job = asyncio.create_task(live(room, []))
    await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job


@pytest.mark.parametrize(("reasons", "is_gone"), [(LOST, False), (ENDED, True)])
async def test_own_loss_is_not_the_callers_end(reasons: list[object], is_gone: bool) -> None:
    for reason in reasons:
        room, gone = FakeRoom(), list[str]()
        on_gone: Callable[[str], None] = gone.append
        presence = CallerPresence(as_room(room), "caller", GraceTimes(rejoin_s=5, lost_s=20), on_gone=on_gone)
        room.emit("disconnected", reason)
        assert bool(gone) is is_gone, reason
        presence.close()
