"""The tables, the JSON line and the verdict of a run."""

from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np
from rich.table import Table

from warm_transfer.stand.faults.judge import Judged
from warm_transfer.stand.faults.matrix import KINDS, VOICE_WITHIN_S, Cell, Kill
from warm_transfer.transfer.terms import State


class Summary(TypedDict):
    """The last line of a run."""

    cells: int
    """That were run and hold."""
    cells_expected: int
    stranded: int
    facts_lost: int
    left_over: int
    voice_again_s: dict[str, float | None]
    """By kind of death, p95; None for a kind that was not chosen."""


def summarize(judged: Sequence[Judged], *, expected: int, left_over: Sequence[str] = ()) -> Summary:
    """Count what was lost over all runs; `left_over`: at the end, and nobody knows by which call."""
    failed = {one.cell for one in judged if not one.holds}
    return Summary(
        cells=len({one.cell for one in judged} - failed),
        cells_expected=expected,
        stranded=sum(one.is_stranded for one in judged),
        facts_lost=sum(one.facts_lost for one in judged),
        left_over=len({*left_over, *(one for each in judged for one in each.left_over)}),
        voice_again_s={kind: _p95(one for one in judged if _is_kill(one, kills)) for kind, kills in KINDS.items()},
    )


def holds(summary: Summary) -> bool:
    """Whether every cell was run, nothing was lost, and the caller heard a voice in time."""
    is_whole = summary["cells"] == summary["cells_expected"]
    is_clean = not (summary["stranded"] or summary["facts_lost"] or summary["left_over"])
    times = summary["voice_again_s"]
    return is_whole and is_clean and all(one is None or one <= VOICE_WITHIN_S[kind] for kind, one in times.items())


def line(one: Judged) -> str:
    """One run in a line."""
    lost = {"stranded": one.is_stranded, "facts lost": one.facts_lost, "left": ", ".join(one.left_over)}
    told = "ok" if one.holds else "; ".join([*(f"{name} {what}" for name, what in lost.items() if what), *one.failures])
    voice = "" if one.voice_again_s is None else f", voice after {one.voice_again_s:.1f} s"
    heard = f" ({' | '.join(one.heard)})" if one.heard else ""
    return f"{one.cell}: {told}{voice}, load {one.load:.1f}{heard}"


def kill_table(judged: Sequence[Judged]) -> Table:
    """What was killed, by the state of the transfer."""
    table = Table(title="Killed, by the state of the transfer: worst s until a voice, runs", title_justify="left")
    table.add_column("Killed")
    for state in State:
        table.add_column("with agent B" if state is State.ENDED else state.value, justify="right")
    table.add_column("load", justify="right")
    for kill in Kill:
        of_kill = [one for one in judged if _is_kill(one, (kill,))]
        entries = (_entry([one for one in of_kill if _state(one) is state]) for state in State)
        table.add_row(kill.value, *entries, _loads(of_kill))
    return table


def fault_table(judged: Sequence[Judged]) -> Table:
    """Every other fault."""
    table = Table(title="Other faults", title_justify="left")
    for column in ("Fault", "", "s until a voice", "load"):
        table.add_column(column, justify="left" if column in ("Fault", "") else "right")
    for one in judged:
        if not isinstance(one.cell, Cell):
            voice = "" if one.voice_again_s is None else f"{one.voice_again_s:.1f}"
            table.add_row(str(one.cell), "ok" if one.holds else "failed", voice, f"{one.load:.1f}")
    return table


def _entry(of_cell: Sequence[Judged]) -> str:
    if not of_cell:
        return ""
    times = [one.voice_again_s for one in of_cell if one.voice_again_s is not None]
    failed = sum(not one.holds for one in of_cell)
    told = f"{max(times):.1f} ({len(of_cell)})" if times else f"({len(of_cell)})"
    return f"{told} {failed} failed" if failed else told


def _loads(of_kill: Sequence[Judged]) -> str:
    loads = [one.load for one in of_kill]
    return f"{min(loads):.1f}-{max(loads):.1f}" if loads else ""


def _is_kill(one: Judged, kills: Sequence[Kill]) -> bool:
    return isinstance(one.cell, Cell) and one.cell.kill in kills


def _state(one: Judged) -> State:
    return one.cell.state


def _p95(judged: Iterable[Judged]) -> float | None:
    times = [one.voice_again_s for one in judged if one.voice_again_s is not None]
    return round(float(np.percentile(times, 95)), 2) if times else None
