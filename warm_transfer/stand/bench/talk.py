"""Many calls in which callers speak by turns and nobody is transferred."""

import asyncio
from collections.abc import Sequence

from warm_transfer.stand.bench.bench_call import BenchCall
from warm_transfer.stand.bench.turns import turn_ms
from warm_transfer.stand.caller.downlink import Samples

PERIOD_S = 4.0
"""From one turn of a caller to the next: a sentence, its answer, and a breath."""


async def talk(calls: Sequence[BenchCall], said: Samples, lasts_s: float) -> list[float]:
    """Let all speak for so long, evenly spread; each turn's ms. UnmeasuredError if one is not answered."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + lasts_s

    async def one(call: BenchCall, begins_s: float) -> list[float]:
        await asyncio.sleep(begins_s)
        taken: list[float] = []
        while loop.time() < until_s:
            next_s = loop.time() + PERIOD_S
            taken.append(await turn_ms(call, said))
            await asyncio.sleep(max(min(next_s, until_s) - loop.time(), 0))
        return taken

    each = await asyncio.gather(*(one(call, PERIOD_S * place / len(calls)) for place, call in enumerate(calls)))
    return [ms for taken in each for ms in taken]
