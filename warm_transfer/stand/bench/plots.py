"""One picture per part: every measured value of each row, and its median."""

from collections.abc import Sequence
from pathlib import Path

from warm_transfer.stand.bench.figures import Findings, Row

_MOST_ROWS = 24
_WIDTH = 10.0


def draw(folder: Path, stem: str, findings: Sequence[Findings]) -> list[Path]:
    """Write the pictures; gives the files."""
    return [
        _draw(folder / f"{stem}_{part.part}_{unit_name(unit)}.svg", part, unit)
        for part in findings
        for unit in dict.fromkeys(row.unit for row in part.rows if row.values)
    ]


def unit_name(unit: str) -> str:
    """The unit as part of a file's name."""
    return "".join(letter if letter.isalnum() else "_" for letter in unit) or "count"


def _draw(file: Path, part: Findings, unit: str) -> Path:
    # Here, for it takes a second and the rest of the bench does without.
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    rows: list[Row] = [row for row in part.rows if row.unit == unit and row.values][:_MOST_ROWS]
    figure = Figure(figsize=(_WIDTH, 1.2 + 0.4 * len(rows)), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    for place, row in enumerate(reversed(rows)):
        axes.plot(row.values, [place] * len(row.values), "o", color="tab:blue", alpha=0.35, markersize=5)
        axes.plot([row.p50 or 0.0], [place], "|", color="black", markersize=16, markeredgewidth=2)
    axes.set_yticks(range(len(rows)), [f"{row.name} (n={len(row.values)})" for row in reversed(rows)])
    if min(value for row in rows for value in row.values) > 0 and _spread(rows) > 50:
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)
    axes.set_xlabel(f"{unit}; black: the median")
    axes.set_title(part.part)
    figure.savefig(file, metadata={"Date": None})
    return file


def _spread(rows: Sequence[Row]) -> float:
    values = [value for row in rows for value in row.values]
    return max(values) / min(values)
