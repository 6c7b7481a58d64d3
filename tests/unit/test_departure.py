"""Agent A whose worker ends leaves the caller to a successor, or with a word; never in the middle of a move."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from agents.departure import END_REASON, Departure
from tests.fakes import settle
from warm_transfer.transfer import events
from warm_transfer.transfer.coordinator import CallOutcome
from warm_transfer.transfer.terms import Disposition, State


class Leaving:
    """A call of a worker that ends; stands for coordinator, successor, session, line, book and target."""

    def __init__(self, state: State = State.TALKING) -> None:
        self.did: list[str] = []
        self.told = asyncio.Event()
        self.situation = SimpleNamespace(state=state)
        self.current_speech = None
        self._outcome: asyncio.Future[CallOutcome] = asyncio.get_running_loop().create_future()
        self.comes: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        me = cast(Any, self)
        departure = Departure(self.told, coordinator=me, target=me, successor=me, session=me, line=me, book=me)
        self.departing = asyncio.create_task(departure.run())

    async def run(self) -> CallOutcome:
        return await self._outcome

    def post(self, event: events.CallerLeft) -> None:
        self._outcome.set_result(CallOutcome(disposition=Disposition.NONE, reason=event.reason, move=None))

    async def bring(self) -> bool:
        self.did.append("bring")
        return await self.comes

    def stop(self) -> None:
        self.did.append("stop")

    async def close(self) -> None:
        self.did.append("close consult")

    async def close_ears(self) -> None:
        self.did.append("close ears")

    async def interrupt(self, *, force: bool) -> None:
        self.did.append("interrupt")

    async def say(self, _: object, phrase: str, *, allow_interruptions: bool) -> None:
        self.did.append(f"say {phrase}")


async def test_successor_gets_the_call_and_the_consult_is_closed() -> None:
    call = Leaving()
    call.told.set()
    call.comes.set_result(True)
    assert await call.departing is None
    assert call.did == ["close ears", "bring", "stop", "close consult"]


async def test_caller_for_whom_nobody_comes_is_told_and_the_call_ends() -> None:
    call = Leaving()
    call.told.set()
    call.comes.set_result(False)
    outcome = await call.departing
    assert outcome is not None
    assert outcome.reason == END_REASON
    assert call.did == ["close ears", "bring", "interrupt", "say call_must_end", "stop"]


async def test_caller_who_is_being_moved_is_not_stopped_on_the_way() -> None:
    call = Leaving(State.MOVING)
    call.told.set()
    await settle()
    assert call.did == []
    call.situation.state = State.TALKING  # the move failed
    call.told.set()
    await settle()
    assert call.did == ["close ears", "bring"]
    call.comes.set_result(True)
    assert await call.departing is None


async def test_caller_who_hangs_up_while_a_successor_is_awaited_needs_none() -> None:
    call = Leaving()
    call.told.set()
    await settle()
    call.post(events.CallerLeft("hung up"))
    outcome = await call.departing
    assert outcome is not None
    assert outcome.reason == "hung up"
    assert call.did == ["close ears", "bring", "stop"]


async def test_call_that_ends_by_itself_is_left_alone() -> None:
    call = Leaving()
    await settle()
    call.post(events.CallerLeft("hung up"))
    assert await call.departing is not None
    assert call.did == ["stop"]
