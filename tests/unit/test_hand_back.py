"""Exactly one job has the call when Agent B hands it back, also when nobody comes, or too late."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from livekit import rtc

from agents.hand_back import HandBack
from agents.return_desk import ReturnRequest
from agents.successor import MOST_DISPATCHES
from agents.taken_over import TakenOverCall
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import fold
from warm_transfer.calls.log import CallLog
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.recovery import LostJob, _owns_caller
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import AgentAJob, AgentBJob, read_job_metadata

ASKED = ReturnRequest(cause="asked", reason="The caller asked.")
JOB = AgentBJob(
    call_id="call",
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
class Arrival:
    """A participant as far as a room's event tells of one."""

    identity: str


class WithAgentB:
    """A call that is with Agent B, and the jobs that were asked for."""

    def __init__(self, log: CallLog, recorder: CallRecorder) -> None:
        self.log = log
        self.room = rtc.Room()
        self.asked_for: list[AgentAJob] = []
        self.comes: Callable[[AgentAJob], Awaitable[None]] | None = None
        self.hand_back = HandBack(
            job=JOB, room=self.room, dispatch=self._dispatch, timeout_s=0.01, log=log, recorder=recorder
        )
        self._recorder = recorder

    async def _dispatch(self, metadata: str) -> None:
        job = read_job_metadata(metadata)
        assert isinstance(job, AgentAJob)
        self.asked_for.append(job)
        if self.comes is not None:
            await self.comes(job)

    async def claim(self, job: AgentAJob, identity: str = "agent_a-2") -> TakenOverCall | None:
        return await TakenOverCall.claim(job, self.log, identity=identity, room="final", pid=3)

    async def comes_at_once(self, job: AgentAJob) -> None:
        await self.claim(job)
        self.room.emit("participant_connected", Arrival("agent_a-2"))

    async def snapshot(self) -> CallSnapshot:
        assert await self._recorder.flush(5)
        return fold(self.log.events("call"))


def write_moved_call(log: CallLog) -> None:
    log.append("call", CallEvent.CALL_STARTED, {"caller_room": "room", "caller_identity": "caller"})
    for role, identity, epoch in (("agent_a", "agent_a-1", 1), ("agent_b", JOB.identity, 2)):
        log.append("call", CallEvent.JOB_STARTED, {"role": role, "identity": identity, "room": "r", "epoch": epoch})
    log.append("call", CallEvent.TRANSFER_OFFERED, {"transfer_id": "x1", "skill": "billing", "target": "billing"})
    log.append("call", CallEvent.TARGET_ANSWERED, {"transfer_id": "x1", "identity": JOB.identity})
    log.append("call", CallEvent.TRANSFER_ENDED, {"transfer_id": "x1", "disposition": "completed"})
    log.append("call", CallEvent.AGENT_LEFT, {"role": "agent_a", "identity": "agent_a-1"})


def lost(role: str, identity: str) -> LostJob:
    return LostJob(
        call_id="call",
        role="agent_a" if role == "agent_a" else "agent_b",
        identity=identity,
        room="final",
        consult_room=None,
        caller_identity="caller",
    )


Ran = Callable[[WithAgentB], Awaitable[None]]


async def in_call(folder: Path, run: Ran) -> None:
    with CallLog(f"sqlite:///{folder}/calls.sqlite3") as log:
        write_moved_call(log)
        async with CallRecorder(log, "call") as recorder:
            await run(WithAgentB(log, recorder))


async def test_agent_a_that_comes_has_the_call_with_the_next_epoch(tmp_path: Path) -> None:
    async def run(call: WithAgentB) -> None:
        call.comes = call.comes_at_once
        assert await call.hand_back.run(ASKED)
        (job,) = call.asked_for
        assert (job.epoch, job.replaces, job.caller_identity) == (3, "agent_b", "caller")
        told = await call.snapshot()
        assert not told.is_with_agent_b
        assert told.transfers[0].hand_back is not None

    await in_call(tmp_path, run)


async def test_epoch_of_a_job_that_came_in_between_is_not_used_again(tmp_path: Path) -> None:
    async def run(call: WithAgentB) -> None:
        payload = {"role": "agent_a", "identity": "agent_a-r", "room": "r", "epoch": 3}
        call.log.append("call", CallEvent.JOB_STARTED, payload, event_id="epoch-call-3")
        call.comes = call.comes_at_once
        assert await call.hand_back.run(ASKED)
        assert call.asked_for[0].epoch == 4

    await in_call(tmp_path, run)


async def test_agent_b_whom_nobody_relieves_keeps_the_call_and_who_comes_late_leaves(tmp_path: Path) -> None:
    async def run(call: WithAgentB) -> None:
        assert not await call.hand_back.run(ASKED)
        assert len(call.asked_for) == MOST_DISPATCHES
        assert (await call.snapshot()).is_with_agent_b
        assert await call.claim(call.asked_for[0]) is None

    await in_call(tmp_path, run)


async def test_agent_a_that_has_the_call_and_is_not_in_the_room_yet_keeps_it(tmp_path: Path) -> None:
    async def run(call: WithAgentB) -> None:
        async def claims(job: AgentAJob) -> None:
            await call.claim(job)

        call.comes = claims
        assert await call.hand_back.run(ASKED)
        assert not (await call.snapshot()).is_with_agent_b

    await in_call(tmp_path, run)


async def test_server_that_is_away_leaves_the_caller_with_agent_b(tmp_path: Path) -> None:
    async def run(call: WithAgentB) -> None:
        async def fails(_: AgentAJob) -> None:
            raise TargetUnavailableError("away")

        call.comes = fails
        assert not await call.hand_back.run(ASKED)
        assert (await call.snapshot()).is_with_agent_b

    await in_call(tmp_path, run)


async def test_nobody_is_asked_for_once_the_caller_is_gone(tmp_path: Path) -> None:
    async def run(call: WithAgentB) -> None:
        call.hand_back.stop()
        assert not await call.hand_back.run(ASKED)
        assert call.asked_for == []

    await in_call(tmp_path, run)


async def test_only_an_agent_a_who_comes_takes_the_call(tmp_path: Path) -> None:
    async def run(call: WithAgentB) -> None:
        async def returns(_: AgentAJob) -> None:
            await asyncio.sleep(0)
            call.room.emit("participant_connected", Arrival("agent_b_other"))

        call.comes = returns
        assert not await call.hand_back.run(ASKED)

    await in_call(tmp_path, run)


async def test_dead_job_is_replaced_only_while_the_caller_was_its_own(tmp_path: Path) -> None:
    async def run(call: WithAgentB) -> None:
        moved = await call.snapshot()
        assert _owns_caller(moved, lost("agent_b", JOB.identity))
        assert not _owns_caller(moved, lost("agent_a", "agent_a-1"))
        call.comes = call.comes_at_once
        await call.hand_back.run(ASKED)
        back = await call.snapshot()
        assert not _owns_caller(back, lost("agent_b", JOB.identity))
        assert not _owns_caller(back, lost("agent_a", "agent_a-1"))
        assert _owns_caller(back, lost("agent_a", "agent_a-2"))

    await in_call(tmp_path, run)
