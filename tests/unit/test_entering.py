"""A target that joins rooms which are deleted meanwhile makes them anew, and leaves at once."""

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents.consult_inbox import NotNeededError
from agents.roster import Roster, Specialist
from agents.target_job import TargetJob
from tests.unit.test_final_room_job import AI_JOB, BreakingJob

BEN = Specialist(id="dana", kind="ai", name="Ben", title="specialist", skills=("billing",))


class Room:
    """One of the two, as the server and the client that joined it see it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.now = "RM_1"

    @property
    async def sid(self) -> str:
        return self.now


class EnteringJob(BreakingJob):
    """Stands for job context, link and server as well; `deleted_meanwhile` is made anew by the join."""

    has_peer = True
    settings = SimpleNamespace(rpc_timeout_s=5.0)

    def __init__(self, *, deleted_meanwhile: str = "") -> None:
        super().__init__(NotNeededError("not reached"))
        self.roster = Roster(specialists=(BEN,))
        self.told: list[str] = []
        self.final, self.consult = Room("final"), Room(AI_JOB.consult_room)
        self._deleted_meanwhile = deleted_meanwhile
        self._ctx = cast(Any, SimpleNamespace(room=self.final, job=SimpleNamespace(room=self.final), connect=self.join))
        self._house = cast(Any, self)

    async def sids(self, names: tuple[str, ...]) -> dict[str, str]:
        return {room.name: room.now for room in (self.final, self.consult) if room.name in names}

    async def join(self, **_: object) -> None:
        for room in (self.final, self.consult):
            if room.name == self._deleted_meanwhile:
                room.now = "RM_2"

    async def wait_for_peer(self) -> None:
        if self._deleted_meanwhile:
            await asyncio.Event().wait()

    async def send(self, message: object) -> None:
        self.told.append(type(message).__name__)

    async def enter(self) -> None:
        link = SimpleNamespace(
            connect=self.join, send=self.send, wait_for_peer=self.wait_for_peer, has_peer=True, room=self.consult
        )
        async with AsyncExitStack() as stack:
            await TargetJob._enter(self, cast(Any, self), cast(Any, link), None, stack)


@pytest.mark.parametrize("name", ["final", AI_JOB.consult_room])
async def test_target_whose_room_was_deleted_while_it_joined_does_not_wait_for_agent_a(name: str) -> None:
    job = EnteringJob(deleted_meanwhile=name)
    with pytest.RaisesGroup(NotNeededError):
        async with asyncio.timeout(2):
            await job.enter()


async def test_target_whose_rooms_are_there_says_that_it_is_ready() -> None:
    job = EnteringJob()
    await job.enter()
    assert job.told == ["Ready"]
