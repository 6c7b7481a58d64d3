"""Every call transfers at once."""

import asyncio
import time
from contextlib import AsyncExitStack

from warm_transfer.stand.bench.bench_call import BenchCall, UnmeasuredError, our_call
from warm_transfer.stand.bench.dialogue import ASKS_FOR_IT
from warm_transfer.stand.bench.figures import Findings
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.stand.bench.workplace import Workplace
from warm_transfer.transfer.wire import AGENT_B_PREFIX


async def storm(work: Workplace, site: BenchSite, findings: Findings, count: int) -> int:
    """Place so many calls, let all ask for a transfer in the same moment; how many never heard Agent B."""
    await site.calm()
    async with AsyncExitStack() as stack:
        calls = []
        for _ in range(count):
            call = await stack.enter_async_context(our_call(site))
            await call.hears()
            calls.append(call)
        await site.calm(calls=count)
        asked_s = time.monotonic()
        await asyncio.gather(*(call.type(ASKS_FOR_IT) for call in calls))
        ends = await asyncio.gather(*(_transferred_ms(site, call, asked_s) for call in calls), return_exceptions=True)
    taken = [end for end in ends if isinstance(end, float)]
    others = [end for end in ends if isinstance(end, BaseException) and not isinstance(end, UnmeasuredError)]
    if others:
        raise others[0]
    lost = count - len(taken)
    findings.add(f"storm of {count} transfers: tool's call to first sound", "ms", taken, f"{lost} lost" if lost else "")
    work.say(f"storm of {count}: {lost} lost")
    return lost


async def _transferred_ms(site: BenchSite, call: BenchCall, asked_s: float) -> float:
    await call.hears(AGENT_B_PREFIX, since_s=asked_s)
    events = await asyncio.to_thread(site.log.events, call.call_id)
    pid = next(one.payload["pid"] for one in events if one.type == "job_started" and one.payload["role"] == "agent_a")
    marks = [one for one in site.marks(asked_s) if one.pid == pid and one.name == "called transfer_call"]
    if not marks:
        raise UnmeasuredError("the transfer tool was not called")
    return (call.first_sound_s(marks[0].at_s, AGENT_B_PREFIX) - marks[0].at_s) * 1000
