"""Kills processes in every state of real, spoken calls, and makes every other fault: `make faults [QUICK=1] [ONLY=]`.

One call goes through all states in which one thing is killed, at a random moment of each; a kill counts from its
moment to the next voice that another recognizer than the agents' understands. Other faults strike calls whose caller
types, save where speech is what fails; those that don't disturb each other are played side by side. What a run
misses is tried once more, and then counts as failed.

Prints two tables and, as the last line, one JSON object: `{"cells", "cells_expected", "stranded", "facts_lost",
"left_over", "voice_again_s": {"job", "worker", "server"}}`, the times as p95. Exits with 1 if a cell is missing or does
not hold, a caller was stranded, a fact was lost, something is left, or a voice came too late.
"""

import asyncio
import json
import logging
import re
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from rich.console import Console

from warm_transfer.stand.caller.downlink import write_wav
from warm_transfer.stand.caller.speech_process import SpeechProcess
from warm_transfer.stand.faults.evidence import Strike
from warm_transfer.stand.faults.faulty_call import FaultyCall, place
from warm_transfer.stand.faults.judge import NEVER, Judged, missed
from warm_transfer.stand.faults.judge_process import JudgeProcess
from warm_transfer.stand.faults.matrix import KINDS, RUNS_EACH, Cell, cells, plan, unheard
from warm_transfer.stand.faults.report import fault_table, holds, kill_table, line, summarize
from warm_transfer.stand.faults.scenes import scenes
from warm_transfer.stand.faults.site import FaultSite
from warm_transfer.stand.faults.stage import Scene, Stage
from warm_transfer.transfer.errors import WarmTransferError

