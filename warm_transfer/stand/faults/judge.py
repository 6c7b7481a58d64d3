"""What a faulty call was like for its caller."""

import os
from dataclasses import dataclass, replace
from itertools import zip_longest

from warm_transfer.stand.faults.evidence import Fault, Strike
from warm_transfer.stand.faults.faulty_call import STRANDED_S, FaultyCall, Killed, heard_after, spoke_at_once
from warm_transfer.stand.faults.matrix import Cell, Kill
from warm_transfer.stand.faults.second_ear import SecondEar, says_among_more, says_one_of

NEVER = "the call never came to it"
MOST_AT_ONCE_S = 1.0
"""One agent may be cut off by the next one's first word, as the caller's jitter buffer has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One call of one cell."""

    cell: Cell | Fault
    voice_again_s: float | None
    """From the fault to the first voice that the second recognizer understands; None if nobody is to hear it."""
    is_stranded: bool
    facts_lost: int
    left_over: tuple[str, ...]
    heard: tuple[str, ...]
    """What was said after it up to the first understood voice, as the second recognizer has it."""
    load: float
    """The machine's load average at that time: what else ran beside."""
    failures: tuple[str, ...] = ()
    """What else did not hold, by the rooms and the log."""

    @property
    def holds(self) -> bool:
        """Whether nothing was lost."""
        return not (self.is_stranded or self.facts_lost or self.left_over or self.failures)


def judge(call: FaultyCall, ear: SecondEar) -> list[Judged]:
    """Listen to what came after each kill, up to the next one; the call's end is the last one's."""
    ends = [*(one.at_s for one in call.kills[1:]), float("inf")]
    asked = [*(one.asked_again for one in call.kills[1:]), call.facts_lost]
    judged = [
        replace(_after(call, killed, until_s, ear), facts_lost=asked_by_then - killed.asked_again)
        for killed, until_s, asked_by_then in zip(call.kills, ends, asked, strict=True)
    ]
    *before, last = judged
    return [*before, replace(last, is_stranded=last.is_stranded or not call.is_done, left_over=call.left_over)]


def _after(call: FaultyCall, killed: Killed, until_s: float, ear: SecondEar) -> Judged:
    said = _said(call)
    is_unheard = killed.cell.kill is Kill.WATCHER
    voice_again_s, heard = None, list[str]()
    for start_s, samples in heard_after(call, killed.at_s):
        if start_s > until_s and not is_unheard:
            break
        heard.append(ear.transcribe(samples))
        if says_one_of(heard[-1], said):
            voice_again_s = start_s - killed.at_s
            break
    is_alone = voice_again_s is None or voice_again_s > STRANDED_S
    both_s = spoke_at_once(call, killed.at_s, until_s)
    return Judged(
        cell=killed.cell,
        voice_again_s=None if is_unheard else voice_again_s,
        is_stranded=is_alone,
        facts_lost=0,
        left_over=(),
        heard=tuple(heard),
        load=killed.load,
        failures=(f"two agents spoke at once for {both_s:.1f} s",) if both_s > MOST_AT_ONCE_S else (),
    )


def _said(call: FaultyCall) -> list[str]:
    """What agents said, each turn with the one after it: often they come in one breath."""
    turns = [one.payload for one in call.events if one.type == "turn_spoken"]
    alone = [turn["text"] for turn in turns if turn["speaker"] != "caller"]
    return [f"{one} {after}" for one, after in zip_longest(alone, alone[1:], fillvalue="")]


def judge_strike(strike: Strike, ear: SecondEar) -> Judged:
    """Listen for what the caller was to hear after a fault of another kind."""
    texts = strike.texts or strike.said
    voice_again_s, heard = None, list[str]()
    for one in strike.heard:
        if strike.at_s < one.start_s <= strike.at_s + strike.within_s:
            heard.append(ear.transcribe(one.samples))
            if says_one_of(heard[-1], texts) or any(says_among_more(heard[-1], text) for text in texts):
                voice_again_s = one.start_s - strike.at_s
                break
    is_alone = strike.within_s > 0 and voice_again_s is None
    return Judged(
        cell=strike.fault,
        voice_again_s=voice_again_s,
        is_stranded=is_alone or bool(strike.failures),
        facts_lost=strike.facts_lost,
        left_over=strike.left_over,
        heard=tuple(heard),
        load=strike.load,
        failures=tuple(strike.failures),
    )


def missed(cell: Cell | Fault, why: str = NEVER) -> Judged:
    """A cell that no call came to: it counts as failed."""
    return Judged(
        cell=cell,
        voice_again_s=None,
        is_stranded=True,
        facts_lost=0,
        left_over=(),
        heard=(),
        load=os.getloadavg()[0],
        failures=(why,),
    )
