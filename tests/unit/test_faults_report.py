"""A run of the fault matrix holds only if every cell was run and nothing was lost; each way to fail is planted."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from warm_transfer.stand.faults.__main__ import app
from warm_transfer.stand.faults.evidence import Fault
from warm_transfer.stand.faults.judge import Judged, missed
from warm_transfer.stand.faults.matrix import KINDS, RUNS_EACH, Cell, Kill, cells, plan, unheard
from warm_transfer.stand.faults.report import holds, line, summarize
from warm_transfer.stand.faults.scenes import scenes
from warm_transfer.transfer.terms import State

FAULT = Fault(name="llm fails", state=State.TALKING)


def ran(cell: Cell | Fault, voice_again_s: float | None = 1.0) -> Judged:
    return Judged(
        cell=cell,
        voice_again_s=voice_again_s,
        is_stranded=False,
        facts_lost=0,
        left_over=(),
        heard=("sorry",),
        load=1.0,
    )


def all_ran() -> list[Judged]:
    return [*(ran(cell) for cell in cells()), ran(FAULT)]


def does_hold(judged: list[Judged]) -> bool:
    return holds(summarize(judged, expected=len(cells()) + 1))


def test_summary_is_the_line_that_was_promised() -> None:
    summary = summarize(all_ran(), expected=len(cells()) + 1)
    assert list(summary) == ["cells", "cells_expected", "stranded", "facts_lost", "left_over", "voice_again_s"]
    assert summary["voice_again_s"] == {"job": 1.0, "worker": 1.0, "server": 1.0}
    assert summary["cells"] == summary["cells_expected"]
    assert holds(summary)


def test_missing_cell_fails_the_run() -> None:
    assert not does_hold(all_ran()[1:])


@pytest.mark.parametrize("changes", [{"is_stranded": True}, {"facts_lost": 1}, {"left_over": ("final-1",)}])
@pytest.mark.parametrize("number", [0, -1])
def test_one_bad_run_fails_the_run_though_the_same_cell_held_before(changes: dict[str, object], number: int) -> None:
    judged = all_ran()
    bad = replace(judged[number], **changes)  # type: ignore[arg-type]
    assert not does_hold([*judged, bad])


def test_missed_cell_counts_as_stranded() -> None:
    assert summarize([missed(FAULT)], expected=1)["stranded"] == 1


@pytest.mark.parametrize(("kill", "too_late_s"), [(Kill.AGENT_B, 2.1), (Kill.WORKER, 5.1), (Kill.SERVER, 8.1)])
def test_voice_that_comes_too_late_fails_the_run(kill: Kill, too_late_s: float) -> None:
    judged = [ran(one.cell, too_late_s) if one.cell in kills_of(kill) else one for one in all_ran()]
    assert not does_hold(judged)


def kills_of(kill: Kill) -> list[Cell | Fault]:
    kind = next(kills for kills in KINDS.values() if kill in kills)
    return [cell for cell in cells() if cell.kill in kind]


def test_room_that_is_left_when_all_calls_are_over_fails_the_run() -> None:
    judged = all_ran()
    assert holds(summarize(judged, expected=len(judged)))
    assert not holds(summarize(judged, expected=len(judged), left_over=["final-1"]))


def test_run_without_a_cell_is_refused() -> None:
    chosen = CliRunner().invoke(app, ["--only", "no cell has this name"])
    assert chosen.exit_code == 2


def test_times_are_of_the_kills_alone() -> None:
    judged = [*all_ran(), ran(replace(FAULT, name="log away"), 30.0)]
    assert summarize(judged, expected=len(judged))["voice_again_s"] == {"job": 1.0, "worker": 1.0, "server": 1.0}


def test_line_names_what_was_lost() -> None:
    bad = replace(ran(FAULT), is_stranded=True, left_over=("final-1",), failures=("2 Agent As at once",))
    assert line(bad) == (
        "llm fails while talking: stranded True; left final-1; 2 Agent As at once, voice after 1.0 s, load 1.0 (sorry)"
    )


def test_every_state_has_a_kill_and_no_cell_is_there_twice() -> None:
    assert {cell.state for cell in cells()} == set(State)
    assert {cell.kill for cell in cells()} == set(Kill)
    assert len(cells()) == len(set(cells()))


def test_quick_run_makes_every_kill_once() -> None:
    planned = [*(cell for kills in plan(cells(), runs_each=0) for cell in kills), *unheard(cells())]
    assert sorted(map(str, planned)) == sorted(map(str, cells()))


def test_full_run_makes_30_kills_of_each_promised_kind() -> None:
    planned = [cell for kills in plan(cells(), runs_each=RUNS_EACH) for cell in kills]
    assert set(planned) | set(unheard(cells())) == set(cells())
    for kills in KINDS.values():
        assert sum(cell.kill in kills for cell in planned) >= 30


def test_each_call_kills_one_thing_in_the_order_of_the_states() -> None:
    for kills in plan(cells(), runs_each=RUNS_EACH):
        assert len({(cell.kill, cell.can_move) for cell in kills}) == 1
        assert [cell.state for cell in kills] == sorted((cell.state for cell in kills), key=list(State).index)


def test_jobs_die_also_in_calls_whose_client_does_not_move() -> None:
    joined = {(cell.kill, cell.state) for cell in cells() if not cell.can_move}
    assert (Kill.AGENT_A, State.MOVING) in joined
    assert {state for kill, state in joined if kill is Kill.AGENT_B} == {State.CONSULTING, State.MOVING, State.ENDED}
    assert len({str(cell) for cell in cells()}) == len(cells())


def test_calls_in_which_only_a_job_dies_come_before_those_that_take_everybody_down() -> None:
    is_shared = [kills[0].kill in (Kill.WORKER, Kill.SERVER) for kills in plan(cells(), runs_each=RUNS_EACH)]
    assert is_shared == sorted(is_shared)


def test_no_other_fault_is_there_twice() -> None:
    faults = [fault for scene in scenes() for fault in scene.faults]
    assert len(faults) == len(set(faults))
    assert {fault.state for fault in faults if fault.name == "hang-up"} == set(State)
