"""A dispatch that no worker takes: Agent B's, and Agent A's for one call too many."""

from agents.prompts import load_phrases
from warm_transfer.stand.faults.evidence import Fault, UnmetError
from warm_transfer.stand.faults.stage import Crew, Scene, Stage
from warm_transfer.stand.faults.typed_call import WANTS_BILLING_NOW
from warm_transfer.transfer.terms import State

HELD_WITHIN_S = 5.0
"""From the caller's wish to the hold phrase, with a reply of the model between them."""
BUSY_WITHIN_S = 12.0
"""DISPATCH_TIMEOUT_S, 3 s, for Agent A, and once more for the busy role; joining, and the phrase."""


def scenes() -> list[Scene]:
    """An Agent B that comes late, and a caller whom nobody can take."""
    return [Scene(faults=(_LOST, _FULL), play=_play, is_alone=False)]


_LOST = Fault(name="dispatch of Agent B refused until a worker has room", state=State.RINGING)
_FULL = Fault(name="worker full", state=State.TALKING)


async def _play(stage: Stage) -> None:
    crew = await stage.crew("dispatch", CONSULT_MODE="text", MAX_CALLS="1")
    await _lose_agent_b(stage, crew)
    crew.break_models("")
    await _fill(stage, crew)


async def _lose_agent_b(stage: Stage, crew: Crew) -> None:
    """The caller is held meanwhile, and Agent B is asked for again: one attempt, for the caller notices nothing."""
    async with stage.call(crew.agent_name) as call:
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
            attempts = [event for event in await call.events() if event.type == "attempt_begun"]
            if len(attempts) != 1:
                raise UnmetError(f"{len(attempts)} attempts")


async def _fill(stage: Stage, crew: Crew) -> None:
    """One call too many hears that all lines are busy, and the first one goes on."""
    async with stage.call(crew.agent_name) as first:
        await first.come_to(State.TALKING)
        async with stage.call(crew.agent_name) as second:
            strike = second.strike(_FULL, load_phrases()["lines_busy"], within_s=BUSY_WITHIN_S)
            with strike.watched():
                await second.until_heard(strike)
                await second.until("call_ended", reason="all lines are busy")
        await first.type("What are your opening hours?")
        await first.until_said("monday")
