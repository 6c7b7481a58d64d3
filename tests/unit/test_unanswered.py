"""A caller whom nobody answers is answered by whoever can, or hears so, or can at least read so; nobody else is."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import read_call
from warm_transfer.calls.log import CallLog, LogUnavailableError
from warm_transfer.control import unanswered as module
from warm_transfer.control.unanswered import Unanswered
from warm_transfer.settings import Settings
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Dispatched, Rooms
from warm_transfer.transfer.wire import NOBODY_ANSWERS, AgentAJob, BusyJob, read_job_metadata

ROOM = "caller-1"
LOST = AgentAJob(call_id="call", caller_identity="caller").model_dump_json()
TIMEOUT_S = 0.2


class FakeRooms:
    """One room whose dispatch was lost; `comes` says who comes at the n-th one after it."""

    def __init__(self, *people: str, metadata: str = LOST, job_ids: tuple[str, ...] = ()) -> None:
        self.inside = set(people)
        self.is_there = True
        self.listed = [Dispatched(dispatch_id="AD_1", metadata=metadata, job_ids=job_ids)]
        self.asked_for: list[AgentAJob | BusyJob] = []
        self.described: list[str] = []
        self.comes: Callable[[int], str | None] = lambda _: "agent_a-1"
        self.failures = 0
        self.has_asked = asyncio.Event()

    async def names(self) -> set[str]:
        return {ROOM} if self.is_there else set()

    async def missing(self, names: list[str]) -> set[str]:
        return set(names) - await self.names()

    async def people(self, _: str) -> set[str]:
        if self.failures:
            self.failures -= 1
            raise TargetUnavailableError("away")
        return set(self.inside)

    async def dispatches(self, room: str, agent_name: str) -> list[Dispatched]:
        assert (room, agent_name) == (ROOM, "warm-transfer")
        return self.listed

    async def describe(self, _: str, metadata: str) -> None:
        self.described.append(metadata)

    async def dispatch(self, _: str, room: str, metadata: str) -> str:
        job = read_job_metadata(metadata)
        assert room == ROOM
        assert isinstance(job, AgentAJob | BusyJob)
        self.asked_for.append(job)
        self.has_asked.set()
        if comes := self.comes(len(self.asked_for)):
            self.inside.add(comes)
            if comes.startswith("busy"):
                asyncio.get_running_loop().call_later(TIMEOUT_S, self.end)
        return "AD_2"

    def end(self) -> None:
        """What the busy role does when it has spoken."""
        self.inside.clear()
        self.is_there = False

    @property
    def roles(self) -> list[str]:
        return [job.role for job in self.asked_for]


class AwayLog:
    """A call log that nobody can reach."""

    def append(self, *_: object, **__: object) -> object:
        raise LogUnavailableError("away")

    def events(self, _: str) -> object:
        raise LogUnavailableError("away")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.02)


@pytest.fixture
def log(tmp_path: Path) -> CallLog:
    return CallLog(f"sqlite:///{tmp_path}/calls.sqlite3")


def looking(log: object, rooms: FakeRooms, by: str = "one") -> Unanswered:
    settings = Settings(dispatch_timeout_s=TIMEOUT_S)
    return Unanswered(settings, log=cast(CallLog, log), rooms=cast(Rooms, cast(Any, rooms)), by=by)


async def test_lost_agent_a_is_dispatched_again_for_the_same_call(log: CallLog) -> None:
    rooms = FakeRooms("caller")
    await looking(log, rooms).follow(ROOM)
    assert rooms.asked_for == [AgentAJob(call_id="call", caller_identity="caller")]
    assert rooms.described == []
    call = read_call(log, "call")
    assert (call.caller_identity, call.rooms[0].name, call.dispatched_again) == ("caller", ROOM, 1)


async def test_caller_whom_no_agent_a_answers_hears_that_all_lines_are_busy(log: CallLog) -> None:
    rooms = FakeRooms("caller")
    rooms.comes = lambda number: "busy-1" if number == 2 else None
    await looking(log, rooms).follow(ROOM)
    assert rooms.roles == ["agent_a", "busy"]
    assert rooms.described == []


async def test_room_says_so_while_there_is_no_worker_and_no_longer(log: CallLog) -> None:
    rooms = FakeRooms("caller")
    rooms.comes = lambda number: "agent_a-1" if number == 5 else None
    await looking(log, rooms).follow(ROOM)
    assert rooms.roles == ["agent_a", "busy", "agent_a", "busy", "agent_a"]
    assert set(rooms.described[:-1]) == {NOBODY_ANSWERS}
    assert rooms.described[-1] == ""


async def test_any_number_of_watchers_ask_once(log: CallLog) -> None:
    rooms = FakeRooms("caller")
    await asyncio.gather(*(looking(log, rooms, by=str(number)).follow(ROOM) for number in range(6)))
    assert rooms.roles == ["agent_a"]


async def test_watcher_leaves_time_for_whom_another_one_has_just_asked_for(log: CallLog) -> None:
    rooms = FakeRooms("caller")
    rooms.comes = lambda _: None
    looks = [asyncio.create_task(looking(log, rooms, by="first").follow(ROOM))]
    await asyncio.sleep(TIMEOUT_S / 2)
    looks.append(asyncio.create_task(looking(log, rooms, by="second, out of step").follow(ROOM)))
    await rooms.has_asked.wait()
    asyncio.get_running_loop().call_later(TIMEOUT_S * 0.9, rooms.inside.add, "agent_a-1")
    await asyncio.gather(*looks)
    assert rooms.roles == ["agent_a"]


async def test_watcher_goes_on_where_a_dead_one_stopped(log: CallLog) -> None:
    log.append(
        "call", CallEvent.DISPATCHED_AGAIN, {"room": ROOM, "role": "agent_a", "by": "dead"}, event_id="again-call-1"
    )
    rooms = FakeRooms("caller")
    rooms.comes = lambda _: "busy-1"
    await looking(log, rooms).follow(ROOM)
    assert rooms.roles == ["busy"]


async def test_caller_of_a_busy_role_that_dies_is_looked_after_again(log: CallLog) -> None:
    rooms = FakeRooms("caller")
    rooms.comes = lambda number: {2: "busy-1", 3: "agent_a-1"}.get(number)
    rooms.end = lambda: rooms.inside.discard("busy-1")  # type: ignore[method-assign]
    await looking(log, rooms).follow(ROOM)
    assert rooms.roles == ["agent_a", "busy", "agent_a"]


@pytest.mark.parametrize("people", [("caller", "agent_a-1"), ("caller", "agent_b_billing-1")])
async def test_caller_who_is_answered_is_left_alone(log: CallLog, people: tuple[str, ...]) -> None:
    rooms = FakeRooms(*people)
    await looking(log, rooms).follow(ROOM)
    assert rooms.roles == []


async def test_caller_who_is_answered_in_time_is_left_alone(log: CallLog) -> None:
    rooms = FakeRooms("caller")
    asyncio.get_running_loop().call_later(TIMEOUT_S / 4, rooms.inside.add, "agent_a-1")
    await looking(log, rooms).follow(ROOM)
    assert rooms.roles == []


@pytest.mark.parametrize("people", [(), ("somebody else",)])
async def test_nobody_is_asked_for_before_the_caller_comes(log: CallLog, people: tuple[str, ...]) -> None:
    rooms = FakeRooms(*people)
    asyncio.get_running_loop().call_later(3 * TIMEOUT_S, rooms.end)
    await looking(log, rooms).follow(ROOM)
    assert rooms.roles == []


@pytest.mark.parametrize(
    "metadata", ["{}", '{"role": "agent_x"}', AgentAJob(call_id="call", replaces="agent_a").model_dump_json()]
)
async def test_room_that_is_none_of_ours_or_of_a_live_call_is_left_alone(log: CallLog, metadata: str) -> None:
    rooms = FakeRooms("caller", metadata=metadata)
    await looking(log, rooms).follow(ROOM)
    assert rooms.roles == []


@pytest.mark.parametrize(("call_id", "job_ids"), [("call", ()), ("AJ_1", ("AJ_1",))])
async def test_call_that_an_agent_has_had_is_left_to_the_recovery(
    log: CallLog, call_id: str, job_ids: tuple[str, ...]
) -> None:
    log.append(call_id, CallEvent.JOB_STARTED, {"role": "agent_a", "identity": "agent_a-0", "room": ROOM, "epoch": 1})
    metadata = LOST if call_id == "call" else ""
    rooms = FakeRooms("caller", metadata=metadata, job_ids=job_ids)
    await looking(log, rooms).follow(ROOM)
    assert rooms.roles == []


async def test_caller_whom_a_playground_token_did_not_name_is_answered(log: CallLog) -> None:
    rooms = FakeRooms("guest", metadata="")
    await looking(log, rooms).follow(ROOM)
    assert rooms.asked_for == [AgentAJob(call_id="AD_1", caller_identity="guest")]


async def test_caller_is_looked_after_when_the_log_is_away() -> None:
    rooms = FakeRooms("caller")
    rooms.comes = lambda number: "busy-1" if number == 2 else None
    await looking(AwayLog(), rooms).follow(ROOM)
    assert rooms.roles == ["agent_a", "busy"]


async def test_server_that_is_away_for_a_moment_is_looked_at_again(log: CallLog) -> None:
    rooms = FakeRooms("caller")
    rooms.failures = 3
    await looking(log, rooms).follow(ROOM)
    assert rooms.roles == ["agent_a"]


async def test_watcher_finds_the_rooms_by_itself(log: CallLog) -> None:
    rooms = FakeRooms("caller")
    watching = asyncio.create_task(looking(log, rooms).watch())
    await rooms.has_asked.wait()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert rooms.roles == ["agent_a"]
