"""The gaps of one move, from recordings."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from warm_transfer.stand.bench.bench_call import UnmeasuredError
from warm_transfer.stand.bench.room_ear import with_hole
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.stand.bench.sweep import Track, longest_loss_ms
from warm_transfer.stand.caller.downlink import RATE_HZ, Samples
from warm_transfer.stand.listening import silent_runs

PLANTED_MS = 100
WAIT_S = 40.0
AFTER_S = 1.5
"""Of the sweep, once Agent B has been heard."""
_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """In ms; 0 if nothing is missing."""

    heard_ms: float
    said_ms: float
    planted_heard_ms: float
    """What the same detector makes of the same recording with a hole of PLANTED_MS."""
    planted_said_ms: float


def gaps_in(heard: Samples, rate_hz: int, said: Sequence[Track]) -> Gaps:
    """`heard`: from hold music to Agent B's first sound; `said`: the sweep, as it came into the rooms.

    UnmeasuredError if the sweep came into none.
    """
    holed = heard.copy()
    holed[len(heard) // 2 :][: PLANTED_MS * rate_hz // 1000] = 0
    try:
        return Gaps(
            heard_ms=_longest_silence_ms(heard, rate_hz),
            said_ms=longest_loss_ms(said),
            planted_heard_ms=_longest_silence_ms(holed, rate_hz),
            planted_said_ms=longest_loss_ms(with_hole(said, PLANTED_MS * RATE_HZ // 1000)),
        )
    except ValueError as error:
        raise UnmeasuredError(str(error)) from error


async def until_logged(site: BenchSite, call_id: str, event_type: str) -> dict[str, object]:
    """The payload of the call's first event of this type, as soon as it is there."""
    async with asyncio.timeout(WAIT_S):
        while True:
            for event in await asyncio.to_thread(site.log.events, call_id):
                if event.type == event_type:
                    return dict(event.payload)
            await asyncio.sleep(_POLL_S)


def _longest_silence_ms(heard: Samples, rate_hz: int) -> float:
    return max((span.length_ms for span in silent_runs(heard, rate_hz)), default=0.0)
