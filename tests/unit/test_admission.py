"""Which jobs a worker takes when it has all the calls that it may have, or ends."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents.admission import BUSY_SLOTS, Admission
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import BUSY_PREFIX, AgentAJob, AgentBJob, BusyJob

AGENT_B = AgentBJob(
    call_id="c",
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


@dataclass
class Request:
    """A job request as far as admission looks at it."""

    metadata: str
    room: str = "another room"
    id: str = "job"
    answers: list[str] = field(default_factory=list)

    @property
    def job(self) -> Any:
        return SimpleNamespace(metadata=self.metadata, room=SimpleNamespace(name=self.room))

    async def accept(self, **_: str) -> None:
        self.answers.append("accepted")

    async def reject(self, *, terminate: bool) -> None:
        self.answers.append("ended" if terminate else "passed on")


class Worker:
    """A worker with a call in "room" that it has already taken, and so many busy roles."""

    def __init__(self, max_calls: int = 1, *, busy: int = 0) -> None:
        self.passed: list[str] = []
        identities = ["agent_a-1", AGENT_B.identity, *(f"{BUSY_PREFIX}{number}" for number in range(busy))]
        running = [
            SimpleNamespace(
                job=SimpleNamespace(id=who, room=SimpleNamespace(name="room")),
                accept_arguments=SimpleNamespace(identity=who),
            )
            for who in identities
        ]
        self.server = SimpleNamespace(active_jobs=running)
        self.admission = Admission(cast("Any", self.server), max_calls, on_passed=self.passed.append)

    async def answer(self, job: AgentAJob | AgentBJob | BusyJob, room: str = "another room") -> str:
        request = Request(job.model_dump_json(), room)
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

    await worker.admission.admit(cast("Any", Slow(NEW_CALL.model_dump_json())))
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

    await worker.admission.admit(cast("Any", Slow(NEW_CALL.model_dump_json())))
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

    await worker.admission.admit(cast("Any", Slow(NEW_CALL.model_dump_json())))
    assert (seen, worker.admission.is_idle) == ([False], True)
