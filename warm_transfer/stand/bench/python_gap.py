"""Moves of the synthetic caller, whose client is in Python."""

import asyncio

from warm_transfer.stand.bench.bench_call import BenchCall, UnmeasuredError, our_call
from warm_transfer.stand.bench.dialogue import ASKS_FOR_IT
from warm_transfer.stand.bench.gaps import AFTER_S, WAIT_S, Gaps, gaps_in, until_logged
from warm_transfer.stand.bench.room_ear import room_ears
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.stand.bench.sweep import sweep
from warm_transfer.stand.caller.downlink import RATE_HZ, Samples, mix
from warm_transfer.stand.caller.ear import HOLD_MUSIC_TRACK, first_sound

_SWEEP_S = 25.0
_POLL_S = 0.05
_INTO_IT_S = 0.05
"""Of Agent B's first word, that the end of the music before it counts."""


class PythonMoves:
    """One call each."""

    name = "Python client"
    why_not = ""

    async def move(self, site: BenchSite, url: str) -> Gaps:
        """Have one caller held and moved, who hears and says something all the time."""
        async with our_call(site, url=url) as call, room_ears(site.access, call.caller.clock) as ears:
            caller = call.caller
            await ears.join(call.room)
            await call.hears()
            speaking = asyncio.create_task(caller.say("sweep", sweep(_SWEEP_S), RATE_HZ))
            try:
                await call.type(ASKS_FOR_IT)
                opened = await until_logged(site, call.call_id, "consult_opened")
                await ears.join(str(opened["final_room"]))
                moved_s = await _until_first_sound(call)
                await asyncio.sleep(AFTER_S)
            finally:
                speaking.cancel()
            said = ears.tracks(caller.rtc_room.local_participant.identity)
            return await asyncio.to_thread(gaps_in, _heard(call, moved_s), RATE_HZ, said)


async def _until_first_sound(call: BenchCall) -> float:
    """Place in the recordings of Agent B's first sound."""
    async with asyncio.timeout(WAIT_S):
        while True:
            for moment in call.caller.moments:
                if moment.name == "first_sound":
                    return moment.at_s
            await asyncio.sleep(_POLL_S)


def _heard(call: BenchCall, moved_s: float) -> Samples:
    """From the music's first sound into Agent B's first word."""
    music = [mix([lane]) for lane in call.caller.downlink.lanes if lane.track_name == HOLD_MUSIC_TRACK]
    if not music:
        raise UnmeasuredError("there was no hold music that a gap could be in")
    return call.caller.downlink.mixed()[first_sound(music[0]) : int((moved_s + _INTO_IT_S) * RATE_HZ)]
