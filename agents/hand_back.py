"""How Agent B leaves the caller to a new Agent A in the same room, and what the log tells of it."""

from collections.abc import Awaitable, Callable

from livekit import rtc

from agents.return_desk import ReturnRequest
from agents.successor import Successor
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.transfer.wire import AgentBJob


class HandBack:
    """One Agent B's way to bring an Agent A into its room."""

    def __init__(
        self,
        *,
        job: AgentBJob,
        room: rtc.Room,
        dispatch: Callable[[str], Awaitable[object]],
        timeout_s: float,
        log: CallLog,
        recorder: CallRecorder,
    ) -> None:
        """`dispatch` and `timeout_s` as the Successor takes them."""
        self._told = {"transfer_id": job.transfer_id, "identity": job.identity}
        self._recorder = recorder
        self._successor = Successor(
            call_id=job.call_id,
            caller_identity=job.caller_identity,
            role="agent_b",
            identity=job.identity,
            room=room,
            dispatch=dispatch,
            timeout_s=timeout_s,
            log=log,
            recorder=recorder,
        )

    def stop(self) -> None:
        """The caller is gone: bring nobody any more."""
        self._successor.stop()

    async def run(self, request: ReturnRequest) -> bool:
        """Bring an Agent A; True once the call is another job's, False if it is still ours."""
        why = {"cause": request.cause, "reason": request.reason, "skill": request.skill}
        command = {"command_id": request.command_id} if request.command_id else {}
        self._recorder.record(CallEvent.CALLER_HANDED_BACK, self._told | why | command)
        is_taken = await self._successor.bring()
        if not is_taken:
            self._recorder.record(CallEvent.HAND_BACK_FAILED, self._told)
        return is_taken
