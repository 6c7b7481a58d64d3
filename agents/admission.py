"""Which jobs a worker takes."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from livekit.agents import AgentServer, JobRequest

from warm_transfer.transfer.errors import WireError
from warm_transfer.transfer.wire import AGENT_A_PREFIX, BUSY_PREFIX, AgentAJob, AgentBJob, BusyJob, read_job_metadata

logger = logging.getLogger(__name__)

MOST_LOAD = 0.3
"""Server and worker refuse everything at 0.7, Agent B too, and a request under way counts up to MOST_LOAD more."""
BUSY_SLOTS = 8
"""Callers who hear at the same time that all lines are busy: one fixed phrase each, without a model."""


class _Intake(Enum):
    OPEN = "open"
    LIVE_CALLS = "live calls"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _TakenJob:
    """A job of ours that runs here, or is about to."""

    identity: str
    room: str
    call_id: str | None
    """None for the busy role, whose caller has no call."""

    @classmethod
    def of(cls, job: Any, identity: str) -> Self:
        """From LiveKit's description of a job that was admitted."""
        read = read_job_metadata(job.metadata)
        call_id = None if isinstance(read, BusyJob) else read.call_id or job.id
        return cls(identity=identity, room=job.room.name, call_id=call_id)


class Admission:
    """Counts calls, not load: a job of a live call is never refused, a call over MAX_CALLS is left to other workers.

    A call counts once, from the first of its jobs here, whichever it is, to the end of the last.
    A worker that ends takes no new calls, and nothing at all once it hands its calls over; see `control/drain.py`.
    """

    def __init__(
        self, server: AgentServer, max_calls: int, *, arm_reserve: int, on_passed: Callable[[str], None]
    ) -> None:
        """`on_passed` gets the room of each new call that is left to other workers.

        Nobody is made ready ahead where fewer than `arm_reserve` more calls fit.
        """
        self._server = server
        self._max_calls = max_calls
        self._arm_reserve = arm_reserve
        self._intake = _Intake.OPEN
        self._on_passed = on_passed
        self._coming: dict[str, _TakenJob] = {}
        """Each job that is accepted and does not run yet, by job id."""

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
                await self._admit_agent_b(request, job)
            case BusyJob():
                await self._admit_busy(request)
            case AgentAJob():
                await self._admit_agent_a(request, job)

    def load(self) -> float:
        """Share of calls taken, as LiveKit's load: who has fewer is asked first, and who ends is asked last."""
        is_open = self._intake is _Intake.OPEN
        return MOST_LOAD * min(1.0, self._calls / self._max_calls) if is_open else MOST_LOAD

    @property
    def _has_room(self) -> bool:
        return self._intake is _Intake.OPEN and self._calls < self._max_calls

    @property
    def _calls(self) -> int:
        return len({one.call_id for one in self._taken() if one.call_id is not None})

    async def _admit_agent_a(self, request: JobRequest, job: AgentAJob) -> None:
        if job.replaces is None and self._has_call_in(request.job.room.name):
            # After a restart of the server a playground's token asks for a second Agent A; who misses one does, too.
            await self._refuse_second(request)
        elif self._has_room or job.replaces is not None:  # a call that is live already
            await self._accept(request, f"{AGENT_A_PREFIX}{secrets.token_hex(4)}", "Agent A")
        else:
            await self._pass_on(request)
            self._on_passed(request.job.room.name)

    async def _admit_agent_b(self, request: JobRequest, job: AgentBJob) -> None:
        if any(one.identity == job.identity for one in self._taken()):
            await self._refuse_second(request)
        elif job.is_armed and self._max_calls - self._calls < self._arm_reserve:
            await self._pass_on(request)  # the caller may say no, and a cold consult takes but half a second
        else:
            await self._accept(request, job.identity, job.specialist)

    async def _admit_busy(self, request: JobRequest) -> None:
        """Only where an Agent A would be passed on, which is asked for next, and where none answers already."""
        if any(one.room == request.job.room.name for one in self._taken()):
            await self._refuse_second(request)  # others would come, too, and speak into it
        elif self._has_room or self._busy_roles() >= BUSY_SLOTS:
            await self._pass_on(request)
        else:
            await self._accept(request, f"{BUSY_PREFIX}{secrets.token_hex(4)}", "Busy")

    async def _accept(self, request: JobRequest, identity: str, name: str) -> None:
        self._coming[request.id] = _TakenJob.of(request.job, identity)
        try:
            await request.accept(identity=identity, name=name)
        finally:
            del self._coming[request.id]  # it runs by now, and counts as such, or never will

    async def _pass_on(self, request: JobRequest) -> None:
        logger.warning("job passed on", extra={"intake": self._intake.value, "max_calls": self._max_calls})
        await request.reject(terminate=False)  # the default would end the job everywhere

    async def _refuse_second(self, request: JobRequest) -> None:
        logger.info("dispatched again, and here already", extra={"room": request.job.room.name})
        await request.reject(terminate=True)

    def _taken(self) -> set[_TakenJob]:
        """Every job of ours here, running or coming."""
        running = {_TakenJob.of(one.job, one.accept_arguments.identity) for one in self._server.active_jobs}
        return running | set(self._coming.values())

    def _has_call_in(self, room: str) -> bool:
        return any(one.room == room and one.call_id is not None for one in self._taken())

    def _busy_roles(self) -> int:
        return sum(one.identity.startswith(BUSY_PREFIX) for one in self._taken())
