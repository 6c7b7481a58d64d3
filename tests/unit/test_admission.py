"""Which jobs a worker takes when it has all the calls that it may have, or ends."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents.admission import BUSY_SLOTS, MOST_LOAD, Admission
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import BUSY_PREFIX, AgentAJob, AgentBJob, BusyJob

AGENT_B = AgentBJob(
    call_id="live",
    epoch=2,
    transfer_id="x1",
    specialist="billing",
    identity="agent_b_billing-x1",
    agent_a_identity="agent_a-1",
    caller_identity="caller",
    consult_room="consult",
    move=Move.CLIENT_MOVE,
    consult_mode="text",
)


def described(job: AgentAJob | AgentBJob | BusyJob, room: str, job_id: str) -> Any:
    """A job as LiveKit describes it, as far as admission looks at it."""
    return SimpleNamespace(id=job_id, metadata=job.model_dump_json(), room=SimpleNamespace(name=room))


@dataclass
class Request:
    """A job request as far as admission looks at it."""

    asked_for: AgentAJob | AgentBJob | BusyJob
    room: str = "another room"
    id: str = "job"
    answers: list[str] = field(default_factory=list)

    @property
    def job(self) -> Any:
        return described(self.asked_for, self.room, self.id)

    async def accept(self, **_: str) -> None:
        self.answers.append("accepted")

    async def reject(self, *, terminate: bool) -> None:
        self.answers.append("ended" if terminate else "passed on")


class Worker:
    """A worker with the call "live" in "room" that it has already taken, its Agent A and B, and so many busy roles."""

    def __init__(self, max_calls: int = 1, *, busy: int = 0) -> None:
        self.passed: list[str] = []
        self.server = SimpleNamespace(active_jobs=[])
        self.runs(AgentAJob(call_id="live"), "agent_a-1")
        self.runs(AGENT_B, AGENT_B.identity)
        for number in range(busy):
            self.runs(
                BusyJob(call_id=f"busy {number}", caller_identity="caller"), f"{BUSY_PREFIX}{number}", "busy room"
            )
        self.admission = Admission(cast("Any", self.server), max_calls, arm_reserve=1, on_passed=self.passed.append)

    def runs(self, job: AgentAJob | AgentBJob | BusyJob, identity: str, room: str = "room") -> None:
        running = SimpleNamespace(
            job=described(job, room, f"job of {identity}"), accept_arguments=SimpleNamespace(identity=identity)
        )
        self.server.active_jobs.append(running)

    def ends(self, identity: str) -> None:
        left = [one for one in self.server.active_jobs if one.accept_arguments.identity != identity]
        self.server.active_jobs[:] = left

    async def answer(self, job: AgentAJob | AgentBJob | BusyJob, room: str = "another room") -> str:
        request = Request(job, room)
        await self.admission.admit(cast("Any", request))
        (answer,) = request.answers
        return answer


NEW_CALL = AgentAJob(call_id="c")
NEXT_B = AGENT_B.model_copy(update={"identity": "agent_b_billing-x2"})
BUSY = BusyJob(call_id="c", caller_identity="caller")
LIVE_CALLS = [AgentAJob(call_id="c", replaces="agent_b"), AgentAJob(call_id="c", replaces="agent_a"), NEXT_B]


@pytest.mark.parametrize("job", LIVE_CALLS)
async def test_job_of_a_live_call_is_not_refused_by_a_full_worker(job: AgentAJob | AgentBJob) -> None:
    assert await Worker().answer(job) == "accepted"


async def test_new_call_over_the_limit_is_passed_on() -> None:
    full, other = Worker(), Worker(max_calls=2)
    assert await full.answer(NEW_CALL) == "passed on"
    assert await other.answer(NEW_CALL) == "accepted"
    assert (full.passed, other.passed) == (["another room"], [])


async def test_call_counts_once_with_agent_a_agent_b_and_whoever_takes_over() -> None:
    worker = Worker(max_calls=2)
    worker.runs(AgentAJob(call_id="live", replaces="agent_b", epoch=3), "agent_a-2")
    assert await worker.answer(NEW_CALL) == "accepted"


@pytest.mark.parametrize("desk", [None, "desk_dana-1"])
async def test_call_counts_after_its_agent_a_has_left_it_to_agent_b_or_an_attendant(desk: str | None) -> None:
    worker = Worker()
    worker.ends("agent_a-1")
    worker.ends(AGENT_B.identity)
    worker.runs(AGENT_B.model_copy(update={"desk_identity": desk}), AGENT_B.identity)
    assert await worker.answer(NEW_CALL) == "passed on"
    assert worker.admission.load() == MOST_LOAD
    worker.ends(AGENT_B.identity)
    assert await worker.answer(NEW_CALL) == "accepted"


async def test_agent_b_of_another_workers_call_counts_as_that_call_and_is_not_refused() -> None:
    worker = Worker(max_calls=2)
    others = AGENT_B.model_copy(update={"call_id": "another worker's", "identity": "agent_b_billing-x9"})
    worker.ends(AGENT_B.identity)
    assert await worker.answer(others) == "accepted"
    worker.runs(others, others.identity, "final room")
    assert await worker.answer(NEW_CALL) == "passed on"


async def test_calls_without_an_id_of_their_own_count_each() -> None:
    worker = Worker(max_calls=3)
    for number in (2, 3):
        assert await worker.answer(AgentAJob()) == "accepted"
        worker.runs(AgentAJob(), f"agent_a-{number}", f"room {number}")
    assert await worker.answer(AgentAJob()) == "passed on"


async def test_callers_who_are_told_that_all_lines_are_busy_take_no_call_from_others() -> None:
    worker = Worker(max_calls=2, busy=3)
    assert await worker.answer(NEW_CALL) == "accepted"
    assert await worker.answer(NEW_CALL, "busy room") == "accepted"  # and the busy role there falls silent


@pytest.mark.parametrize("job", [AgentAJob(), NEW_CALL, AGENT_B])
async def test_second_dispatch_of_a_job_that_is_here_brings_no_second_one(job: AgentAJob | AgentBJob) -> None:
    worker = Worker(max_calls=9)
    assert await worker.answer(job, "room") == "ended"
    assert worker.passed == []


async def test_second_dispatch_of_a_job_that_still_starts_brings_no_second_one() -> None:
    worker = Worker(max_calls=9)
    second: list[str] = []

    class Slow(Request):
        async def accept(self, **_: str) -> None:
            second.append(await worker.answer(NEW_CALL, "another room"))

    await worker.admission.admit(cast("Any", Slow(NEW_CALL)))
    assert second == ["ended"]


async def test_busy_role_has_slots_of_its_own_in_a_full_worker() -> None:
    assert await Worker().answer(BUSY) == "accepted"
    assert await Worker(busy=BUSY_SLOTS).answer(BUSY) == "passed on"


async def test_busy_role_does_not_come_where_an_agent_a_answers() -> None:
    assert await Worker().answer(BUSY, "room") == "ended"


async def test_busy_role_does_not_come_where_an_agent_a_is_about_to_answer() -> None:
    worker = Worker(max_calls=2)
    busy: list[str] = []

    class Slow(Request):
        async def accept(self, **_: str) -> None:
            busy.append(await worker.answer(BUSY, "another room"))

    await worker.admission.admit(cast("Any", Slow(NEW_CALL)))
    assert busy == ["ended"]


async def test_worker_with_room_leaves_the_busy_role_to_others_for_agent_a_is_asked_for_next() -> None:
    assert await Worker(max_calls=2).answer(BUSY) == "passed on"


async def test_worker_that_ends_still_says_that_all_lines_are_busy() -> None:
    worker = Worker(max_calls=9)
    worker.admission.refuse_new_calls()
    assert await worker.answer(BUSY) == "accepted"


@pytest.mark.parametrize("job", LIVE_CALLS)
async def test_worker_that_ends_takes_jobs_of_live_calls_and_no_new_call(job: AgentAJob | AgentBJob) -> None:
    worker = Worker(max_calls=9)
    worker.admission.refuse_new_calls()
    assert await worker.answer(job) == "accepted"
    assert await worker.answer(NEW_CALL) == "passed on"


@pytest.mark.parametrize("job", [NEW_CALL, *LIVE_CALLS])
async def test_worker_that_hands_its_calls_over_takes_none_of_them_itself(job: AgentAJob | AgentBJob) -> None:
    worker = Worker(max_calls=9)
    worker.admission.refuse_all()
    assert await worker.answer(job) == "passed on"


async def test_worker_that_ends_is_asked_last_and_still_asked() -> None:
    worker = Worker(max_calls=9)
    before = worker.admission.load()
    worker.admission.refuse_new_calls()
    assert before < worker.admission.load() < 0.7 / 2  # a request under way counts as much again


async def test_worker_is_idle_once_no_job_runs_or_is_about_to() -> None:
    worker = Worker(max_calls=9)
    assert not worker.admission.is_idle
    worker.server.active_jobs.clear()
    assert worker.admission.is_idle
    seen: list[bool] = []

    class Slow(Request):
        async def accept(self, **_: str) -> None:
            seen.append(worker.admission.is_idle)

    await worker.admission.admit(cast("Any", Slow(NEW_CALL)))
    assert (seen, worker.admission.is_idle) == ([False], True)
