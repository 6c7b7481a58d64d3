"""The busy role keeps out of a call that an Agent A has answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc

from agents import busy_job
from agents.busy_job import BusyRoomJob
from tests.fakes import settle
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.wire import BusyJob


class FakeRoom(rtc.EventEmitter[str]):
    """A caller's room with the busy role in it."""

    name = "room"

    def __init__(self) -> None:
        super().__init__()
        self.local_participant = SimpleNamespace(identity="busy-2")
        self.remote_participants: dict[str, object] = {"caller": object()}
        self.is_connected = True

    async def disconnect(self) -> None:
        self.is_connected = False

    def comes(self, identity: str) -> None:
        self.remote_participants[identity] = object()
        self.emit("participant_connected", SimpleNamespace(identity=identity))


class Telling(BusyRoomJob):
    """A busy role whose phrase lasts until the test ends it; stands for job context, house and rooms as well."""

    access = None

    def __init__(self) -> None:
        self.room = FakeRoom()
        self.recorded: list[str] = []
        self.deleted: list[str] = []
        self.phrase = asyncio.Event()
        self.has_told = False
        self.on_server = {"caller", "busy-2"}
        self.is_server_down = False
        me = cast(Any, self)
        super().__init__(me, BusyJob(call_id="call", caller_identity="caller"), me)

    async def connect(self, **_: object) -> None:
        pass

    @asynccontextmanager
    async def recorder(self, _: str) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(record=lambda event, _: self.recorded.append(str(event)))

    async def delete(self, name: str) -> None:
        self.deleted.append(name)

    async def people(self, _: str) -> set[str]:
        if self.is_server_down:
            raise TargetUnavailableError("no server")
        return self.on_server

    async def _tell(self, _: object) -> None:
        await self.phrase.wait()
        self.has_told = True


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Telling:
    telling = Telling()

    @asynccontextmanager
    async def rooms(_: object) -> AsyncIterator[Telling]:
        yield telling

    monkeypatch.setattr(busy_job, "Rooms", rooms)
    return telling


async def test_call_ends_once_the_caller_was_told(job: Telling) -> None:
    job.phrase.set()
    await job.run()
    assert job.deleted == ["room"]
    assert job.recorded == ["call_started", "job_started", "agent_left", "call_ended", "job_ended"]


async def test_agent_a_who_comes_in_the_middle_of_the_phrase_has_the_call_at_once(job: Telling) -> None:
    running = asyncio.create_task(job.run())
    await settle()
    job.room.comes("agent_a-1")
    await running
    assert not job.has_told
    assert not job.room.is_connected
    assert job.deleted == []
    assert job.recorded == ["call_started", "job_started", "agent_left", "job_ended"]


async def test_agent_a_who_comes_with_the_last_word_has_the_call(job: Telling) -> None:
    running = asyncio.create_task(job.run())
    await settle()
    job.phrase.set()
    job.room.comes("agent_a-1")
    await running
    assert job.deleted == []
    assert "call_ended" not in job.recorded


async def test_agent_a_of_whom_the_server_knows_and_the_room_not_yet_has_the_call(job: Telling) -> None:
    job.phrase.set()
    job.on_server.add("agent_a-1")
    await job.run()
    assert job.deleted == []
    assert job.recorded == ["call_started", "job_started", "agent_left", "job_ended"]


async def test_room_stays_where_the_server_does_not_tell_who_is_there(job: Telling) -> None:
    job.phrase.set()
    job.is_server_down = True
    await job.run()
    assert (job.deleted, job.room.is_connected) == ([], False)
    assert job.recorded[-1] == "job_ended"


async def test_anybody_else_who_comes_stops_nothing(job: Telling) -> None:
    running = asyncio.create_task(job.run())
    await settle()
    job.room.comes("busy-3")
    job.room.comes("caller")
    job.phrase.set()
    await running
    assert job.deleted == ["room"]


async def test_call_that_an_agent_a_has_is_left_without_a_word(job: Telling) -> None:
    job.room.remote_participants["agent_a-1"] = object()
    await job.run()
    assert not job.has_told
    assert not job.room.is_connected
    assert (job.deleted, job.recorded) == ([], [])
