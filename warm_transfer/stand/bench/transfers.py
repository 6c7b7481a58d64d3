"""One transfer in each way: ours, LiveKit's own handoff, and one step after the other."""

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from warm_transfer.stand.bench.bare_job import FirstLine
from warm_transfer.stand.bench.bench_call import BenchCall, UnmeasuredError, bare_call, our_call
from warm_transfer.stand.bench.dialogue import AGREES, ASKS_FOR_IT, TELLS
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.transfer.wire import AGENT_B_PREFIX

Way = Literal["armed", "cold", "handoff", "sequential"]
"""`armed`: offered, and the caller agrees a while later. `cold`: the caller asks for it, and nothing is prepared."""

_THINKS_S = 1.5
"""The caller, after the question, which takes 0.4 s here and would take 2 s: as long as a real voice gives agents."""
_CALLED = "called transfer_call"
LOCAL_ASKS = "My name is Susan Clark, account number 445566. I was charged twice. Please connect me with billing."
LOCAL_TELLS = "My name is Susan Clark, account number 445566. I was charged twice on my last bill."


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """From the transfer tool's call to the first sound of Agent B at the caller's ear."""

    total_ms: float
    theirs_ms: float
    """Of it, in which at least one provider was waited for."""
    load: float

    @property
    def own_ms(self) -> float:
        """The rest."""
        return self.total_ms - self.theirs_ms


async def transfer(site: BenchSite, way: Way, first_line: FirstLine = "generated") -> Transferred:
    """Place a call, have it transferred, hang up; UnmeasuredError if Agent B was never heard."""
    await site.calm()
    load = os.getloadavg()[0]
    match way:
        case "armed" | "cold":
            site.begin_with(first_line)
            async with our_call(site) as call:
                asked_s = await _ask(call, site, has_offer=way == "armed")
                await call.hears(AGENT_B_PREFIX, since_s=asked_s)
                return _transferred(call, site, asked_s, AGENT_B_PREFIX, load)
        case "handoff" | "sequential":
            by = AGENT_B_PREFIX if way == "sequential" else ""
            site.begin_with(first_line)
            async with bare_call(site, way, first_line=first_line) as call:
                asked_s = await _ask(call, site, has_offer=False)
                await call.hears(by, since_s=asked_s)
                return _transferred(call, site, asked_s, by, load)


async def _ask(call: BenchCall, site: BenchSite, *, has_offer: bool) -> float:
    """Have the caller ask, and agree if asked; gives when the last words went out."""
    is_local = site.providers == "local"
    await call.hears()
    if has_offer:
        told_s = time.monotonic()
        await call.type(LOCAL_TELLS if is_local else TELLS)
        await call.hears(since_s=told_s)
        await asyncio.sleep(_THINKS_S)
    asked_s = time.monotonic()
    await call.type(AGREES if has_offer else LOCAL_ASKS if is_local else ASKS_FOR_IT)
    return asked_s


def _transferred(call: BenchCall, site: BenchSite, asked_s: float, by: str, load: float) -> Transferred:
    marks = site.marks(asked_s)
    called = [one.at_s for one in marks if one.name == _CALLED]
    if not called:
        raise UnmeasuredError("the transfer tool was not called")
    heard_s = call.first_sound_s(called[-1], by)
    waits = [(one.since_s, one.at_s) for one in marks if one.name.startswith("waited")]
    return Transferred(
        total_ms=(heard_s - called[-1]) * 1000,
        theirs_ms=covered_s(waits, called[-1], heard_s) * 1000,
        load=load,
    )


def covered_s(spans: Iterable[tuple[float, float]], since_s: float, until_s: float) -> float:
    """How much of the time between is covered by at least one span."""
    covered, end_s = 0.0, since_s
    for begin_s, stop_s in sorted(spans):
        begin_s, stop_s = max(begin_s, end_s), min(stop_s, until_s)
        if stop_s > begin_s:
            covered, end_s = covered + stop_s - begin_s, stop_s
    return covered
