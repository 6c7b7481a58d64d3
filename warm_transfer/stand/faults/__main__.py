"""Kills processes in every state of real, spoken calls: `make faults [QUICK=1]`.

Prints a table and, as the last line, one JSON object: `{"cells", "cells_expected", "stranded", "facts_lost",
"left_over", "voice_again_s": {"job", "worker", "server"}}`, the times as p95. Exits with 1 if a cell is missing, a
caller was stranded, a fact was lost, something is left, or a voice came too late.
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from warm_transfer.stand.caller.downlink import write_wav
from warm_transfer.stand.caller.speech_process import SpeechProcess
from warm_transfer.stand.faults.faulty_call import MissedStateError, place
from warm_transfer.stand.faults.judge import Judged, judge, missed
from warm_transfer.stand.faults.matrix import VOICE_WITHIN_S, Cell, Kill, cells
from warm_transfer.stand.faults.second_ear import SecondEar
from warm_transfer.stand.faults.site import FaultSite
from warm_transfer.transfer.errors import WarmTransferError
from warm_transfer.transfer.terms import State

MOST_TRIES = 2
"""A call that misses its state, because it went on faster than the moment was drawn for, is placed once more."""
RUNS_EACH = 30
"""Of each kind of death, over all its states, in a full run."""
KINDS = {"job": (Kill.AGENT_A, Kill.AGENT_B), "worker": (Kill.WORKER,), "server": (Kill.SERVER,)}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    quick: Annotated[bool, typer.Option(help="One run per cell.")] = False,
    seed: Annotated[int, typer.Option(help="Draws the moments.")] = 0,
    only: Annotated[str, typer.Option(help="Only cells with this in their name, such as 'server'.")] = "",
) -> None:
    """Run the matrix on a LiveKit server of its own, and print what the callers heard."""
    logging.disable(logging.WARNING)
    folder = Path("runs").resolve() / f"faults_{datetime.now():%Y-%m-%d_%H-%M-%S}"
    folder.mkdir(parents=True)
    chosen = [cell for cell in cells() if only in str(cell)]
    try:
        judged = asyncio.run(_run(_plan(chosen, runs_each=0 if quick else RUNS_EACH), folder, Random(seed)))
    except WarmTransferError as error:
        typer.echo(error.sentence, err=True)
        raise typer.Exit(code=2) from None
    Console().print(_table(judged))
    Console().print(f"recordings and logs: {folder}")
    summary = _summary(judged, expected=len(chosen))
    typer.echo(json.dumps(summary))
    raise typer.Exit(code=int(not _holds(summary)))


def _plan(chosen: Sequence[Cell], *, runs_each: int) -> list[list[Cell]]:
    """The kills of each call: one, but a watcher's, which nobody hears, in all states of one call.

    Each cell once, and each kind of death at least `runs_each` times, its cells in turn.
    """
    unheard = [cell for cell in chosen if cell.kill is Kill.WATCHER]
    plan = [unheard] if unheard else []
    for kinds in KINDS.values():
        of_kind = [cell for cell in chosen if cell.kill in kinds]
        runs = max(runs_each, len(of_kind)) if of_kind else 0
        plan += [[of_kind[number % len(of_kind)]] for number in range(runs)]
    return plan


async def _run(plan: Sequence[Sequence[Cell]], folder: Path, random: Random) -> list[Judged]:
    console, ear = Console(stderr=True), SecondEar()
    judged: list[Judged] = []
    with SpeechProcess() as speech:
        await asyncio.to_thread(speech.load)
        async with FaultSite(folder) as site:
            for number, kills in enumerate(plan, start=1):
                await site.mend()
                judged += await _call(site, speech, kills, random, ear, folder / f"call_{number}.wav")
                for one in judged[-len(kills) :]:
                    console.print(f"{number}/{len(plan)} {one.cell}: {_line(one)}", markup=False, soft_wrap=True)
    return judged


async def _call(
    site: FaultSite, speech: SpeechProcess, kills: Sequence[Cell], random: Random, ear: SecondEar, recording: Path
) -> list[Judged]:
    for _ in range(MOST_TRIES):
        try:
            call = await place(site, speech, kills, random)
        except MissedStateError:
            continue
        await asyncio.to_thread(write_wav, recording, call.heard)
        return await asyncio.to_thread(judge, call, ear)
    return [missed(cell) for cell in kills]


def _line(one: Judged) -> str:
    voice = "" if one.voice_again_s is None else f"voice again after {one.voice_again_s:.1f} s"
    faults = [name for name in ("is_stranded", "facts_lost", "left_over") if getattr(one, name)]
    told = "ok" if one.holds else ", ".join(f"{name} {getattr(one, name)}" for name in faults)
    return f"{told} {voice} ({' | '.join(one.heard)})"


def _table(judged: Sequence[Judged]) -> Table:
    table = Table(title="Killed, by the state of the transfer: s until a voice", title_justify="left")
    table.add_column("Killed")
    for state in State:
        table.add_column("with agent B" if state is State.ENDED else state.value, justify="right")
    for kill in Kill:
        table.add_row(
            kill.value, *(_entry([one for one in judged if one.cell == Cell(state=s, kill=kill)]) for s in State)
        )
    return table


def _entry(of_cell: Sequence[Judged]) -> str:
    if not of_cell:
        return ""
    times = [one.voice_again_s for one in of_cell if one.voice_again_s is not None]
    failed = sum(not one.holds for one in of_cell)
    told = f"{max(times):.1f}" if times else "unheard"
    return f"{told} ({failed} of {len(of_cell)} failed)" if failed else told


def _summary(judged: Sequence[Judged], *, expected: int) -> dict[str, object]:
    return {
        "cells": len({one.cell for one in judged if one.holds}),
        "cells_expected": expected,
        "runs": len(judged),
        "stranded": sum(one.is_stranded for one in judged),
        "facts_lost": sum(one.facts_lost for one in judged),
        "left_over": sum(len(one.left_over) for one in judged),
        "voice_again_s": {kind: _p95(one for one in judged if one.cell.kill in kills) for kind, kills in KINDS.items()},
    }


def _p95(judged: Iterable[Judged]) -> float | None:
    times = [one.voice_again_s for one in judged if one.voice_again_s is not None]
    return round(float(np.percentile(times, 95)), 2) if times else None


def _holds(summary: dict[str, object]) -> bool:
    times = summary["voice_again_s"]
    is_whole = summary["cells"] == summary["cells_expected"]
    is_clean = not (summary["stranded"] or summary["facts_lost"] or summary["left_over"])
    if not isinstance(times, dict):
        return False
    in_time = all(time is None or time <= VOICE_WITHIN_S[KINDS[kind][0]] for kind, time in times.items())
    return is_whole and is_clean and in_time


if __name__ == "__main__":
    app(prog_name="python -m warm_transfer.stand.faults")
