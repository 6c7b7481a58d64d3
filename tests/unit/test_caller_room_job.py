"""An Agent A that finds nothing to do leaves without a word, and is nobody's to recover."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from agents import caller_room_job
from agents.caller_room_job import CallerRoomJob
from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.transfer.wire import AgentAJob


class Site:
    """Stands for the job's context, the house and the call log; nobody calls, and the log is away."""

    name = "caller-1"

    def __init__(self, job: AgentAJob) -> None:
        self.room = self.access = self.log = self
        self.job = SimpleNamespace(id="job", room=SimpleNamespace(name=self.name))
        self.remote_participants: dict[str, object] = {}
        self.did: list[str] = []
        me = cast(Any, self)
        self.agent = CallerRoomJob(me, job, me, asyncio.Event())

    def token_claims(self) -> SimpleNamespace:
        return SimpleNamespace(identity="agent_a-1")

    def append(self, *_: object, **__: object) -> NoReturn:
        raise LogUnavailableError("away")

    async def connect(self, **_: object) -> None:
        self.did.append("connect")

    async def wait_for_participant(self, **_: object) -> NoReturn:
        raise RuntimeError("room disconnected while waiting for participant")

    @asynccontextmanager
    async def recorder(self, _: str) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(record=lambda event, _: self.did.append(str(event)))


@pytest.fixture(autouse=True)
def rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def of(access: object) -> AsyncIterator[object]:
        yield access

    monkeypatch.setattr(caller_room_job, "Rooms", of)


async def test_room_that_nobody_enters_is_no_call() -> None:
    site = Site(AgentAJob(call_id="call", caller_identity="caller"))
    await site.agent.run()
    assert site.did == ["connect"]


async def test_call_that_the_log_can_not_tell_of_is_left_to_who_asked_for_us() -> None:
    site = Site(AgentAJob(call_id="call", caller_identity="caller", replaces="agent_a", epoch=2))
    await site.agent.run()
    assert site.did == []
