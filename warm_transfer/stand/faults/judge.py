"""What a faulty call was like for its caller."""

from dataclasses import dataclass, replace
from itertools import zip_longest

from warm_transfer.stand.faults.faulty_call import FaultyCall, heard_after
from warm_transfer.stand.faults.matrix import Cell, Kill
from warm_transfer.stand.faults.second_ear import SecondEar, says_one_of

STRANDED_S = 20.0
"""A caller who hears nothing for longer has been left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One call of one cell."""

    cell: Cell
    voice_again_s: float | None
    """From the kill to the first voice that the second recognizer understands; None if there was none, or none died."""
    is_stranded: bool
    facts_lost: int
    left_over: tuple[str, ...]
    heard: tuple[str, ...]
    """What was said after the kill up to the first understood voice, as the second recognizer has it."""

    @property
    def holds(self) -> bool:
        """Whether nothing was lost."""
        return not (self.is_stranded or self.facts_lost or self.left_over)


def judge(call: FaultyCall, ear: SecondEar) -> list[Judged]:
    """Listen to what came after each kill; what the whole call lost counts for the first."""
    judged = [_after(call, cell, killed_at_s, ear) for cell, killed_at_s in call.kills]
    judged[0] = replace(judged[0], facts_lost=call.facts_lost, left_over=call.left_over)
    return judged


def _after(call: FaultyCall, cell: Cell, killed_at_s: float, ear: SecondEar) -> Judged:
    said = _said(call)
    voice_again_s, heard = None, list[str]()
    for start_s, samples in heard_after(call, killed_at_s):
        heard.append(ear.transcribe(samples))
        if says_one_of(heard[-1], said):
            voice_again_s = start_s - killed_at_s
            break
    is_alone = voice_again_s is None or voice_again_s > STRANDED_S
    return Judged(
        cell=cell,
        voice_again_s=None if cell.kill is Kill.WATCHER else voice_again_s,
        is_stranded=is_alone or not call.is_done,
        facts_lost=0,
        left_over=(),
        heard=tuple(heard),
    )


def _said(call: FaultyCall) -> list[str]:
    """What agents said, each turn with the one after it: often they come in one breath."""
    turns = [one.payload for one in call.events if one.type == "turn_spoken"]
    alone = [turn["text"] for turn in turns if turn["speaker"] != "caller"]
    return [f"{one} {after}" for one, after in zip_longest(alone, alone[1:], fillvalue="")]


def missed(cell: Cell) -> Judged:
    """A cell whose call never came to its state: it counts as failed."""
    return Judged(cell=cell, voice_again_s=None, is_stranded=True, facts_lost=0, left_over=(), heard=())
