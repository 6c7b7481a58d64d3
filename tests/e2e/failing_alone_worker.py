"""The failing worker when it has no room for another Agent A either."""

from livekit.agents import JobRequest

import tests.e2e.failing_worker  # noqa: F401 - its models fail here, too
import worker
from agents.admission import Admission
from warm_transfer.transfer.wire import AgentAJob

_admit = Admission._admit_agent_a


async def _pass_on(self: Admission, request: JobRequest, job: AgentAJob) -> None:
    if job.replaces is None:
        await _admit(self, request, job)
    else:
        await request.reject(terminate=False)


Admission._admit_agent_a = _pass_on  # type: ignore[method-assign]

if __name__ == "__main__":
    worker.app()
