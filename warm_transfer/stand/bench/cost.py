"""What talk costs per call: processor time and memory of the job's process, ours against a bare agent's."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import psutil

from warm_transfer.stand.bench.bench_call import BenchCall, UnmeasuredError, bare_call, our_call
from warm_transfer.stand.bench.figures import Findings, ratio
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.stand.bench.talk import talk
from warm_transfer.stand.bench.turns import speech, turn_ms
from warm_transfer.stand.bench.workplace import Workplace
from warm_transfer.stand.caller.downlink import Samples

_CALLS = 3
_TALK_S = 24.0
_ROUNDS = 2

Costs = tuple[list[float], list[float]]
"""Of each call: share of a core, and PSS in MB."""


async def cost(work: Workplace, site: BenchSite, findings: Findings) -> None:
    """Talk without a transfer, on both sides by turns."""
    said = await asyncio.to_thread(speech)
    cpu: dict[str, list[float]] = {"ours": [], "bare agent": []}
    memory: dict[str, list[float]] = {"ours": [], "bare agent": []}
    why = ""

    async def of(name: str, place: Callable[[], AbstractAsyncContextManager[BenchCall]]) -> None:
        nonlocal why
        try:
            cores, megabytes = await _costs(site, place, said_s=6.0 if work.is_quick else _TALK_S, said=said)
            cpu[name] += cores
            memory[name] += megabytes
            work.say(f"cost of a call, {name}: {cores[0]:.3f} cores, {megabytes[0]:.0f} MB")
        except (UnmeasuredError, TimeoutError) as error:
            why = f"{name}: {error}"
            work.say(f"cost of a call not measured: {why}")

    for _ in range(1 if work.is_quick else _ROUNDS):
        await of("bare agent", lambda: bare_call(site, "talk"))
        await of("ours", lambda: our_call(site))
    rows = {name: findings.add(f"a call's processor time, {name}", "cores", cpu[name], why) for name in cpu}
    findings.tell("cpu_ratio", ratio(rows["ours"].p50, rows["bare agent"].p50), why)
    rows = {name: findings.add(f"a call's memory (PSS), {name}", "MB", memory[name], why) for name in memory}
    findings.tell("memory_ratio", ratio(rows["ours"].p50, rows["bare agent"].p50), why)


async def _costs(
    site: BenchSite, place: Callable[[], AbstractAsyncContextManager[BenchCall]], *, said_s: float, said: Samples
) -> Costs:
    await site.calm()
    async with AsyncExitStack() as stack:
        began_s = time.monotonic()
        calls = [await stack.enter_async_context(place()) for _ in range(_CALLS)]
        for call in calls:
            await call.hears()
        await asyncio.gather(*(turn_ms(call, said) for call in calls))  # whose processes these are
        jobs = [psutil.Process(pid) for pid in {mark.pid for mark in site.marks(began_s)}]
        await site.calm(calls=_CALLS)
        before, began_s = [_used_s(job) for job in jobs], time.monotonic()
        await talk(calls, said, said_s)
        lasted_s = time.monotonic() - began_s
        cores = [(_used_s(job) - used_s) / lasted_s for job, used_s in zip(jobs, before, strict=True)]
        return cores, [job.memory_full_info().pss / 2**20 for job in jobs]


def _used_s(job: psutil.Process) -> float:
    times = job.cpu_times()
    return float(times.user + times.system)
