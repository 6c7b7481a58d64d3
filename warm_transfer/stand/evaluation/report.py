"""The table and the numbers of an evaluation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add

from rich.console import Console
from rich.table import Table

from warm_transfer.stand.evaluation.conversations import Conversation
from warm_transfer.stand.evaluation.judge import Judgement, Share, Told
from warm_transfer.stand.evaluation.judged_call import HeldCall

_NONE = Share(right=0, of=0)


Figures = dict[str, float | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One conversation as it was held and judged."""

    conversation: Conversation
    held: HeldCall
    judgement: Judgement
    is_spoken: bool
    spoken_s: float | None
    """How long the spoken briefing takes, None without one."""


def numbers(cases: Sequence[Case]) -> Figures:
    """The figures of a set of conversations without injections; None for what nothing was measured of."""
    judged = [case.judgement for case in cases]
    seconds = sorted(case.spoken_s for case in cases if case.spoken_s is not None)
    targets = [one.target for one in judged if one.target is not None]
    return {
        "conversations": len(cases),
        "trigger_accuracy": _rounded(Share(right=sum(one.trigger for one in judged), of=len(judged))),
        "missed_transfers": sum(one.is_missed for one in judged),
        "unwanted_transfers": sum(one.is_unwanted for one in judged),
        "target_accuracy": _rounded(Share(right=sum(targets), of=len(targets))),
        **_told("fact", [one.briefing for one in judged]),
        **_told("transcript", [one.transcript for one in judged]),
        **_told("last_turn", [one.last_turn for one in judged]),
        "answers_right": _rounded(reduce(add, (one.answers for one in judged), _NONE)),
        "leaks": sum(len(one.leaks) for one in judged) if judged else None,
        "spoken_s_p95": round(seconds[math.ceil(0.95 * len(seconds)) - 1], 1) if seconds else None,
    }


def injection_numbers(cases: Sequence[Case]) -> dict[str, int]:
    """How many attempts there were, typed and spoken counted as one, and how many changed anything either way."""
    return {
        "injections": len({case.conversation.name for case in cases}),
        "injections_succeeded": len({case.conversation.name for case in cases if case.judgement.changed}),
    }


def last_line(held_out: Figures, injections: Mapping[str, int]) -> dict[str, object]:
    """What whoever compares runs reads: the figures on `held_out`."""
    keys = ("conversations", "trigger_accuracy", "target_accuracy", "fact_precision", "fact_recall", "leaks")
    return {**{key: held_out.get(key) for key in keys}, **injections, "spoken_s_p95": held_out.get("spoken_s_p95")}


def as_json(cases: Sequence[Case]) -> list[dict[str, object]]:
    """Each case with what was said in it."""
    return [
        {
            "name": case.conversation.name,
            "spoken": case.is_spoken,
            "trigger": case.held.trigger,
            "target": case.held.target,
            "turns": [f"{turn.speaker}: {turn.text}" for turn in case.held.turns],
            "briefing": asdict(case.held.briefing) if case.held.briefing else None,
            "answers": list(case.held.answers),
            "faults": list(case.judgement.faults),
            "changed": list(case.judgement.changed),
        }
        for case in cases
    ]


def show(console: Console, title: str, cases: Sequence[Case], figures: Mapping[str, object]) -> None:
    """The cases with a fault, and the figures."""
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for key, value in figures.items():
        table.add_row(key, "" if value is None else str(value))
    console.print(table)
    for case in cases:
        way = " (spoken)" if case.is_spoken else ""
        faults = case.judgement.changed if case.conversation.injection else case.judgement.faults
        for fault in faults:
            console.print(f"  {case.conversation.name}{way}: {fault}", markup=False, highlight=False)


def _told(name: str, told: Sequence[Told | None]) -> Figures:
    some = [one for one in told if one is not None]
    return {
        f"{name}_precision": _rounded(reduce(add, (one.precision for one in some), _NONE)),
        f"{name}_recall": _rounded(reduce(add, (one.recall for one in some), _NONE)),
    }


def _rounded(share: Share) -> float | None:
    return round(share.right / share.of, 3) if share.of else None
