"""What the bench prints and keeps: a table, a JSON file, the last line."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.table import Table

from warm_transfer.stand.bench.figures import LAST_LINE, Findings, Row


def table(findings: Sequence[Findings]) -> Table:
    """Every row of every part, with median and p95."""
    shown = Table(title="make bench")
    for name in ("part", "what", "n", "median", "p95", "unit", "not measured because"):
        shown.add_column(name, justify="right" if name in ("n", "median", "p95") else "left", overflow="fold")
    for part in findings:
        for row in part.rows:
            figures = (str(len(row.values)), _shown(row.p50), _shown(row.p95), row.unit, row.why_not)
            shown.add_row(part.part, row.name, *figures)
        shown.add_section()
    return shown


def notes(findings: Sequence[Findings]) -> list[str]:
    """What a reader of the table must know, one line each."""
    lines = [f"{part.part}: {note}" for part in findings for note in part.notes]
    lines += [f"{part.part}: load average {' to '.join(map(str, part.load))}" for part in findings if part.load]
    lines += [f"{key} is null: {why}" for part in findings for key, why in part.why_not.items()]
    return lines


def last_line(findings: Sequence[Findings]) -> dict[str, float | None]:
    """The figures by key, null for what was not measured."""
    told = {key: value for part in findings for key, value in part.last_line.items()}
    return {key: told.get(key) for key in LAST_LINE}


def write_results(folder: Path, findings: Sequence[Findings], *, is_quick: bool, is_whole: bool = True) -> Path:
    """Keep everything as JSON; gives the file, whose name says which parts a run has that is not whole."""
    now = datetime.now(UTC)
    parts = "" if is_whole else "_" + "_".join(one.part for one in findings)
    file = folder / f"{now:%Y-%m-%d_%H-%M}{parts}{'_quick' if is_quick else ''}.json"
    told: dict[str, Any] = {
        "at": now.isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "is_quick": is_quick,
        "last_line": last_line(findings),
        "why_null": {key: why for part in findings for key, why in part.why_not.items()},
        "parts": [
            {"part": one.part, "load": one.load, "notes": one.notes, "rows": [_kept(row) for row in one.rows]}
            for one in findings
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return file


def _kept(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "unit": row.unit,
        "n": len(row.values),
        "median": row.p50,
        "p95": row.p95,
        "values": [round(value, 3) for value in row.values],
        "why_not": row.why_not,
    }


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if abs(value) < 10 else f"{value:.0f}"
