"""A dispatch that no worker takes: Agent B's, Agent A's for one call too many, anybody's where no worker is."""

import asyncio

from agents.prompts import load_phrases
from warm_transfer.stand.faults.evidence import Fault, UnmetError
from warm_transfer.stand.faults.remembered import WANTS_BILLING_NOW
from warm_transfer.stand.faults.stage import Crew, Scene, Stage
from warm_transfer.stand.faults.typed_call import POLL_S
from warm_transfer.transfer.terms import State
from warm_transfer.transfer.wire import NOBODY_ANSWERS

HELD_WITHIN_S = 5.0
"""From the caller's wish to the hold phrase, with a reply of the model between them."""
BUSY_WITHIN_S = 12.0
"""DISPATCH_TIMEOUT_S, 3 s, for Agent A, and once more for the busy role; joining, and the phrase."""
NOTED_WITHIN_S = 20.0
"""After two dispatches of 3 s that nobody took the room says so; the first look comes 3 s after the caller."""
LATE_WITHIN_S = 12.0
"""From the worker's registration: the next dispatch for Agent A, at most 6 s later, and a job from a cold process."""

NAME = "dispatch"


def scenes() -> list[Scene]:
    """An Agent B that comes late, a caller whom nobody can take, and one who calls before there is a worker."""
    return [Scene(faults=(_NOBODY, _LATE, _LOST, _FULL), play=_play, is_alone=False)]


_NOBODY = Fault(name="no worker at all", state=State.TALKING)
_LATE = Fault(name="worker that registers late", state=State.TALKING)
_LOST = Fault(name="dispatch of Agent B refused until a worker has room", state=State.RINGING)
_FULL = Fault(name="worker full", state=State.TALKING)


async def _play(stage: Stage) -> None:
    await stage.watcher(NAME)
    await _come_late(stage)
    crew = await _crew(stage)
    await _lose_agent_b(stage, crew)
    crew.break_models("")
    await _fill(stage, crew)


async def _lose_agent_b(stage: Stage, crew: Crew) -> None:
    """The caller is held meanwhile, and Agent B is asked for again: one attempt, for the caller notices nothing."""
    async with stage.call(crew) as call:
        await call.come_to(State.TALKING)
        await call.until_quiet()
        crew.break_models("worker full")
        strike = call.strike(_LOST, load_phrases()["hold"], within_s=HELD_WITHIN_S)
        with strike.watched():
            await call.type(WANTS_BILLING_NOW)
            await call.until_heard(strike)
            crew.break_models("")
            await call.until("transfer_ended", disposition="completed")
            await call.until_heard(strike, by="agent_b")
            await call.until_said("susan", speaker="agent_b")
            attempts = [event for event in await call.events() if event.type == "attempt_begun"]
            if len(attempts) != 1:
                raise UnmetError(f"{len(attempts)} attempts")


async def _fill(stage: Stage, crew: Crew) -> None:
    """One call too many hears that all lines are busy, and the first one goes on."""
    async with stage.call(crew) as first:
        await first.come_to(State.TALKING)
        async with stage.call(crew) as second:
            strike = second.strike(_FULL, load_phrases()["lines_busy"], within_s=BUSY_WITHIN_S)
            with strike.watched():
                await second.until_heard(strike)
                await second.until("call_ended", reason="all lines are busy")
        await first.type("What are your opening hours?")
        await first.until_said("monday")


async def _come_late(stage: Stage) -> None:
    """The room tells the caller's page that nobody answers, until somebody does."""
    async with stage.call(agent_name=stage.agent_name(NAME)) as call:
        nobody = call.strike(_NOBODY)
        with nobody.watched():
            async with asyncio.timeout(NOTED_WITHIN_S):
                while call.room_metadata != NOBODY_ANSWERS:  # noqa: ASYNC110 - as a page would read it
                    await asyncio.sleep(POLL_S)
        await _crew(stage)
        late = call.strike(_LATE, load_phrases()["greeting"], within_s=LATE_WITHIN_S)
        with late.watched():
            await call.until_heard(late)
            if call.room_metadata:
                raise UnmetError("the room still says that nobody answers")
            await call.tell_who()
            await call.use_facts()


async def _crew(stage: Stage) -> Crew:
    return await stage.crew(NAME, CONSULT_MODE="text", MAX_CALLS="1")
