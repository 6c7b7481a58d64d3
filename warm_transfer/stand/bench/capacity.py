"""Part 5: how many calls two cores carry, what one costs against a bare agent, and a storm of transfers."""

from warm_transfer.stand.bench.cost import cost
from warm_transfer.stand.bench.figures import Findings
from warm_transfer.stand.bench.ramp import ramp
from warm_transfer.stand.bench.storm import storm
from warm_transfer.stand.bench.workplace import Workplace

_USUAL_CALLS = 4
"""MAX_CALLS, unless it is set."""
_MOST_AT_ONCE = 12


async def capacity(work: Workplace) -> Findings:
    """Callers, server and agents share this machine's cores."""
    findings = Findings(part="capacity")
    findings.note_load()
    site = await work.site("instant")
    await cost(work, site, findings)
    most = await ramp(work, site, findings)
    sizes = [2] if work.is_quick else sorted({_USUAL_CALLS, min(max(most, _USUAL_CALLS), _MOST_AT_ONCE)})
    lost = [await storm(work, site, findings, calls) for calls in sizes]
    findings.tell("storm_lost", sum(lost))
    findings.notes.append("callers and the server run on the same cores, and are no part of a call's cost")
    findings.note_load()
    return findings
