"""The state diagram and the table of rows, made from the code's TABLE; `python -m warm_transfer.transfer.diagram`."""

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


def cells() -> str:
    """Every state x event cell as a Markdown table: where it leads, or a dash where the event has no meaning."""
    events = sorted({event for _, event in TABLE}, key=lambda event: event.__name__)
    states = [state for state in State if state is not State.ENDED]
    lines = ["| event | " + " | ".join(state.value for state in states) + " |", "|---" * (len(states) + 1) + "|"]
    for event in events:
        rows = [TABLE.get((state, event)) for state in states]
        targets = ["/".join(to.value for to in row.to) if row else "-" for row in rows]
        lines.append(f"| {_words(event.__name__)} | " + " | ".join(targets) + " |")
    return "\n".join(lines)


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


if __name__ == "__main__":
    sys.stdout.write(f"{mermaid()}\n\n{cells()}\n")
