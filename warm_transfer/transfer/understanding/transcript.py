"""The transcript of a call as text for prompts, and back."""

import re
from collections.abc import Sequence

from warm_transfer.transfer.briefing import Speaker, Turn
from warm_transfer.transfer.understanding.wording import one_line

_LABELS: dict[Speaker, str] = {"caller": "Caller", "agent_a": "Agent A", "agent_b": "Agent B"}
_LINE = re.compile(r"^\[(?P<turn_id>\w+)\] (?P<label>Caller|Agent A|Agent B): (?P<text>.*)$")


def transcript_text(turns: Sequence[Turn]) -> str:
    """One line per turn: "[t3] Caller: my name is Maria Lopez". What was said can't forge a line."""
    lines = (f"[{turn.turn_id}] {_LABELS[turn.speaker]}: {one_line(turn.text)}" for turn in turns)
    return "\n".join(lines) or "Nothing was said."


def turns_of(text: str) -> tuple[Turn, ...]:
    """The turns of a transcript text; their times are unknown and 0."""
    speakers = {label: speaker for speaker, label in _LABELS.items()}
    found = (_LINE.match(line.strip()) for line in text.splitlines())
    return tuple(
        Turn(turn_id=line["turn_id"], speaker=speakers[line["label"]], text=line["text"], at=0.0)
        for line in found
        if line
    )
