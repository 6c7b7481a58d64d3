"""A job that comes into the room of a caller who is away awaits them, not for ever."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from livekit import rtc

from agents.caller_presence import LOST, CallerPresence, GraceTimes
from tests.fakes import settle


class Room(rtc.Room):
    """A room with these people, joined by nobody."""

    def __init__(self, *people: str) -> None:
        super().__init__()
        self._people = {one: SimpleNamespace(identity=one, track_publications={}) for one in people}

    @property
    def remote_participants(self) -> Any:
        return self._people

    @property
    def local_participant(self) -> Any:
        return SimpleNamespace(register_rpc_method=lambda *_: None, unregister_rpc_method=lambda *_: None)


def expecting(room: Room, said: list[str], *, lost_s: float) -> CallerPresence:
    presence = CallerPresence(
        room,
        "caller",
        GraceTimes(rejoin_s=9, lost_s=lost_s),
        on_away=lambda why: said.append(f"away: {why}"),
        on_return=lambda: said.append("back"),
        on_gone=lambda why: said.append(f"gone: {why}"),
    )
    presence.expect()
    return presence


async def test_caller_who_does_not_come_back_to_a_new_job_is_gone() -> None:
    said: list[str] = []
    presence = expecting(Room(), said, lost_s=0)
    await asyncio.wait_for(presence.gone.wait(), 5)
    assert said == [f"away: {LOST}", f"gone: {LOST}"]


async def test_caller_who_comes_back_to_a_new_job_is_back() -> None:
    said: list[str] = []
    room = Room()
    presence = expecting(room, said, lost_s=60)
    room.emit("participant_connected", cast(Any, SimpleNamespace(identity="caller")))
    await settle()
    assert said == [f"away: {LOST}", "back"]
    presence.close()


async def test_caller_who_is_there_is_not_away() -> None:
    said: list[str] = []
    expecting(Room("caller"), said, lost_s=0).close()
    await settle()
    assert said == []
