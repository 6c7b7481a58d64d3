"""Measures transfers on a real server: `make bench [QUICK=1] [ONLY=part]`. No verdicts.

Prints a table with medians and p95; keeps JSON and pictures in bench/results. The last line is one JSON object; a
figure that could not be measured is null there, and the lines before say why. Ends with 1 if nothing could be measured.
"""

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from warm_transfer.stand.bench.bench_call import UnmeasuredError
from warm_transfer.stand.bench.capacity import capacity
from warm_transfer.stand.bench.figures import Findings
from warm_transfer.stand.bench.gap import gap
from warm_transfer.stand.bench.growth import growth
from warm_transfer.stand.bench.overhead import hold, local, overhead
from warm_transfer.stand.bench.plots import draw
from warm_transfer.stand.bench.report import last_line, notes, table, write_results
from warm_transfer.stand.bench.turns import turns
from warm_transfer.stand.bench.workplace import FULL_RUNS, Workplace
from warm_transfer.stand.worker_process import ROOT
from warm_transfer.transfer.errors import WarmTransferError

PARTS: Mapping[str, Callable[[Workplace], Awaitable[Findings]]] = {
    "overhead": overhead,
    "turns": turns,
    "capacity": capacity,
    "local": local,
    "hold": hold,
    "gap": gap,
    "growth": growth,
}
RESULTS = ROOT / "bench" / "results"
_TABLE_WIDTH = 150

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command(help=__doc__)
def main(
    quick: Annotated[bool, typer.Option(help="Each thing once or twice.")] = False,
    only: Annotated[str, typer.Option(help=f"One part: {', '.join(PARTS)}; or several, comma between.")] = "",
    runs: Annotated[int, typer.Option(min=1, help="Of what the last line reports; fewer are less sure.")] = FULL_RUNS,
    results: Annotated[Path, typer.Option(help="Where JSON and pictures go.")] = RESULTS,
) -> None:
    """Measure every part, or some."""
    chosen = [one.strip() for one in only.split(",") if one.strip()] or list(PARTS)
    if unknown := [one for one in chosen if one not in PARTS]:
        typer.echo(f"No part is called {unknown[0]!r}: choose of {', '.join(PARTS)}.", err=True)
        raise typer.Exit(code=2)
    logging.disable(logging.WARNING)
    folder = ROOT / "runs" / f"bench_{datetime.now():%Y-%m-%d_%H-%M-%S}"
    work = Workplace(folder, is_quick=quick, progress=sys.stderr, runs=runs)
    try:
        findings = asyncio.run(_measure(work, chosen))
    except asyncio.CancelledError:
        typer.echo("Stopped; everything that was started has ended.", err=True)
        raise typer.Exit(code=130) from None
    file = write_results(results, findings, is_quick=quick, is_whole=not only)
    draw(results, file.stem, findings)
    console = Console(width=_TABLE_WIDTH)
    console.print(table(findings))
    console.print(*notes(findings), f"values: {file}", f"logs: {folder}", sep="\n", highlight=False, soft_wrap=True)
    typer.echo(json.dumps(last_line(findings)))
    raise typer.Exit(code=0 if any(row.values for part in findings for row in part.rows) else 1)


async def _measure(work: Workplace, chosen: list[str]) -> list[Findings]:
    # make, CI and timeout end us with SIGTERM: the same way out as Ctrl-C, so that nothing is left running.
    if (me := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    async with work:
        return [await _part(work, name) for name in PARTS if name in chosen]


async def _part(work: Workplace, name: str) -> Findings:
    """A part's findings; one that can't be started has none, and says why."""
    work.say(f"part {name}")
    try:
        return await PARTS[name](work)
    except (WarmTransferError, UnmeasuredError) as error:
        why = error.sentence if isinstance(error, WarmTransferError) else str(error)
        work.say(f"part {name} could not be measured: {why}")
        empty = Findings(part=name)
        empty.add("the whole part", "ms", (), why)
        return empty


if __name__ == "__main__":
    app()
