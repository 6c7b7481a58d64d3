"""A worker is told to end in mid-call, twice, and another one stands by."""

import asyncio
import os
import signal

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


def scenes() -> list[Scene]:
    """SIGTERM, and once more."""
    return [Scene(faults=(_DRAINED,), play=_drain)]


_DRAINED = Fault(name="worker told to end twice, another standing by", state=State.TALKING)


async def _drain(stage: Stage) -> None:
    """The call goes on with the other worker, and the first one ends."""
    first = await _crew(stage, "drained")
    async with stage.call(first.agent_name) as call:
        await call.come_to(State.TALKING)
        call.agents_allowed = 2  # the next one takes over before this one leaves, and speaks when it is gone
        second = await _crew(stage, "standing_by", AGENT_NAME=first.agent_name)
        strike = call.strike(_DRAINED, load_phrases()["resumed"], within_s=HANDED_OVER_S)
        for _ in range(2):
            os.kill(first.pid, signal.SIGTERM)
            await asyncio.sleep(AGAIN_S)
        with strike.watched():
            await call.until_heard(strike)
            async with asyncio.timeout(ENDED_S):
                while first.worker.is_running:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(AGAIN_S)
            pids = [event.payload["pid"] for event in await call.events() if event.type == "job_started"]
            if pids[-1] not in {process.pid for process in second.worker.descendants()}:
                raise UnmetError("the call is not with the other worker")


async def _crew(stage: Stage, name: str, **settings: str) -> Crew:
    return await stage.crew(name, CONSULT_MODE="text", IDLE_PROCESSES="1", DRAIN_TIMEOUT_S=str(DRAIN_S), **settings)
