"""What is done when a job of ours is dead: its ghost is removed, and a new job takes its call over, exactly once."""

import asyncio
import contextlib
import logging
import secrets
from dataclasses import dataclass
from typing import Literal

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog, LogUnavailableError
from warm_transfer.calls.snapshots import CallSnapshot, read_call
from warm_transfer.settings import Settings
from warm_transfer.transfer.dispatching import dispatch_until
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import AGENT_B_PREFIX, DESK_PREFIX, AgentAJob, AgentBJob

logger = logging.getLogger(__name__)

LOG_RETRY_S = 0.5
LOG_OUTAGE_S = 60.0
"""A recovery waits this long for the log: without it nobody knows whether somebody else recovers the call already."""
SETTLE_FACTOR = 2
"""MOVE_TIMEOUT_S may run anew once the hold phrase is said."""
MOST_DISPATCHES = 10
MOST_EPOCHS = 20
"""Jobs of one call: beyond, something in the call itself kills them."""
POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class LostJob:
    """A job of ours whose process is gone."""

    call_id: str
    role: Literal["agent_a", "agent_b"]
    identity: str
    room: str
    consult_room: str | None
    """Where its ghost is, too; None if it is not known."""
    caller_identity: str | None

    @classmethod
    def of(cls, job: AgentAJob | AgentBJob, *, job_id: str, identity: str, room: str) -> "LostJob":
        """From what the job was dispatched with."""
        return cls(
            call_id=job.call_id or job_id,
            role=job.role,
            identity=identity,
            room=room,
            consult_room=job.consult_room if isinstance(job, AgentBJob) else None,
            caller_identity=job.caller_identity,
        )


class Recovery:
    """Takes calls over from dead jobs. Any number of these may run: one claim per dead job, in the call log."""

    def __init__(self, settings: Settings, *, log: CallLog, rooms: Rooms, by: str) -> None:
        """`by` is who recovers, unique among all who do."""
        self._log = log
        self._rooms = rooms
        self._agent_name = settings.agent_name
        self._dispatch_timeout_s = settings.dispatch_timeout_s
        self._by = by
        self._settle_s = SETTLE_FACTOR * settings.move_timeout_s

    async def recover(self, lost: LostJob) -> None:
        """Do for this call what its dead job no longer can; never raises.

        An Agent A is replaced in its room. An Agent B is missed by Agent A before the move, once its ghost is gone;
        after it an Agent A takes its place.
        """
        try:
            if not await self._claim(lost):
                return
            logger.warning("job died", extra={"call_id": lost.call_id, "identity": lost.identity})
            await self._remove_ghost(lost)
            call = await self._call(lost)
            if lost.role == "agent_b":
                call = await self._until_settled(call, lost)
            if call.last_epoch > MOST_EPOCHS:
                logger.error("call given up: its jobs die", extra={"call_id": lost.call_id})
            elif _owns_caller(call, lost):
                await self._replace(call, lost)
        except (TargetUnavailableError, LogUnavailableError) as error:
            logger.error("call not recovered", extra={"call_id": lost.call_id, "why": error.sentence})
        except TimeoutError:
            logger.error("call not recovered: the log is away", extra={"call_id": lost.call_id})

    async def _claim(self, lost: LostJob) -> bool:
        """Whether this job's recovery is ours: who writes the claim first has it."""
        payload = {"role": lost.role, "identity": lost.identity, "room": lost.room, "by": self._by}
        async with asyncio.timeout(LOG_OUTAGE_S):
            while True:
                try:
                    stored = await asyncio.to_thread(
                        self._log.append,
                        lost.call_id,
                        CallEvent.JOB_DIED,
                        payload,
                        event_id=f"died-{lost.call_id[:20]}-{lost.identity[:36]}",
                    )
                except LogUnavailableError:
                    await asyncio.sleep(LOG_RETRY_S)
                else:
                    return bool(stored.payload["by"] == self._by)

    async def _remove_ghost(self, lost: LostJob) -> None:
        """LiveKit would keep it for 20 s, and everybody would wait for it."""
        for room in filter(None, (lost.room, lost.consult_room)):
            await self._rooms.remove(room, lost.identity)

    async def _call(self, lost: LostJob) -> CallSnapshot:
        return await asyncio.to_thread(read_call, self._log, lost.call_id)

    async def _until_settled(self, call: CallSnapshot, lost: LostJob) -> CallSnapshot:
        """Wait until Agent A has decided what became of the transfer to this Agent B."""
        deadline = asyncio.get_running_loop().time() + self._settle_s
        while call.is_transferring and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(POLL_S)
            call = await self._call(lost)
        return call

    async def _replace(self, call: CallSnapshot, lost: LostJob) -> None:
        """Dispatch an Agent A into the room until one is there, or nobody is left to talk with.

        A caller who talks with a person goes on with that one: then it is another attendant.
        """
        caller = lost.caller_identity or call.caller_identity or ""
        heir = _heir(call, lost, caller)
        job = heir.model_dump_json()
        before = await self._rooms.people(lost.room)
        if caller not in before:
            logger.info("nobody to recover", extra={"call_id": lost.call_id})
            return
        is_settled = await dispatch_until(
            lambda: self._until_replaced(lost.room, caller, before, heir.comes_as),
            lambda: self._rooms.dispatch(self._agent_name, lost.room, job),
            timeout_s=self._dispatch_timeout_s,
            most=MOST_DISPATCHES,
        )
        if not is_settled:
            logger.error("no replacement came", extra={"call_id": lost.call_id})

    async def _until_replaced(self, room: str, caller: str, before: set[str], comes_as: str) -> None:
        """Return once the heir has come, or the caller is gone; a server that is away for a moment tells nothing."""
        while True:
            with contextlib.suppress(TargetUnavailableError):
                people = await self._rooms.people(room)
                if caller not in people or any(one.startswith(comes_as) for one in people - before):
                    return
            await asyncio.sleep(POLL_S)


def _heir(call: CallSnapshot, lost: LostJob, caller: str) -> AgentAJob | AgentBJob:
    """What is dispatched in a dead job's place."""
    epoch = call.last_epoch + 1
    transfer = call.transfers[-1] if call.transfers else None
    if lost.role == "agent_a" or transfer is None or not (transfer.target_identity or "").startswith(DESK_PREFIX):
        return AgentAJob(call_id=lost.call_id, caller_identity=caller, epoch=epoch, replaces=lost.role)
    return AgentBJob(
        call_id=lost.call_id,
        epoch=epoch,
        transfer_id=transfer.transfer_id,
        specialist=transfer.target or "",
        identity=f"{AGENT_B_PREFIX}{transfer.target}-{secrets.token_hex(4)}",
        agent_a_identity="",
        caller_identity=caller,
        consult_room="",
        move=Move(transfer.move),
        consult_mode="text",
        desk_identity=transfer.target_identity,
        is_replacing=True,
    )


def _owns_caller(call: CallSnapshot, lost: LostJob) -> bool:
    """Whether the caller was this job's to look after."""
    if call.ended_at is not None:
        return False
    if lost.role == "agent_b":
        mine = (one.identity for one in reversed(call.agents) if one.role == "agent_b")
        return call.is_with_agent_b and lost.identity in (call.transfers[-1].target_identity, next(mine, None))
    agents = [one for one in call.agents if one.role == "agent_a"]
    agent = next((one for one in reversed(agents) if one.identity == lost.identity), None)
    is_last = agent is None or agent is agents[-1]
    return not call.is_with_agent_b and is_last and (agent is None or agent.left_at is None)
