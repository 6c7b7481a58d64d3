"""Part 4: from the end of the caller's speech to the first sound of the answer, against a bare agent."""

import asyncio
from contextlib import AbstractAsyncContextManager

import numpy as np

from agents.providers import local_tts
from warm_transfer.stand.bench.bench_call import BenchCall, UnmeasuredError, bare_call, our_call
from warm_transfer.stand.bench.figures import Findings, ratio
from warm_transfer.stand.bench.models import HEARD
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.stand.bench.workplace import Workplace
from warm_transfer.stand.caller.downlink import Samples

_TURNS_EACH = 5
"""Of one call, before the other side has its next one."""
_SILENT = 300


def speech() -> Samples:
    """What the caller says in every turn, without silence at its end: int16[n_samples] at 24 kHz."""
    samples = local_tts.synthesize(HEARD, "caller")
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _SILENT)
    return samples[: int(loud[-1]) + 1]


async def turns(work: Workplace) -> Findings:
    """Our Agent A and a bare AgentSession in turn, each with the same prompt and providers."""
    findings = Findings(part="turns")
    findings.note_load()
    said = await asyncio.to_thread(speech)
    site = await work.site("instant")
    ours: list[float] = []
    bare: list[float] = []
    failed: list[str] = []
    for number in range(-(-work.runs // _TURNS_EACH)):
        for name, placed, taken in (
            ("bare agent", bare_call(site, "talk"), bare),
            ("ours", our_call(site), ours),
        ):
            try:
                taken += await _talk(site, placed, said, min(work.runs, _TURNS_EACH))
                work.say(f"turns {number + 1} {name}: {taken[-1]:.0f} ms")
            except (UnmeasuredError, TimeoutError) as error:
                failed.append(f"{name}: {error}")
                work.say(f"turns {number + 1} {name}: not measured, {error}")
    why = failed[-1] if failed else ""
    row = findings.add("end of speech to first sound, ours", "ms", ours, why)
    base = findings.add("end of speech to first sound, bare agent", "ms", bare, why)
    findings.tell("turn_ratio", ratio(row.p50, base.p50), why)
    findings.notes.append("both wait 0.5 s and more for the end of the turn, as LiveKit does by default")
    findings.note_load()
    return findings


async def _talk(
    site: BenchSite, placed: AbstractAsyncContextManager[BenchCall], said: Samples, times: int
) -> list[float]:
    await site.calm()
    async with placed as call:
        await call.hears()
        return [await turn_ms(call, said) for _ in range(times)]


async def turn_ms(call: BenchCall, said: Samples) -> float:
    """Say something and wait until the answer was heard out; how long its first sound took."""
    _, end = await call.caller.say(HEARD, said, local_tts.SAMPLE_RATE_HZ)
    end_s = call.at_s(end)
    await call.hears(since_s=end_s)
    return (call.first_sound_s(end_s) - end_s) * 1000
