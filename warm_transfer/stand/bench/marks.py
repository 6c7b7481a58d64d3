"""What the bench's models note in the agents' processes, with the one clock that all processes of a machine share."""

import functools
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from warm_transfer.settings import load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that a model did."""

    at_s: float
    """By CLOCK_MONOTONIC; of a wait its end."""
    pid: int
    name: str
    """`called NAME`: a tool call goes out. `waited KIND`: a played provider took its time. `answered`: a reply."""
    since_s: float = 0.0
    """Of a wait: its begin."""


def mark(name: str, *, since_s: float = 0.0) -> None:
    """Note it; some microseconds."""
    line = json.dumps([time.monotonic(), os.getpid(), name, since_s])
    with _own_file().open("a", encoding="utf-8") as file:
        file.write(line + "\n")  # one write of under 4 KiB to an O_APPEND file: no process cuts another's line


def first_line_file(unwritten_dir: Path) -> Path:
    """Holds how Agent B's first line is made: "say" for a fixed one."""
    return unwritten_dir.with_name("first_line")


def is_first_line_fixed() -> bool:
    """Whether it is, for the processes with this one's settings."""
    file = first_line_file(load_settings().unwritten_dir)
    return file.exists() and file.read_text(encoding="utf-8") == "say"


def marks_file(unwritten_dir: Path) -> Path:
    """Where the processes with this UNWRITTEN_DIR note theirs."""
    return unwritten_dir.with_name("marks.jsonl")


def read_marks(file: Path, *, since_s: float = 0.0) -> list[Mark]:
    """Every mark from then on, oldest first."""
    if not file.exists():
        return []
    read = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    marks = [Mark(at_s=at_s, pid=pid, name=name, since_s=begun_s) for at_s, pid, name, begun_s in read]
    return sorted((one for one in marks if one.at_s >= since_s), key=lambda one: one.at_s)


@functools.cache
def _own_file() -> Path:
    return marks_file(load_settings().unwritten_dir)
