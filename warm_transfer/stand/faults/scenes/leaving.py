"""The caller hangs up, leaves, is lost, and comes back."""

import asyncio
import multiprocessing
from contextlib import AsyncExitStack

from livekit import rtc

from agents.prompts import load_phrases
from warm_transfer.stand.faults.evidence import Fault, UnmetError
from warm_transfer.stand.faults.remembered import WANTS_BILLING_NOW
from warm_transfer.stand.faults.stage import Scene, Stage
from warm_transfer.stand.faults.typed_call import TypedCall
from warm_transfer.transfer.terms import State

LOST_S = 40.0
"""LiveKit takes 15 to 20 s to tell of a lost connection."""
BACK_S = 6.0
"""From the return to the voice; joining takes 0.3 s of it, 4 s on busy cores."""
ENDED_S = 4.0
"""For the end of a call to be seen in its log, on busy cores; rooms and jobs have `LEFT_S` from then."""
_UNDER_WAY = (State.RINGING, State.CONSULTING, State.MOVING)


def scenes() -> list[Scene]:
    """Hang-ups in every state; a clean leave and a lost connection, with a return and without."""
    away = [_stay_away(state) for state in (State.TALKING, State.CONSULTING, State.ENDED)]
    return [_LOST, _LOST_FOR_GOOD, _RELOADED, *away, *(_hang_up(state) for state in State)]


def _hang_up(state: State) -> Scene:
    """The end button: nobody is called any more, nothing is left."""
    fault = Fault(name="hang-up", state=state)

    async def play(stage: Stage) -> None:
        # In a text consult the states after the consult come soon; a spoken one lasts.
        crew = None if state is State.CONSULTING else await stage.crew("text", CONSULT_MODE="text")
        async with stage.call(crew) as call:
            await call.come_to(state)
            strike = call.strike(fault)
            with strike.watched():
                await call.hang_up()
                await call.until("call_ended")
                if state in _UNDER_WAY:
                    await call.until("transfer_ended")

    return Scene(faults=(fault,), play=play, is_alone=False)


_RELOADED_TALKING = Fault(name="clean leave and return", state=State.TALKING)
_RELOADED_HELD = Fault(name="clean leave and return", state=State.CONSULTING)


async def _reload(stage: Stage) -> None:
    """A page that is loaded again, while talking and on hold."""
    back = load_phrases()["welcome_back"]
    async with stage.call() as call, AsyncExitStack() as connections:
        await call.come_to(State.TALKING)
        for number, fault in enumerate((_RELOADED_TALKING, _RELOADED_HELD), start=1):
            if fault is _RELOADED_HELD:
                await call.type(WANTS_BILLING_NOW)
                await call.until("target_answered")
            await call.leave()
            await call.until("caller_away", count=number, reason="the caller left the room")
            strike = call.strike(fault, back, within_s=BACK_S)
            await connections.enter_async_context(call.returned())
            with strike.watched():
                await call.until_heard(strike)
        await call.until("transfer_ended", disposition="completed")
        await call.until_said("susan", speaker="agent_b")


_RELOADED = Scene(faults=(_RELOADED_TALKING, _RELOADED_HELD), play=_reload, is_alone=False)

_LOST_TALKING = Fault(name="lost connection and return", state=State.TALKING)


async def _lose(stage: Stage) -> None:
    """A caller whose process is killed, as a phone that dies, and who comes back when LiveKit has noticed."""
    crew = await stage.crew("text", CONSULT_MODE="text")
    async with stage.call(crew, has_caller=False) as call:
        await _get_lost(stage, call)
        strike = call.strike(_LOST_TALKING, load_phrases()["welcome_back"], within_s=BACK_S)
        async with call.returned():
            with strike.watched():
                await call.until_heard(strike)
                await call.tell_who()
                await call.use_facts()


_LOST_FOR_GOOD_TALKING = Fault(name="lost connection without return", state=State.TALKING)


async def _lose_for_good(stage: Stage) -> None:
    """The call ends with the grace time."""
    crew = await stage.crew("text", CONSULT_MODE="text")
    async with stage.call(crew, has_caller=False) as call:
        await _get_lost(stage, call)
        strike = call.strike(_LOST_FOR_GOOD_TALKING)
        with strike.watched():
            await call.until("call_ended", timeout_s=stage.site.settings.lost_grace_s + ENDED_S)


async def _get_lost(stage: Stage, call: TypedCall) -> None:
    lost = multiprocessing.get_context("spawn").Process(
        target=_stay_in_room, args=(stage.site.access.url, call.token), daemon=True
    )
    await asyncio.to_thread(lost.start)
    try:
        await call.until_said("how can i help")
    finally:
        lost.kill()
    await _until_missed(call)


async def _until_missed(call: TypedCall) -> None:
    away = await call.until("caller_away", timeout_s=LOST_S)
    if away.payload["reason"] != "the caller's connection was lost":
        raise UnmetError(f"away because {away.payload['reason']}")


_LOST = Scene(faults=(_LOST_TALKING,), play=_lose, is_alone=False)
_LOST_FOR_GOOD = Scene(faults=(_LOST_FOR_GOOD_TALKING,), play=_lose_for_good, is_alone=False)


def _stay_away(state: State) -> Scene:
    """A page that is closed: the grace time, and nothing is left."""
    fault = Fault(name="clean leave without return", state=state)

    async def play(stage: Stage) -> None:
        crew = None if state is State.CONSULTING else await stage.crew("text", CONSULT_MODE="text")
        async with stage.call(crew) as call:
            await call.come_to(state)
            await call.leave()
            strike = call.strike(fault)
            with strike.watched():
                await call.until("call_ended", timeout_s=stage.site.settings.rejoin_grace_s + ENDED_S)
                if state in _UNDER_WAY:
                    await call.until("transfer_ended", disposition="caller_left")

    return Scene(faults=(fault,), play=play, is_alone=False)


def _stay_in_room(url: str, token: str) -> None:
    """The caller that gets lost, in a process of its own."""

    async def stay() -> None:
        room = rtc.Room()
        await room.connect(url, token)
        await asyncio.Event().wait()

    asyncio.run(stay())
