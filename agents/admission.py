"""Which jobs a worker takes."""

import logging
import secrets
from enum import Enum

from livekit.agents import AgentServer, JobRequest

from warm_transfer.transfer.errors import WireError
from warm_transfer.transfer.wire import AGENT_A_PREFIX, AgentAJob, AgentBJob, read_job_metadata

logger = logging.getLogger(__name__)

MOST_LOAD = 0.3
"""Server and worker refuse everything at 0.7, Agent B too, and a request under way counts up to MOST_LOAD more."""


class _Intake(Enum):
    OPEN = "open"
    LIVE_CALLS = "live calls"
    CLOSED = "closed"


class Admission:
    """Counts calls, not load: a job of a live call is never refused, a call over MAX_CALLS is left to other workers.

    A worker that ends takes no new calls, and nothing at all once it hands its calls over; see `control/drain.py`.
    """

    def __init__(self, server: AgentServer, max_calls: int) -> None:
        self._server = server
        self._max_calls = max_calls
        self._intake = _Intake.OPEN
        self._coming: dict[str, str] = {}
        """Identities of jobs that are accepted and do not run yet, by job id."""

    @property
    def is_idle(self) -> bool:
        """No job runs, and none is about to."""
        return not self._server.active_jobs and not self._coming

    def refuse_new_calls(self) -> None:
        """Take only what live calls need."""
        self._intake = _Intake.LIVE_CALLS

    def refuse_all(self) -> None:
        """Take nothing any more."""
        self._intake = _Intake.CLOSED

    async def admit(self, request: JobRequest) -> None:
        """Accept or pass on one job request."""
        try:
            job = read_job_metadata(request.job.metadata)
        except WireError as error:
            logger.error("job refused", extra={"why": error.sentence})
            await request.reject(terminate=True)
            return
        if self._intake is _Intake.CLOSED:
            await self._pass_on(request)
            return
        match job:
            case AgentBJob():
                await self._accept(request, job.identity, job.specialist)
            case AgentAJob():
                await self._admit_agent_a(request, job)

    def load(self) -> float:
        """Share of calls taken, as LiveKit's load: who has fewer is asked first, and who ends is asked last."""
        is_open = self._intake is _Intake.OPEN
        return MOST_LOAD * min(1.0, self._count(AGENT_A_PREFIX) / self._max_calls) if is_open else MOST_LOAD

    async def _admit_agent_a(self, request: JobRequest, job: AgentAJob) -> None:
        has_room = self._intake is _Intake.OPEN and self._count(AGENT_A_PREFIX) < self._max_calls
        if job.call_id is None and request.job.room.name in self._rooms_of_calls():
            # A playground's token carries its dispatch: when the server restarts, it asks for a second Agent A.
            logger.info("call is here already")
            await request.reject(terminate=True)
        elif has_room or job.replaces is not None:  # a call that is live already
            await self._accept(request, f"{AGENT_A_PREFIX}{secrets.token_hex(4)}", "Agent A")
        else:
            await self._pass_on(request)

    async def _accept(self, request: JobRequest, identity: str, name: str) -> None:
        self._coming[request.id] = identity
        try:
            await request.accept(identity=identity, name=name)
        finally:
            del self._coming[request.id]  # it runs by now, and counts as such, or never will

    async def _pass_on(self, request: JobRequest) -> None:
        logger.warning("job passed on", extra={"intake": self._intake.value, "max_calls": self._max_calls})
        await request.reject(terminate=False)  # the default would end the job everywhere

    def _rooms_of_calls(self) -> set[str]:
        return {one.job.room.name for one in self._server.active_jobs}

    def _count(self, prefix: str) -> int:
        """Jobs, running or coming, whose identity begins so."""
        running = {one.job.id: one.accept_arguments.identity for one in self._server.active_jobs}
        return sum(identity.startswith(prefix) for identity in (self._coming | running).values())
