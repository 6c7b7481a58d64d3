"""The state diagram, made from the code's TABLE; `python -m warm_transfer.transfer.diagram`."""

import re
import sys
from collections import defaultdict

from warm_transfer.transfer.states import TABLE
from warm_transfer.transfer.terms import State


def mermaid() -> str:
    """The table as a Mermaid state diagram; one arrow per pair of states, with all events that take it."""
    arrows: dict[tuple[State, State], list[str]] = defaultdict(list)
    for (state, event), row in TABLE.items():
        for to in row.to:
            arrows[state, to].append(_words(event.__name__))
    lines = ["stateDiagram-v2", f"    [*] --> {State.TALKING.value}"]
    lines += [f"    {a.value} --> {b.value}: {' / '.join(sorted(names))}" for (a, b), names in arrows.items()]
    return "\n".join([*lines, f"    {State.ENDED.value} --> [*]"])


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


if __name__ == "__main__":
    sys.stdout.write(f"{mermaid()}\n")
