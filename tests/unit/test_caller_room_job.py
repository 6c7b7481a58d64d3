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
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Participant, Rooms
from warm_transfer.transfer.wire import AgentAJob


class Site:
    """Stands for the job's context, the house and the call log; nobody calls, and the log is away."""

    name = "caller-1"

    def __init__(self, job: AgentAJob) -> None:
        self.room = self.access = self.log = self
        self.job = SimpleNamespace(id="job", room=SimpleNamespace(name=self.name))
        self.remote_participants: dict[str, object] = {}
        self.local_participant = SimpleNamespace(identity="agent_a-1")
        self.present: list[Participant] = []
        self.is_server_away = False
        self.did: list[str] = []
        me = cast(Any, self)
        self.agent = CallerRoomJob(me, job, me, asyncio.Event())

    def token_claims(self) -> SimpleNamespace:
        return SimpleNamespace(identity="agent_a-1")

    def append(self, *_: object, **__: object) -> NoReturn:
        raise LogUnavailableError("away")

    def on(self, _: str, __: object) -> None:
        """Nothing happens in this room."""

    async def connect(self, **_: object) -> None:
        self.did.append("connect")

    async def wait_for_participant(self, **_: object) -> NoReturn:
        raise RuntimeError("room disconnected while waiting for participant")

    async def participants(self, _: str) -> list[Participant]:
        if self.is_server_away:
            raise TargetUnavailableError("away")
        return self.present

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


def agent_a(number: int, joined_at_ms: int, *, is_publishing: bool = False) -> Participant:
    return Participant(identity=f"agent_a-{number}", joined_at_ms=joined_at_ms, is_publishing=is_publishing)


async def leaves(*present: Participant, me: int = 1, is_server_away: bool = False) -> bool:
    site = Site(AgentAJob(call_id="call", caller_identity="caller"))
    site.local_participant.identity = f"agent_a-{me}"
    site.present, site.is_server_away = list(present), is_server_away
    site.remote_participants = {one.identity: one for one in present if one.identity != f"agent_a-{me}"}
    return await site.agent._has_agent_a(cast(Rooms, site))


@pytest.mark.parametrize("joined", [(10, 20), (20, 10), (10, 10)])
async def test_of_two_agent_as_that_arrive_together_exactly_one_leaves(joined: tuple[int, int]) -> None:
    both = [agent_a(1, joined[0]), agent_a(2, joined[1])]
    assert [await leaves(*both, me=1), await leaves(*both, me=2)].count(True) == 1


async def test_agent_a_that_speaks_has_the_call_though_it_came_again_later() -> None:
    assert await leaves(agent_a(1, 10), agent_a(2, 20, is_publishing=True))


async def test_agent_a_that_is_alone_stays() -> None:
    caller = Participant(identity="caller", joined_at_ms=1, is_publishing=True)
    assert not await leaves(agent_a(1, 10), caller)


async def test_agent_a_that_can_not_ask_the_server_goes_by_what_the_room_tells() -> None:
    assert await leaves(agent_a(1, 10), agent_a(2, 20), is_server_away=True)
    assert not await leaves(agent_a(1, 10), is_server_away=True)
