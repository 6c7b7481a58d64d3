"""The page of the state table is the code's, and the test that each cell names tries that cell."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.unit.test_states import (
    test_illegal_event_raises_and_names_event_and_state as refused_test,
)
from tests.unit.test_states import (
    test_legal_row_leads_to_its_situation_and_commands as legal_test,
)
from warm_transfer.transfer.states import TABLE
from warm_transfer.transfer.table_page import REFUSED, every_event, page
from warm_transfer.transfer.terms import State

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "transfer_table.md").read_text()


def written() -> dict[tuple[State, str], tuple[str, str]]:
    """Outcome and test of each cell, by state and event, as the page has them."""
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")
    ]
    return {
        (State(state), row[0].strip("`")): (cell.split("<br>")[0], cell.split("<br>")[1].strip("`"))
        for row in rows
        for state, cell in zip(header[1:], row[1:], strict=True)
    }


def tried_by(test: Callable[..., None]) -> Mapping[str, tuple[State, str]]:
    """State and event that the test gets, by the ids that pytest shows."""
    (mark,) = [one for one in test.pytestmark if one.name == "parametrize"]  # type: ignore[attr-defined]
    values, ids = mark.args[1], mark.kwargs["ids"]
    assert len(set(ids)) == len(ids) == len(values)
    cells = [(getattr(now, "state", now), type(event).__name__) for now, event, *_ in values]
    return dict(zip(ids, cells, strict=True))


def test_page_is_current() -> None:
    assert page() == PAGE


def test_page_has_every_cell() -> None:
    assert set(written()) == {(state, event.__name__) for state in State for event in every_event()}


def test_each_cells_test_exists_and_tries_this_cell() -> None:
    legal, refused = tried_by(legal_test), tried_by(refused_test)
    for cell, (outcome, test) in written().items():
        assert (refused if outcome == REFUSED else legal)[test] == cell


def test_a_cell_is_refused_where_the_table_has_no_row() -> None:
    rows = {(state, event.__name__) for state, event in TABLE}
    assert {cell for cell, (outcome, _) in written().items() if outcome != REFUSED} == rows


@pytest.mark.parametrize(
    ("state", "event", "outcome"),
    [
        (State.RINGING, "TargetBusy", "ringing or ended (busy)"),
        (State.CONSULTING, "CancelRequested", "ended (cancelled)"),
        (State.OFFERED, "TransferRequested", "ringing"),
        (State.ENDED, "CallerLeft", "no meaning: refused"),
    ],
)
def test_cell_says_where_the_event_leads(state: State, event: str, outcome: str) -> None:
    assert written()[state, event][0] == outcome