MOST_TRIES = 2
"""What a call missed, because a state was over before the moment that was drawn, is tried once more."""
SCENE_TIMEOUT_S = 360.0
"""The longest takes 180 s; one that hangs counts as missed."""
JOB_CALLS_AT_ONCE = 2
"""Spoken calls of which only jobs are killed; one of them takes a quarter of two cores."""
SCENES_AT_ONCE = 3
"""Calls whose callers type, and in which no promised time is judged; each is mostly waiting."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command(help=__doc__)
def main(
    quick: Annotated[bool, typer.Option(help="One run per cell.")] = False,
    seed: Annotated[int, typer.Option(help="Draws the moments.")] = 0,
    only: Annotated[str, typer.Option(help="Only cells whose name this regular expression is found in.")] = "",
) -> None:
    """Run the cells on a LiveKit server of its own, and print what the callers heard."""
    logging.disable(logging.WARNING)
    chosen = [cell for cell in cells() if re.search(only, str(cell))]
    played = [scene for scene in scenes() if any(re.search(only, str(fault)) for fault in scene.faults)]
    if not chosen and not played:
        typer.echo(f"No cell's name has {only!r} in it.", err=True)
        raise typer.Exit(code=2)
    folder = Path("runs").resolve() / f"faults_{datetime.now():%Y-%m-%d_%H-%M-%S}"
    folder.mkdir(parents=True)
    run = _Run(folder, Random(seed))
    try:
        asyncio.run(run.whole(chosen, played, runs_each=0 if quick else RUNS_EACH))
    except WarmTransferError as error:
        typer.echo(error.sentence, err=True)
        raise typer.Exit(code=2) from None
    except asyncio.CancelledError:
        typer.echo("Stopped; everything that was started has ended.", err=True)
        raise typer.Exit(code=130) from None
    Console().print(kill_table(run.judged), fault_table(run.judged), f"recordings and logs: {folder}")
    expected = len(chosen) + sum(len(scene.faults) for scene in played)
    summary = summarize(run.judged, expected=expected, left_over=run.left_over)
    typer.echo(json.dumps(summary))
    raise typer.Exit(code=int(not holds(summary)))


Work = Callable[[], Awaitable[None]]


class _Run:
    """Calls and scenes: side by side, where they don't disturb each other."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.judged: list[Judged] = []
        self.left_over: tuple[str, ...] = ()
        """At the end of all calls."""
        self._folder = folder
        self._random = random
        self._console = Console(stderr=True)
        self._calls = 0

    async def whole(self, chosen: Sequence[Cell], played: Sequence[Scene], *, runs_each: int) -> None:
        # make, CI and timeout end us with SIGTERM: the same way out as Ctrl-C, so that nothing is left running.
        if (me := asyncio.current_task()) is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
        with SpeechProcess() as speech, JudgeProcess() as self._judges:
            await asyncio.to_thread(speech.load)
            async with asyncio.TaskGroup() as self._judging, FaultSite(self._folder) as site:

                def kill(cells: Sequence[Cell]) -> Work:
                    return partial(self._kill, site, speech, cells)

                journeys, beside = plan(chosen, runs_each=runs_each), [kills for kills in [unheard(chosen)] if kills]
                self._progress = _Progress(len(journeys) + len(beside) + len(played), self._console)
                of_jobs = [cells for cells in journeys if cells[0].kill in KINDS["job"]]
                await _side_by_side([kill(cells) for cells in of_jobs], at_once=JOB_CALLS_AT_ONCE)
                for cells in journeys[len(of_jobs) :]:  # each shakes what all calls share
                    await self._kill(site, speech, cells)
                async with Stage(site, speech, self._folder) as stage:
                    await self._scenes(stage, played, [kill(cells) for cells in beside])
                self.left_over = await site.left_over()

    async def _scenes(self, stage: Stage, played: Sequence[Scene], beside: Sequence[Work]) -> None:
        for scene in played:
            if scene.is_alone:
                await self._play(stage, scene)
        others = [partial(self._play, stage, scene) for scene in played if not scene.is_alone]
        await _side_by_side([*beside, *others], at_once=SCENES_AT_ONCE)

    async def _kill(self, site: FaultSite, speech: SpeechProcess, kills: Sequence[Cell]) -> None:
        """All kills of one call; those that it missed are made in another."""
        with self._progress.of(str(kills[0])):
            await self._kill_until_made(site, speech, kills)

    async def _kill_until_made(self, site: FaultSite, speech: SpeechProcess, kills: Sequence[Cell]) -> None:
        why = NEVER
        for _ in range(MOST_TRIES):
            try:
                await site.mend()
                call = await place(site, speech, kills, self._random)
            except Exception as error:  # the edge of one call: the other cells are to be seen
                why = repr(error)
                continue
            await self._keep(call)
            if call.kills:
                self._judging.create_task(self._judge(call))
            made = {killed.cell for killed in call.kills}
            kills = [cell for cell in kills if cell not in made]
            if not kills:
                return
        self._note([missed(cell, why) for cell in kills])

    async def _keep(self, call: FaultyCall) -> None:
        self._calls += 1
        number = self._calls
        for name, samples in (("heard", call.heard), ("said", call.said)):
            await asyncio.to_thread(write_wav, self._folder / f"call_{number}_{name}.wav", samples)

    async def _judge(self, call: FaultyCall) -> None:
        self._note(await self._judges.judge(call))

    async def _judge_strike(self, strike: Strike) -> None:
        self._note([await self._judges.judge_strike(strike)])

    async def _play(self, stage: Stage, scene: Scene) -> None:
        """One scene; where not all of its faults struck, once more."""
        with self._progress.of(str(scene.faults[0])):
            await self._play_until_struck(stage, scene)

    async def _play_until_struck(self, stage: Stage, scene: Scene) -> None:
        awaited = list(scene.faults)
        why = NEVER
        for _ in range(MOST_TRIES):
            strikes = []
            try:
                await stage.site.mend()
                async with asyncio.timeout(SCENE_TIMEOUT_S):
                    strikes = await stage.play(scene)
            except Exception as error:  # the edge of one scene: the others are to be seen
                why = repr(error)
            for strike in strikes:
                if strike.fault in awaited:
                    self._judging.create_task(self._judge_strike(strike))
                    awaited.remove(strike.fault)
            if not awaited:
                return
        self._note([missed(fault, why) for fault in awaited])

    def _note(self, judged: Sequence[Judged]) -> None:
        self.judged += judged
        for one in judged:
            self._console.print(line(one), markup=False, soft_wrap=True)


class _Progress:
    """Tells how far a run is, and how long each call took."""

    def __init__(self, total: int, console: Console) -> None:
        self._total = total
        self._console = console
        self._done = 0
        self._began_s = time.monotonic()

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """For one call or scene: a line at its end."""
        began_s = time.monotonic()
        yield
        self._done += 1
        minutes, seconds = divmod(round(time.monotonic() - self._began_s), 60)
        took = f"{name}: {time.monotonic() - began_s:.0f} s"
        self._console.print(f"[{self._done}/{self._total}, {minutes}:{seconds:02}] {took}", markup=False, style="dim")


async def _side_by_side(works: Sequence[Work], *, at_once: int) -> None:
    waiting = list(reversed(works))

    async def work() -> None:
        while waiting:
            await waiting.pop()()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(work())


if __name__ == "__main__":
    app(prog_name="python -m warm_transfer.stand.faults")
