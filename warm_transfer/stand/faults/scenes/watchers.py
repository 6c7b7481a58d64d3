"""Two watchers, one of them paused; a server that comes back under a token that brings an agent."""

import asyncio

from agents.prompts import load_phrases
from warm_transfer.stand.faults.evidence import Fault, UnmetError
from warm_transfer.stand.faults.matrix import VOICE_WITHIN_S
from warm_transfer.stand.faults.scenes.log_away import check_one_agent
from warm_transfer.stand.faults.stage import Scene, Stage
from warm_transfer.transfer.terms import State

PAUSED_S = 10.0
SECOND_COMES_S = 5.0
"""A second Agent A would be there by then."""


def scenes() -> list[Scene]:
    """A worker killed while one of two watchers is paused; the server restarted in a playground's call."""
    return [Scene(faults=(_PAUSED,), play=_pause), Scene(faults=(_PLAYGROUND,), play=_restart)]


_PAUSED = Fault(name="worker killed, one of two watchers paused for 10 s", state=State.TALKING)
_PLAYGROUND = Fault(name="server restarted under a playground's token", state=State.TALKING)


async def _pause(stage: Stage) -> None:
    """Whichever watcher runs recovers the call; the other finds that done when it goes on."""
    paused, other = stage.site.watchers
    await other.start()
    try:
        async with stage.call() as call:
            await call.come_to(State.TALKING)
            await call.tell_who()
            pid = (await call.until("job_started")).payload["pid"]
            paused.pause()
            strike = call.strike(_PAUSED, load_phrases()["resumed"], within_s=VOICE_WITHIN_S["worker"])
            stage.site.worker_of(pid).kill()
            with strike.watched():
                await call.until_heard(strike)
            await asyncio.sleep(max(0.0, PAUSED_S - (call.clock.now_s() - strike.at_s)))
            paused.resume()
            with strike.watched():
                await asyncio.sleep(SECOND_COMES_S)
                await check_one_agent(call)
                await call.use_facts()
    finally:
        paused.resume()
        await other.stop()
        await stage.site.mend()


async def _restart(stage: Stage) -> None:
    """Its token asks for an Agent A again when the room is made anew."""
    async with stage.call(is_playground=True) as call:
        await call.come_to(State.TALKING)
        await call.tell_who()
        before = await call.agents()
        strike = call.strike(_PLAYGROUND, load_phrases()["welcome_back"], within_s=VOICE_WITHIN_S["server"])
        await stage.site.restart_server()
        with strike.watched():
            await call.until_heard(strike)
            await asyncio.sleep(SECOND_COMES_S)
            if await call.agents() != before or len(before) != 1:
                raise UnmetError(f"{len(before)} Agent As before, {len(await call.agents())} after")
            await call.use_facts()
