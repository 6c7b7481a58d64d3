"""Part 3: what a move costs the caller's ear and the caller's speech, in ms; by detectors that find a planted gap."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from warm_transfer.stand.bench.bench_call import UnmeasuredError
from warm_transfer.stand.bench.chromium_gap import ChromiumMoves
from warm_transfer.stand.bench.figures import Findings
from warm_transfer.stand.bench.gaps import PLANTED_MS, Gaps
from warm_transfer.stand.bench.python_gap import PythonMoves
from warm_transfer.stand.bench.relay import Way, lite_config, relay
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.stand.bench.workplace import Workplace

_WAYS = (("0 ms", 0.0), ("100 ms", 0.05))
"""Round trips, and the seconds of one way."""


async def gap(work: Workplace) -> Findings:
    """The Python client and Chromium, near the server and 100 ms away."""
    findings = Findings(part="gap")
    findings.note_load()
    worst: list[Gaps] = []
    site = await work.site("patient", config=lite_config(work.folder))
    for client in (PythonMoves(), ChromiumMoves(work.folder)):
        for name, one_way_s in _WAYS:
            async with _way(site, one_way_s) as way:
                taken, why = await _moves(work, site, client, way, name)
            worst += taken
            _rows(findings, f"{client.name}, {name} round trip", taken, why)
    why = "no move was measured"
    findings.tell("gap_heard_ms", max((one.heard_ms for one in worst), default=None), why)
    findings.tell("gap_said_ms", max((one.said_ms for one in worst), default=None), why)
    findings.notes += [
        "gap_heard_ms and gap_said_ms are the longest of all moves",
        "heard: the longest silence (below -50 dBFS) over 20 ms from the hold music to Agent B's first sound",
        "said: the longest part of a sweep that came into neither room; under 40 ms can't be told from a jitter buffer",
        "100 ms round trip: a relay in user space holds the caller's TCP and UDP up by 50 ms each way (relay.py)",
    ]
    findings.note_load()
    return findings


async def _moves(
    work: Workplace, site: BenchSite, client: PythonMoves | ChromiumMoves, way: Way, name: str
) -> tuple[list[Gaps], str]:
    """Some moves, and why one was not measured."""
    taken: list[Gaps] = []
    why = client.why_not
    for number in range(0 if why else work.side_runs):
        try:
            await site.calm()
            taken.append(await _move(client, site, way))
            work.say(
                f"{client.name} {number + 1} at {name}: heard {taken[-1].heard_ms:.0f}, said {taken[-1].said_ms:.0f}"
            )
        except (UnmeasuredError, TimeoutError, ExceptionGroup) as error:
            why = f"a run failed: {error!r}"
            work.say(f"{client.name} {number + 1} at {name}: {why}")
    return taken, why


async def _move(client: PythonMoves | ChromiumMoves, site: BenchSite, way: Way) -> Gaps:
    before = way.media
    gaps = await client.move(site, way.url)
    if way.is_long and way.media == before:
        raise UnmeasuredError("the caller's media found a shorter way")
    return gaps


@asynccontextmanager
async def _way(site: BenchSite, one_way_s: float) -> AsyncIterator[Way]:
    if one_way_s:
        async with relay(site.ports, one_way_s) as way:
            yield way
    else:
        yield Way(url=site.access.url, is_long=False)


def _rows(findings: Findings, name: str, taken: Sequence[Gaps], why: str) -> None:
    findings.add(f"{name}: heard", "ms", [one.heard_ms for one in taken], why)
    findings.add(f"{name}: said", "ms", [one.said_ms for one in taken], why)
    findings.add(f"{name}: {PLANTED_MS} ms planted, heard", "ms", [one.planted_heard_ms for one in taken], why)
    findings.add(f"{name}: {PLANTED_MS} ms planted, said", "ms", [one.planted_said_ms for one in taken], why)
