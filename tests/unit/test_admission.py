"""Which jobs a worker takes when it has all the calls that it may have."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents.admission import Admission
from warm_transfer.transfer.wire import AgentAJob


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


async def answer_of_full_worker(job: AgentAJob, room: str = "another room") -> list[str]:
    running = SimpleNamespace(
        job=SimpleNamespace(id="other", room=SimpleNamespace(name="room")),
        accept_arguments=SimpleNamespace(identity="agent_a-1"),
    )
    admission = Admission(cast("Any", SimpleNamespace(active_jobs=[running])), max_calls=1)
    request = Request(job.model_dump_json(), room)
    await admission.admit(cast("Any", request))
    return request.answers


@pytest.mark.parametrize(
    "job", [AgentAJob(call_id="c", replaces="agent_b"), AgentAJob(call_id="c", replaces="agent_a")]
)
async def test_job_of_a_live_call_is_never_refused(job: AgentAJob) -> None:
    assert await answer_of_full_worker(job) == ["accepted"]


async def test_new_call_over_the_limit_is_passed_on() -> None:
    assert await answer_of_full_worker(AgentAJob()) == ["passed on"]


async def test_playground_brings_no_second_agent_a_into_a_call_that_is_here() -> None:
    assert await answer_of_full_worker(AgentAJob(), "room") == ["ended"]
