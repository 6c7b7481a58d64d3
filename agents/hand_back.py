"""How Agent B leaves the caller to a new Agent A in the same room: exactly one of them has the call, always."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from livekit import rtc

from agents.return_desk import ReturnRequest
from warm_transfer.calls.epochs import claim_epoch
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog, LogUnavailableError
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.calls.snapshots import read_call
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.wire import AGENT_A_PREFIX, AgentAJob, AgentBJob

logger = logging.getLogger(__name__)

ARRIVAL_S = 3.0
"""For Agent A to be in the room: 0.3 s with a warm process, 2.5 s with a cold one. Then it is dispatched again."""
MOST_DISPATCHES = 3
"""Then Agent B goes on itself: nobody speaks with the caller meanwhile."""
WRITTEN_S = 2.0
"""For the log to have all that was said: Agent A reads it there. A write takes about 1 ms."""


class HandBack:
    """One Agent B's way to bring an Agent A into its room."""

    def __init__(
        self,
        *,
        job: AgentBJob,
        room: rtc.Room,
        dispatch: Callable[[str], Awaitable[object]],
        log: CallLog,
        recorder: CallRecorder,
    ) -> None:
        """`dispatch` asks for a job with this metadata in the room, and may raise TargetUnavailableError."""
        self._job = job
        self._room = room
        self._ask_for = dispatch
        self._log = log
        self._recorder = recorder
        self._settled = asyncio.Event()
        """Agent A has come, or nobody is needed any more."""
        self._is_stopped = False
        self._has_come = False

    def stop(self) -> None:
        """The caller is gone: bring nobody any more."""
        self._is_stopped = True
        self._settled.set()

    async def run(self, request: ReturnRequest) -> bool:
        """Bring an Agent A; True once the call is another job's, False if it is still ours."""
        told = {"transfer_id": self._job.transfer_id, "identity": self._job.identity}
        why = {"cause": request.cause, "reason": request.reason, "skill": request.skill}
        self._recorder.record(CallEvent.CALLER_HANDED_BACK, told | why)
        try:
            is_taken = await self._bring()
        except LogUnavailableError as error:
            logger.warning("not handed back", extra={"why": error.sentence})
            is_taken = False
        if not is_taken:
            self._recorder.record(CallEvent.HAND_BACK_FAILED, told)
        return is_taken

    async def _bring(self) -> bool:
        if not await self._recorder.flush(WRITTEN_S):
            raise LogUnavailableError("the call log does not have the whole call")
        call = await asyncio.to_thread(read_call, self._log, self._job.call_id)
        epoch = call.last_epoch + 1  # not our own + 1: a recovered Agent A may have come in between
        return await self._dispatch(epoch) or not await self._keep(epoch)

    async def _dispatch(self, epoch: int) -> bool:
        """Dispatch an Agent A until one comes; a second one of the same epoch leaves before it is heard."""
        metadata = AgentAJob(
            call_id=self._job.call_id,
            caller_identity=self._job.caller_identity,
            epoch=epoch,
            replaces="agent_b",
        ).model_dump_json()
        # After a move by joining, the Agent A who transferred the call may still be here.
        before = set(self._room.remote_participants)

        def note(participant: rtc.RemoteParticipant) -> None:
            if participant.identity.startswith(AGENT_A_PREFIX) and participant.identity not in before:
                self._has_come = True
                self._settled.set()

        self._room.on("participant_connected", note)
        try:
            for _ in range(MOST_DISPATCHES):
                if self._settled.is_set():
                    break
                await self._dispatch_once(metadata)
            return self._has_come
        finally:
            self._room.off("participant_connected", note)

    async def _dispatch_once(self, metadata: str) -> None:
        try:
            async with asyncio.timeout(ARRIVAL_S):
                await self._ask_for(metadata)
                await self._settled.wait()
        except (TargetUnavailableError, TimeoutError):
            logger.warning("Agent A did not come", extra={"call_id": self._job.call_id})

    async def _keep(self, epoch: int) -> bool:
        """Take the epoch that nobody came for, so that whoever comes late leaves; False if somebody has it."""
        return await asyncio.to_thread(
            claim_epoch,
            self._log,
            self._job.call_id,
            epoch,
            role="agent_b",
            identity=self._job.identity,
            room=self._room.name,
            pid=os.getpid(),
        )
