"""How an Agent B leaves: with a word, or, if it breaks, with the caller's room for whoever recovers the call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents import target_job
from agents.consult_inbox import NotNeededError
from agents.final_room_job import FinalRoomJob
from agents.provider_faults import GAVE_UP
from agents.return_desk import ReturnRequest
from agents.roster import Roster, Specialist
from agents.target_job import TargetJob
from tests.unit.test_attendant import JOB
from warm_transfer.transfer.errors import TargetUnavailableError

BEN = Specialist(id="dana", kind="ai", name="Ben", title="specialist", skills=("billing",))
AI_JOB = JOB.model_copy(update={"desk_identity": None})


class BreakingJob(FinalRoomJob):
    """An Agent B that breaks; stands for house, job context and rooms as well."""

    name = "final"

    def __init__(self, error: BaseException, *, has_caller: bool = True, is_over: bool = False) -> None:
        self.roster = Roster(specialists=(BEN,))
        self.room = self.access = self
        self.recorded: list[str] = []
        self.deleted: list[str] = []
        self.books: dict[str, Any] = {}
        self._error = error
        self._breaks_with_caller = has_caller
        self._breaks_after_the_end = is_over
        me = cast(Any, self)
        super().__init__(me, AI_JOB, me, asyncio.Event())

    _attend = TargetJob._attend  # without a session

    def on(self, *_: object) -> None:
        pass

    def models(self, _: object) -> SimpleNamespace:
        return SimpleNamespace(failovers=SimpleNamespace(tell=lambda _: None))

    @asynccontextmanager
    async def recorder(self, _: str) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(record=lambda event, _: self.recorded.append(str(event)))

    async def people(self, _: str) -> set[str]:
        return set()

    async def delete(self, name: str) -> None:
        self.deleted.append(name)

    def _consult_voice(self, _: object) -> None:
        pass

    async def _enter(self, *_: object) -> None:
        pass

    async def _consult(self, *_: object) -> None:
        pass

    async def _take_caller(self, link: object, recorder: Any, rooms: object) -> None:
        self._has_caller = self._breaks_with_caller
        if self._breaks_after_the_end:
            self._note_end("the caller hung up", recorder)
        raise self._error


@pytest.fixture(autouse=True)
def rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def of(access: object) -> AsyncIterator[object]:
        yield access

    monkeypatch.setattr(target_job, "Rooms", of)
    monkeypatch.setattr(target_job, "ConsultLink", lambda *_, **__: None)


BUGS = [RuntimeError("a bug"), ExceptionGroup("", [RuntimeError("a bug"), TargetUnavailableError("no server")])]


@pytest.mark.parametrize("bug", BUGS, ids=repr)
async def test_agent_b_that_breaks_leaves_the_caller_in_the_room_for_the_recovery(bug: Exception) -> None:
    job = BreakingJob(bug)
    with pytest.raises((RuntimeError, ExceptionGroup)):
        await job.run()
    assert job.deleted == []
    assert job.recorded == ["job_started"]


async def test_agent_b_that_breaks_before_the_caller_has_come_closes_its_rooms() -> None:
    job = BreakingJob(RuntimeError("a bug"), has_caller=False)
    with pytest.raises((RuntimeError, ExceptionGroup)):
        await job.run()
    assert job.deleted == ["consult", "final"]


async def test_agent_b_that_breaks_when_the_call_is_over_closes_the_room() -> None:
    job = BreakingJob(RuntimeError("a bug"), is_over=True)
    with pytest.raises((RuntimeError, ExceptionGroup)):
        await job.run()
    assert job.deleted == ["final"]
    assert job.recorded == ["job_started", "call_ended", "agent_left", "job_ended"]


async def test_agent_b_that_is_dismissed_closes_its_rooms() -> None:
    job = BreakingJob(NotNeededError("dismissed"), has_caller=False)
    await job.run()
    assert job.deleted == ["consult", "final"]


class Leaving:
    """The world of an Agent B whose models failed for good: session, phrases, hand-back and caller."""

    def __init__(self, *, comes: bool, why: str = "") -> None:
        self.did: list[str] = []
        self.why = why
        self._comes = comes

    async def run(self, request: ReturnRequest) -> bool:
        self.did.append(f"hand back {request.cause}")
        return self._comes

    async def interrupt(self, *, force: bool) -> None:
        self.did.append("interrupt")

    async def say(self, _: object, phrase: str, *, allow_interruptions: bool) -> None:
        self.did.append(f"say {phrase}")

    async def reason(self) -> str | None:
        """Why the call ended, if it did."""
        agent_b, me = BreakingJob(NotNeededError("not reached")), cast(Any, self)
        agent_b.books = {"dana": me}
        agent_b._give_up(GAVE_UP)
        return await agent_b._until_over(me, me, me)


async def test_agent_b_that_gives_up_says_goodbye_if_no_agent_a_can_be_had() -> None:
    leaving = Leaving(comes=False)
    assert await leaving.reason() == "Agent B's session gave up"
    assert leaving.did == ["hand back failed", "interrupt", "say trouble.end"]


async def test_agent_b_that_gives_up_leaves_the_last_word_to_the_agent_a_who_comes() -> None:
    leaving = Leaving(comes=True)
    assert await leaving.reason() is None
    assert leaving.did == ["hand back failed"]


async def test_agent_b_says_no_goodbye_to_a_caller_who_hung_up_meanwhile() -> None:
    leaving = Leaving(comes=False, why="the caller hung up")
    assert await leaving.reason() == "the caller hung up"
    assert leaving.did == ["hand back failed"]
