"""Which jobs a worker takes."""

import logging
import secrets

from livekit.agents import AgentServer, JobRequest

from warm_transfer.transfer.errors import WireError
from warm_transfer.transfer.wire import AGENT_A_PREFIX, AgentBJob, read_job_metadata

logger = logging.getLogger(__name__)


class Admission:
    """Counts calls, not load: a job of a live call is never refused, a call over MAX_CALLS is left to other workers."""

    def __init__(self, server: AgentServer, max_calls: int) -> None:
        self._server = server
        self._max_calls = max_calls
        self._coming: set[str] = set()

    async def admit(self, request: JobRequest) -> None:
        """Accept or pass on one job request."""
        try:
            job = read_job_metadata(request.job.metadata)
        except WireError as error:
            logger.error("job refused", extra={"why": error.sentence})
            await request.reject(terminate=True)
            return
        if isinstance(job, AgentBJob):
            await request.accept(identity=job.identity, name=job.specialist)
        elif job.call_id is None and request.job.room.name in self._rooms_of_calls():
            # A playground's token carries its dispatch: when the server restarts, it asks for a second Agent A.
            logger.info("call is here already")
            await request.reject(terminate=True)
        elif job.replaces is not None or self._calls() < self._max_calls:  # a call that is live already
            self._coming.add(request.id)
            try:
                await request.accept(identity=f"{AGENT_A_PREFIX}{secrets.token_hex(4)}", name="Agent A")
            finally:
                self._coming.discard(request.id)  # it runs by now, and counts as such, or never will
        else:
            logger.warning("call passed on", extra={"max_calls": self._max_calls})
            await request.reject(terminate=False)  # the default would end the job everywhere

    def load(self) -> float:
        """Share of calls taken, kept under 0.7: there, server and worker refuse everything, Agent B too."""
        return 0.6 * min(1.0, self._calls() / self._max_calls)

    def _rooms_of_calls(self) -> set[str]:
        return {one.job.room.name for one in self._server.active_jobs}

    def _calls(self) -> int:
        calls = [one for one in self._server.active_jobs if not one.accept_arguments.identity.startswith("agent_b_")]
        return len(calls) + len(self._coming - {one.job.id for one in calls})
