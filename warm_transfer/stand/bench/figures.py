"""What was measured, as rows: every value is kept, a row that could not be measured says why."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

LAST_LINE = (
    "overhead_ratio_p50",
    "overhead_ratio_p95",
    "overhead_ratio_cold",
    "overhead_ratio_real",
    "own_hold_ms",
    "gap_heard_ms",
    "gap_said_ms",
    "turn_ratio",
    "calls_per_2_cores",
    "cpu_ratio",
    "memory_ratio",
    "storm_lost",
)
"""What the last line of `make bench` has, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that was measured, so often."""

    name: str
    unit: str
    values: tuple[float, ...] = ()
    why_not: str = ""
    """Why there is no value, or why some are missing; a sentence's end."""

    @property
    def p50(self) -> float | None:
        """The median, None without a value."""
        return median(self.values) if self.values else None

    @property
    def p95(self) -> float | None:
        """The value that 95 of 100 don't exceed, None without one."""
        return percentile(self.values, 95) if self.values else None


@dataclass(slots=True, kw_only=True)
class Findings:
    """What one part of the bench found."""

    part: str
    rows: list[Row] = field(default_factory=list)
    last_line: dict[str, float | None] = field(default_factory=dict)
    """Its share of the last line."""
    why_not: dict[str, str] = field(default_factory=dict)
    """By key of the last line: why it is null."""
    notes: list[str] = field(default_factory=list)
    """What a reader of the numbers must know."""
    load: list[float] = field(default_factory=list)
    """The machine's load average (1 min) at the begin and at the end."""

    def add(self, name: str, unit: str, values: Sequence[float], why_not: str = "") -> Row:
        """A row more."""
        row = Row(name=name, unit=unit, values=tuple(values), why_not=why_not)
        self.rows.append(row)
        return row

    def tell(self, key: str, value: float | None, why_not: str = "") -> None:
        """A figure of the last line; without a value, why."""
        self.last_line[key] = None if value is None else round(value, 3)
        if value is None:
            self.why_not[key] = why_not or "it was not measured"

    def note_load(self) -> None:
        """Look at the machine."""
        self.load.append(round(os.getloadavg()[0], 2))


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of at least one value: a value that was measured, never one between two."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """One through the other; None if one is missing."""
    return None if ours is None or not theirs else ours / theirs
