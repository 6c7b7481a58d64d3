"""worker.py that leaves every Agent B to other workers, as one without room for it would."""

from livekit.agents import JobRequest

import worker
from agents.admission import Admission
from warm_transfer.transfer.wire import AgentBJob


async def _pass_on(self: Admission, request: JobRequest, job: AgentBJob) -> None:
    await request.reject(terminate=False)


Admission._admit_agent_b = _pass_on  # type: ignore[method-assign]

if __name__ == "__main__":
    worker.app()
