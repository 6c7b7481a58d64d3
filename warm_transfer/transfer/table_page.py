"""Every cell of the code's TABLE with the test that tries it; `python -m warm_transfer.transfer.table_page`."""

import sys

from warm_transfer.transfer import events
from warm_transfer.transfer.events import Event
from warm_transfer.transfer.states import TABLE, Row
from warm_transfer.transfer.terms import State

REFUSED = "no meaning: refused"

_HEAD = """\
# What can happen to a transfer

Made from `TABLE` in `warm_transfer/transfer/states.py`; a test fails if it is not current:

    python -m warm_transfer.transfer.table_page > docs/transfer_table.md

Events down, states across. A cell says where the event leads and, in brackets, how the transfer ends then; where
another target is called instead, the attempt ends so. An event without a meaning is refused: logged, and nothing
changes. Last in each cell is its test in `tests/unit/test_states.py`; `pytest tests/unit -k ringing-HoldDue` runs it.
"""


def page() -> str:
    """The Markdown page."""
    header = [["event", *(state.value for state in State)], ["---"] * (1 + len(State))]
    rows = [[f"`{event.__name__}`", *(_cell(state, event) for state in State)] for event in every_event()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in [*header, *rows])
    return f"{_HEAD}\n{table}\n"


def every_event() -> list[type[Event]]:
    """All events, in the order in which events.py defines them."""
    kinds = [kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)]
    return [kind for kind in kinds if kind is not Event]


def cell_id(state: State, event: type[Event]) -> str:
    """What the test of this cell is called; where one cell has several, the others' names begin so."""
    return f"{state.value}-{event.__name__}"


def _cell(state: State, event: type[Event]) -> str:
    row = TABLE.get((state, event))
    return f"{_outcome(row) if row else REFUSED}<br>`{cell_id(state, event)}`"


def _outcome(row: Row) -> str:
    to = " or ".join(state.value for state in row.to)
    return f"{to} ({' or '.join(one.value for one in row.ends)})" if row.ends else to


if __name__ == "__main__":
    sys.stdout.write(page())
