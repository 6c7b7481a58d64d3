"""Random calls in virtual time: `make soak N=10000`.

Prints a table and, as the last line, one JSON object: `{"runs", "stranded", "double_connected", "hold_left",
"consult_left", "agents_left", "log_wrong"}`. Exits with 1 if anything but `runs` is not 0.
"""

import json
import logging
from dataclasses import asdict, fields
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from warm_transfer.stand.soak.run import Faults, run

_SHOWN = 5
"""Seeds that are named per fault."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    runs: Annotated[int, typer.Option(min=1, help="How many calls.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the first call; each next one has the next seed.")] = 0,
) -> None:
    """Drive the coordinator and its table with random callers, targets and faults; a seed reproduces a call."""
    logging.disable(logging.ERROR)  # every ignored event of every call would be told
    total, found = Faults(), {one.name: list[int]() for one in fields(Faults)}
    for number in track(range(seed, seed + runs), "Calls", console=Console(stderr=True), transient=True):
        faults = run(number)
        total += faults
        for name, count in asdict(faults).items():
            if count:
                found[name].append(number)
    Console().print(_table(total, found))
    typer.echo(json.dumps({"runs": runs} | asdict(total)))
    raise typer.Exit(code=int(total != Faults()))


def _table(total: Faults, found: dict[str, list[int]]) -> Table:
    table = Table(title="What was wrong", title_justify="left", header_style="bold")
    table.add_column("Fault")
    table.add_column("Found", justify="right")
    table.add_column("First seeds")
    for name, count in asdict(total).items():
        table.add_row(name.replace("_", " "), str(count), ", ".join(map(str, found[name][:_SHOWN])))
    return table


if __name__ == "__main__":
    app(prog_name="python -m warm_transfer.stand.soak")
