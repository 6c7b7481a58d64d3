"""The soak in small, and that each of its checks finds what is planted."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from warm_transfer.stand.soak import __main__ as cli
from warm_transfer.stand.soak.plan import draw
from warm_transfer.stand.soak.run import DEADLINES, Faults, run
from warm_transfer.stand.soak.virtual_loop import StuckError, VirtualLoop
from warm_transfer.stand.soak.world import World
from warm_transfer.transfer import coordinator, states, timers
from warm_transfer.transfer.commands import ArmTarget, Command, DisarmTarget, HoldCaller, SendBriefing, TellWaiting
from warm_transfer.transfer.events import (
    ArmExpired,
    ArmingFailed,
    CallerMoved,
    CancelRequested,
    Event,
    MoreTimeAsked,
    MoveRefused,
    QuestionAsked,
    TargetDeclined,
    UpdateDue,
)
from warm_transfer.transfer.states import Moving, Step
from warm_transfer.transfer.terms import Deadline, Disposition, State

RUNS = 400


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The command silences the log of its process, which here is every test's."""
    before = logging.root.manager.disable
    yield
    logging.disable(before)


def soaked(runs: int = RUNS) -> Faults:
    return sum((run(seed) for seed in range(runs)), Faults())


def test_random_calls_strand_nobody_and_leave_nothing() -> None:
    assert soaked() == Faults()


def test_seed_draws_the_same_call_again() -> None:
    assert draw(Random(7)) == draw(Random(7)) != draw(Random(8))


async def does_nothing(*_: object) -> None:
    pass


def dismisses_a_caller_who_has_moved(now: Moving, disposition: Disposition, reason: str) -> Step:
    return states._end_call(reason) if now.is_caller_away else states._take_back(disposition, reason)


async def takes_back_with_music(world: World, _: Disposition) -> None:
    world.agent_a_speaks = True
    world.taken_back.set()
    world._tasks.create_task(world._check_alone())


@pytest.mark.parametrize(
    ("owner", "name", "planted", "fault"),
    [
        (states, "_fail_move", dismisses_a_caller_who_has_moved, "stranded"),
        (World, "dismiss", does_nothing, "agents_left"),
        (World, "take_back", takes_back_with_music, "hold_left"),
        (World, "part", does_nothing, "hold_left"),
        (World, "close", does_nothing, "consult_left"),
        (coordinator.Coordinator, "_log_attempt", lambda *_: None, "log_wrong"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_planted_fault_is_found(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, planted: Callable[..., Any], fault: str
) -> None:
    monkeypatch.setattr(owner, name, planted)
    assert asdict(soaked())[fault] > 0


@pytest.mark.parametrize(
    "row",
    [
        (State.OFFERED, ArmExpired),
        (State.OFFERED, ArmingFailed),
        (State.RINGING, TargetDeclined),
        (State.RINGING, MoreTimeAsked),
        (State.CONSULTING, QuestionAsked),
        (State.CONSULTING, CancelRequested),
        (State.MOVING, MoveRefused),
        (State.MOVING, CallerMoved),
    ],
    ids=lambda row: f"{row[0].value}, {row[1].__name__}",
)
def test_event_that_the_table_loses_is_found(monkeypatch: pytest.MonkeyPatch, row: tuple[State, type[Event]]) -> None:
    # Nobody is stranded: a deadline ends what waits for it. The log shows that it came too late, or as something else.
    monkeypatch.delitem(states.TABLE, row)
    assert soaked().log_wrong > 0


@pytest.mark.parametrize(
    "lost", [ArmTarget, DisarmTarget, HoldCaller, TellWaiting, SendBriefing], ids=lambda one: one.__name__
)
def test_command_that_is_not_carried_out_is_found(monkeypatch: pytest.MonkeyPatch, lost: type[Command]) -> None:
    carry_out = coordinator.Coordinator._carry_out

    def loses(self: coordinator.Coordinator, command: Command, *lanes: Any) -> None:
        if not isinstance(command, lost):
            carry_out(self, command, *lanes)

    monkeypatch.setattr(coordinator.Coordinator, "_carry_out", loses)
    assert soaked() != Faults()


def test_second_voice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    # Dismissed targets are told nothing: one that has the caller goes on beside Agent A.
    async def forgets_the_target(world: World, _: Disposition) -> None:
        world._open = None

    monkeypatch.setattr(World, "dismiss", forgets_the_target)
    assert soaked().double_connected > 0


def test_update_into_agent_bs_words_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    # The deadline outlives the consult, and its event has a meaning there.
    moving_update: tuple[State, type[Event]] = (State.MOVING, UpdateDue)
    monkeypatch.setitem(states.TABLE, moving_update, states.Row(states._tell, (State.MOVING,)))
    monkeypatch.setitem(DEADLINES, Deadline.UPDATE, 2.0)  # often enough to meet the moment
    monkeypatch.setattr(timers.Timers, "cancel", lambda *_, **__: None)
    assert soaked().double_connected > 0


def test_call_that_waits_for_nothing_is_noticed_at_once() -> None:
    loop = VirtualLoop()
    try:
        with pytest.raises(StuckError):
            loop.run_until_complete(loop.create_future())
    finally:
        loop.close()


def test_command_prints_one_json_object_last_and_exits_with_1_on_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(cli.app, ["--runs", "3"])
    assert (result.exit_code, json.loads(result.stdout.splitlines()[-1])) == (0, {"runs": 3} | asdict(Faults()))
    monkeypatch.setattr(cli, "run", lambda _: Faults(stranded=1))
    result = CliRunner().invoke(cli.app, ["--runs", "3", "--seed", "40"])
    assert result.exit_code == 1
    assert json.loads(result.stdout.splitlines()[-1])["stranded"] == 3
    assert "40, 41, 42" in result.stdout
