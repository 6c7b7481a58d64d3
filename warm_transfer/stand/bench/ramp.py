"""More and more calls at once, until an answer takes twice as long as in one call alone."""

import asyncio
from contextlib import AsyncExitStack

from warm_transfer.stand.bench.bench_call import BenchCall, UnmeasuredError, our_call
from warm_transfer.stand.bench.figures import Findings
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.stand.bench.talk import talk
from warm_transfer.stand.bench.turns import speech
from warm_transfer.stand.bench.workplace import Workplace

_STEPS = (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24)
_FIRST_S = 40.0
"""For ten turns of the one call that the others are held against."""
_STEP_S = 16.0


async def ramp(work: Workplace, site: BenchSite, findings: Findings) -> int:
    """The most calls whose turns stay below twice the first one's, as p95."""
    said = await asyncio.to_thread(speech)
    limit_ms, most, why = 0.0, 0, ""
    calls: list[BenchCall] = []
    async with AsyncExitStack() as stack:
        for step in _STEPS[:2] if work.is_quick else _STEPS:
            try:
                while len(calls) < step:
                    call = await stack.enter_async_context(our_call(site))
                    await call.hears()
                    calls.append(call)
                await site.calm(calls=step)
                lasts_s = 5.0 if work.is_quick else _FIRST_S if step == 1 else _STEP_S
                taken = await talk(calls, said, lasts_s)
            except (UnmeasuredError, TimeoutError) as error:
                why = f"with {step} calls {error}"
                work.say(why)
                break
            row = findings.add(f"end of speech to first sound, {step} calls at once", "ms", taken)
            p95 = row.p95 or 0.0
            limit_ms = limit_ms or 2 * p95
            work.say(f"{step} calls at once: turn p95 {p95:.0f} ms, limit {limit_ms:.0f}")
            if p95 > limit_ms:
                break
            most = step
    findings.tell("calls_per_2_cores", most or None, why)
    if most == _STEPS[-1]:
        findings.notes.append(f"calls_per_2_cores: the limit was not reached with {most} calls, and no more were tried")
    return most
