"""How an agent's job brings the job that takes its call over: exactly one of them has the call, always."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Literal

from livekit import rtc

from warm_transfer.calls.epochs import claim_epoch
from warm_transfer.calls.folding import read_call
from warm_transfer.calls.log import CallLog, LogUnavailableError
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.transfer.dispatching import dispatch_until
from warm_transfer.transfer.wire import AgentAJob, AgentBJob

logger = logging.getLogger(__name__)

MOST_DISPATCHES = 3
"""Then the job goes on itself: nobody speaks with the caller meanwhile."""
WRITTEN_S = 2.0
"""For the log to have all that was said: Agent A reads it there. A write takes about 1 ms."""


class Successor:
    """The Agent A, or for an attendant the next one, that comes into one job's room."""

    def __init__(
        self,
        *,
        call_id: str,
        caller_identity: str,
        role: Literal["agent_a", "agent_b"],
        identity: str,
        room: rtc.Room,
        dispatch: Callable[[str], Awaitable[object]],
        timeout_s: float,
        log: CallLog,
        recorder: CallRecorder,
        heir: AgentBJob | None = None,
    ) -> None:
        """Role and identity are the job's own; `dispatch` asks for a job with this metadata in the room.

        `dispatch` may raise TargetUnavailableError; `timeout_s` is for the job to be in the room after it. `heir` is
        who is brought, but for the epoch; None: an Agent A.
        """
        self._call_id = call_id
        self._role = role
        self._identity = identity
        self._room = room
        self._ask_for = dispatch
        self._timeout_s = timeout_s
        self._log = log
        self._recorder = recorder
        self._heir: AgentAJob | AgentBJob = heir or AgentAJob(
            call_id=call_id, caller_identity=caller_identity, replaces=role
        )
        self._settled = asyncio.Event()
        """The heir has come, or nobody is needed any more."""
        self._has_come = False

    def stop(self) -> None:
        """The caller is gone: bring nobody any more."""
        self._settled.set()

    async def bring(self) -> bool:
        """Bring the heir; True once the call is another job's, False if it is still ours."""
        try:
            return await self._bring()
        except LogUnavailableError as error:
            logger.warning("not handed over", extra={"why": error.sentence})
            return False

    async def _bring(self) -> bool:
        if not await self._recorder.flush(WRITTEN_S):
            raise LogUnavailableError("the call log does not have the whole call")
        call = await asyncio.to_thread(read_call, self._log, self._call_id)
        epoch = call.last_epoch + 1  # not our own + 1: a recovered Agent A may have come in between
        return await self._dispatch(epoch) or not await self._keep(epoch)

    async def _dispatch(self, epoch: int) -> bool:
        """Dispatch the heir until one comes; a second one of the same epoch leaves before it is heard."""
        metadata = self._heir.model_copy(update={"epoch": epoch}).model_dump_json()
        # After a move by joining, the Agent A who transferred the call may still be here.
        before = set(self._room.remote_participants)

        def note(participant: rtc.RemoteParticipant) -> None:
            if participant.identity.startswith(self._heir.comes_as) and participant.identity not in before:
                self._has_come = True
                self._settled.set()

        self._room.on("participant_connected", note)
        try:
            if not self._settled.is_set():
                await dispatch_until(
                    self._settled.wait,
                    lambda: self._ask_for(metadata),
                    timeout_s=self._timeout_s,
                    most=MOST_DISPATCHES,
                )
            return self._has_come
        finally:
            self._room.off("participant_connected", note)

    async def _keep(self, epoch: int) -> bool:
        """Take the epoch that nobody came for, so that whoever comes late leaves; False if somebody has it."""
        return await asyncio.to_thread(
            claim_epoch,
            self._log,
            self._call_id,
            epoch,
            role=self._role,
            identity=self._identity,
            room=self._room.name,
            pid=os.getpid(),
        )
