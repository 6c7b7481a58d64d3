"""Part 1 and 2: what a transfer costs against LiveKit's own handoff, and how much of a hold is ours."""

from collections.abc import Sequence
from statistics import median

from warm_transfer.stand.bench.bare_job import FirstLine
from warm_transfer.stand.bench.bench_call import UnmeasuredError
from warm_transfer.stand.bench.figures import Findings, Row, ratio
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.stand.bench.sizes import REAL_SOURCES
from warm_transfer.stand.bench.transfers import Transferred, Way, transfer
from warm_transfer.stand.bench.workplace import Workplace

_MOST_FAILED = 3
"""Runs of one way that may fail in a row before it counts as not measurable."""

Key = tuple[Way, FirstLine]
_GENERATED: list[Key] = [("handoff", "generated"), ("armed", "generated"), ("cold", "generated")]
_SIDE: list[Key] = [
    *(("handoff", "say"), ("armed", "say"), ("cold", "say")),
    *(("sequential", "say"), ("sequential", "generated")),
]
_WORDS: dict[Way, str] = {
    "armed": "ours, offered and agreed",
    "cold": "ours, asked for by the caller",
    "handoff": "LiveKit's handoff",
    "sequential": "one step after the other",
}


async def overhead(work: Workplace) -> Findings:
    """With providers that take no time."""
    findings = Findings(part="overhead")
    findings.note_load()
    site = await work.site("instant")
    main = await _alternate(work, site, _GENERATED, work.runs)
    side = await _alternate(work, site, _SIDE[-1:] if work.is_quick else _SIDE, work.side_runs)
    rows = {key: _row(findings, "instant", key, taken, why) for key, (taken, why) in {**main, **side}.items()}
    base, armed, cold = (rows[key] for key in _GENERATED)
    findings.tell("overhead_ratio_p50", ratio(armed.p50, base.p50), armed.why_not or base.why_not)
    findings.tell("overhead_ratio_p95", ratio(armed.p95, base.p95), armed.why_not or base.why_not)
    findings.tell("overhead_ratio_cold", ratio(cold.p50, base.p50), cold.why_not or base.why_not)
    findings.notes.append("from the transfer tool's call to the first audible frame of Agent B at the caller's client")
    findings.note_load()
    return findings


async def local(work: Workplace) -> Findings:
    """With the local providers, which share the cores with all else."""
    findings = Findings(part="local")
    findings.note_load()
    site = await work.site("local")
    ways: list[Key] = [*_GENERATED, ("sequential", "generated")]
    for key, (taken, why) in (await _alternate(work, site, ways, work.side_runs)).items():
        _row(findings, "local", key, taken, why)
    findings.note_load()
    return findings


async def hold(work: Workplace) -> Findings:
    """With real-sized providers: the whole, and whose time it is."""
    findings = Findings(part="hold")
    findings.note_load()
    site = await work.site("real")
    keys = _GENERATED[:2]
    main = await _alternate(work, site, keys, work.runs)
    rest: list[Key] = [("cold", "generated"), ("sequential", "generated")]
    side = await _alternate(work, site, rest, work.side_runs)
    rows = {key: _row(findings, "real-sized", key, taken, why) for key, (taken, why) in {**main, **side}.items()}
    for key, (taken, why) in {**main, **side}.items():
        findings.add(f"{_WORDS[key[0]]}: theirs", "ms", [one.theirs_ms for one in taken], why)
        findings.add(f"{_WORDS[key[0]]}: ours", "ms", [one.own_ms for one in taken], why)
    base, armed = (rows[key] for key in keys)
    findings.tell("overhead_ratio_real", ratio(armed.p50, base.p50), armed.why_not or base.why_not)
    own = [one.own_ms for one in main[("armed", "generated")][0]]
    findings.tell("own_hold_ms", median(own) if own else None, armed.why_not)
    findings.notes += [f"real-sized: {source}" for source in REAL_SOURCES]
    findings.notes.append("theirs: the time in which at least one provider was waited for; ours: the rest")
    findings.note_load()
    return findings


async def _alternate(
    work: Workplace, site: BenchSite, keys: Sequence[Key], runs: int
) -> dict[Key, tuple[list[Transferred], str]]:
    """Every way in turn, so often; the order rotates, so that none is always the first."""
    taken: dict[Key, list[Transferred]] = {key: [] for key in keys}
    failed: dict[Key, list[str]] = {key: [] for key in keys}
    for run in range(runs):
        for offset in range(len(keys)):
            key = keys[(run + offset) % len(keys)]
            if len(failed[key]) >= _MOST_FAILED and not taken[key]:
                continue
            try:
                one = await transfer(site, *key)
            except (UnmeasuredError, TimeoutError) as error:
                failed[key].append(str(error) or "it took too long")
                work.say(f"{site.providers} {run + 1}/{runs} {key[0]} {key[1]}: not measured, {failed[key][-1]}")
                continue
            taken[key].append(one)
            work.say(f"{site.providers} {run + 1}/{runs} {key[0]} {key[1]}: {one.total_ms:.0f} ms")
    return {key: (taken[key], _why(failed[key], runs)) for key in keys}


def _why(failed: Sequence[str], runs: int) -> str:
    return f"{len(failed)} of {runs} runs failed, the last because {failed[-1]}" if failed else ""


def _row(findings: Findings, providers: str, key: Key, taken: Sequence[Transferred], why: str) -> Row:
    way, first_line = key
    name = f"{providers} providers, {first_line} first line: {_WORDS[way]}"
    return findings.add(name, "ms", [one.total_ms for one in taken], why)
