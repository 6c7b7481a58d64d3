"""A worker is told to end in mid-call: another one stands by, or none."""

import asyncio
import os
import signal

from agents.departure import END_REASON
from agents.prompts import load_phrases
from warm_transfer.stand.faults.evidence import Fault, UnmetError
from warm_transfer.stand.faults.stage import Crew, Scene, Stage
from warm_transfer.transfer.terms import State

DRAIN_S = 32
"""DRAIN_TIMEOUT_S: 30 s before it calls are handed over, so that is 2 s after the first SIGTERM."""
AGAIN_S = 0.5
HANDED_OVER_S = 12.0
"""2 s until then, what is just being said, and another worker's agent."""
ENDED_S = 20.0
TOLD_S = 25.0
"""2 s until then, what is just being said, three dispatches of 3 s that nobody takes, and the phrase's first word."""


def scenes() -> list[Scene]:
    """SIGTERM, and once more; and with nobody who could take the call over."""
    return [Scene(faults=(_DRAINED, _ALONE), play=_drain, is_alone=False)]


_ALONE = Fault(name="worker told to end, no other there", state=State.TALKING)
_DRAINED = Fault(name="worker told to end twice, another standing by", state=State.TALKING)


async def _drain(stage: Stage) -> None:
    first = await _crew(stage, "drained")
    await _hand_over(stage, first)
    await _drain_alone(stage, await _standby(stage, first))


async def _hand_over(stage: Stage, first: Crew) -> None:
    """The call goes on with the other worker, and the first one ends."""
    async with stage.call(first) as call:
        await call.come_to(State.TALKING)
        await call.tell_who()
        call.agents_allowed = 2  # the next one takes over before this one leaves, and speaks when it is gone
        second = await _standby(stage, first)
        strike = call.strike(_DRAINED, load_phrases()["resumed"], within_s=HANDED_OVER_S)
        for _ in range(2):
            os.kill(first.pid, signal.SIGTERM)
            await asyncio.sleep(AGAIN_S)
        with strike.watched():
            await call.until_heard(strike)
            await _until_ended(first)
            pids = [event.payload["pid"] for event in await call.events() if event.type == "job_started"]
            if pids[-1] not in {process.pid for process in second.worker.descendants()}:
                raise UnmetError("the call is not with the other worker")
            await call.use_facts()


async def _drain_alone(stage: Stage, crew: Crew) -> None:
    """The caller is told before the deadline, and the call ends."""
    async with stage.call(crew) as call:
        await call.come_to(State.TALKING)
        await call.until_quiet()
        strike = call.strike(_ALONE, load_phrases()["call_must_end"], within_s=TOLD_S)
        os.kill(crew.pid, signal.SIGTERM)
        with strike.watched():
            await call.until_heard(strike)
            await call.until("call_ended", reason=END_REASON)
            if call.clock.now_s() - strike.at_s > DRAIN_S:
                raise UnmetError("the call did not end before the deadline")
            await _until_ended(crew)


async def _until_ended(crew: Crew) -> None:
    async with asyncio.timeout(ENDED_S):
        while crew.worker.is_running:  # noqa: ASYNC110 - another process
            await asyncio.sleep(AGAIN_S)


async def _standby(stage: Stage, first: Crew) -> Crew:
    return await _crew(stage, "standing_by", first.agent_name)


async def _crew(stage: Stage, name: str, agent_name: str = "") -> Crew:
    return await stage.crew(
        name,
        AGENT_NAME=agent_name or stage.agent_name(name),
        CONSULT_MODE="text",
        IDLE_PROCESSES="1",
        DRAIN_TIMEOUT_S=str(DRAIN_S),
    )
