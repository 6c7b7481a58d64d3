"""What is done when a job of ours is dead: its ghost is removed, and a new job takes its call over, exactly once."""

import asyncio
import contextlib
import logging
import secrets
from dataclasses import dataclass
from typing import Literal

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import read_call
from warm_transfer.calls.log import CallLog, LogUnavailableError
from warm_transfer.calls.replay import Replay
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.recovery_claim import RecoveryClaim
from warm_transfer.settings import Settings
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import (
    AGENT_A_PREFIX,
    AGENT_B_PREFIX,
    DESK_PREFIX,
    NOBODY_ANSWERS,
    AgentAJob,
    AgentBJob,
)

logger = logging.getLogger(__name__)

SETTLE_FACTOR = 2
"""MOVE_TIMEOUT_S may run anew once the hold phrase is said."""
NOTED_AFTER = 2
"""Dispatches for which nobody came: then the room says so."""
MOST_EPOCHS = 20
"""Jobs of one call: beyond, something in the call itself kills them."""
MOST_TURNS = 20
"""Claims of one recovery, 5 minutes: a server that is away for longer has lost the call."""
POLL_S = 0.1
SPOOL_S = 2.0
"""For what the dead job could not write; also a living job of the same call may have such a file, and keep it."""
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 2.0
"""A restarted server is back after 2 to 5 s; the caller hears nothing meanwhile."""
NOT_RECOVERED = "the call could not be recovered"
NOT_BACK = "the caller did not come back"


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
    """Takes calls over from dead jobs. Any number of these may run: one at a time has a dead job's claim."""

    def __init__(self, settings: Settings, *, log: CallLog, rooms: Rooms, by: str) -> None:
        """`by` is who recovers, for the log."""
        self._log = log
        self._rooms = rooms
        self._settings = settings
        self._by = by

    async def recover(self, lost: LostJob) -> None:
        """Do for this call what its dead job no longer can; never raises.

        An Agent A is replaced in its room. An Agent B is missed by Agent A before the move, once its ghost is gone;
        after it an Agent A takes its place.
        """
        try:
            await self._recover(lost)
        except LogUnavailableError as error:
            logger.error("call not recovered", extra={"call_id": lost.call_id, "why": error.sentence})
        except TimeoutError:
            logger.error("call not recovered: the log is away", extra={"call_id": lost.call_id})

    async def _recover(self, lost: LostJob) -> None:
        claim = RecoveryClaim(
            self._log,
            call_id=lost.call_id,
            job={"role": lost.role, "identity": lost.identity, "room": lost.room},
            by=self._by,
            lease_s=self._settings.recovery_timeout_s,
        )
        replacement = Replacement(self._settings, log=self._log, rooms=self._rooms, lost=lost)
        while claim.turn < MOST_TURNS:
            if not await claim.take():
                if await claim.is_done():
                    return
                continue
            logger.warning("job died", extra={"call_id": lost.call_id, "identity": lost.identity, "turn": claim.turn})
            is_done = await replacement.make(within_s=self._settings.recovery_timeout_s, may_be_noted=claim.turn > 1)
            await claim.end(is_done=is_done)
            if is_done:
                return
            logger.warning("recovery left to others", extra={"call_id": lost.call_id, "turn": claim.turn})
        logger.error("call not recovered", extra={"call_id": lost.call_id})
        await replacement.give_up()


class Replacement:
    """One dead job's: its ghost removed, its caller with a new job."""

    def __init__(self, settings: Settings, *, log: CallLog, rooms: Rooms, lost: LostJob) -> None:
        self._log = log
        self._rooms = rooms
        self._lost = lost
        self._replay = Replay(settings.unwritten_dir, log)
        self._agent_name = settings.agent_name
        self._dispatch_timeout_s = settings.dispatch_timeout_s
        self._settle_s = SETTLE_FACTOR * settings.move_timeout_s
        self._lost_grace_s = settings.lost_grace_s
        self._away_since: float | None = None
        """Since when we know that the caller is not in the room, by the loop's clock."""
        self._dispatched = 0
        self._is_noted = False
        """Everybody in the room can read that nobody answers."""

    async def make(self, *, within_s: float, may_be_noted: bool) -> bool:
        """Try until all is done, however often the server or the log fails; False if the time was too short.

        `may_be_noted`: another who tried before may have written into the room that nobody answers.
        """
        self._is_noted |= may_be_noted
        retry_s = FIRST_RETRY_S
        try:
            async with asyncio.timeout(within_s):
                while True:
                    try:
                        if await self._try():
                            return True
                    except (TargetUnavailableError, LogUnavailableError) as error:
                        logger.warning("recovery fails", extra={"call_id": self._lost.call_id, "why": error.sentence})
                        await asyncio.sleep(retry_s)
                        retry_s = min(2 * retry_s, LONGEST_RETRY_S)
        except TimeoutError:
            return False

    async def give_up(self) -> None:
        """End a call that nobody could recover: neither its caller nor who reads the log is to wait for ever."""
        if _owns_caller(await self._call(), self._lost):
            await self._end(NOT_RECOVERED)

    async def _try(self) -> bool:
        """Whether everything is done; may be repeated."""
        lost = self._lost
        await self._remove_ghost()
        await self._replay.write_call(lost.call_id, timeout_s=SPOOL_S)  # on this machine: else the call lacks words
        call = await self._call()
        if lost.role == "agent_b":
            call = await self._until_settled(call)
        else:
            await self._close_consult(call)
        if _owns_caller(call, lost):
            if call.last_epoch > MOST_EPOCHS:
                logger.error("call given up: its jobs die", extra={"call_id": lost.call_id})
                await self._end(NOT_RECOVERED)
            elif not await self._replace(call):
                return False
        if self._is_noted:
            await self._rooms.describe(lost.room, "")
        return True

    async def _remove_ghost(self) -> None:
        """LiveKit would keep it for 20 s, and everybody would wait for it."""
        for room in filter(None, (self._lost.room, self._lost.consult_room)):
            await self._rooms.remove(room, self._lost.identity)

    async def _call(self) -> CallSnapshot:
        return await asyncio.to_thread(read_call, self._log, self._lost.call_id)

    async def _until_settled(self, call: CallSnapshot) -> CallSnapshot:
        """Wait until Agent A has decided what became of the transfer to this Agent B."""
        deadline = asyncio.get_running_loop().time() + self._settle_s
        while call.is_transferring and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(POLL_S)
            call = await self._call()
        return call

    async def _close_consult(self, call: CallSnapshot) -> None:
        """Close what a dead Agent A had yet to close; of a transfer under way who takes the call over does."""
        last = call.transfers[-1] if call.transfers else None
        if last is not None and last.disposition is not None and last.consult_room:
            await self._rooms.delete(last.consult_room)

    async def _replace(self, call: CallSnapshot) -> bool:
        """Dispatch an Agent A into the room; True once one is there, or nobody is left to talk with.

        Also for a caller who is away: the new job awaits them. One who talks with a person goes on with that one: then
        it is another attendant.
        """
        lost = self._lost
        caller = lost.caller_identity or call.caller_identity or ""
        before = await self._rooms.people(lost.room)
        if await self._is_over(call, caller, before):
            return True
        heir = _heir(call, lost, caller)
        await self._rooms.dispatch(self._agent_name, lost.room, heir.model_dump_json())
        self._dispatched += 1
        try:
            async with asyncio.timeout(self._dispatch_timeout_s):
                await self._until_replaced(before, heir.comes_as)
        except TimeoutError:
            logger.warning("a dispatched job did not come in time", extra={"call_id": lost.call_id})
            if self._dispatched >= NOTED_AFTER:
                self._is_noted = True
                await self._rooms.describe(lost.room, NOBODY_ANSWERS)
            return False
        return True

    async def _is_over(self, call: CallSnapshot, caller: str, people: set[str]) -> bool:
        """Whether nobody is to be dispatched: no job came in all the time for which a caller is awaited.

        A call that no job ever had is another's as soon as somebody is in the room.
        """
        if not call.agents:
            is_had = any(one.startswith(AGENT_A_PREFIX) for one in people)
            return is_had or bool(await self._rooms.missing([self._lost.room]))
        now = asyncio.get_running_loop().time()
        self._away_since = None if caller in people else self._away_since or now
        if self._away_since is None or now - self._away_since <= self._lost_grace_s:
            return False
        await self._end(NOT_BACK)
        return True

    async def _until_replaced(self, before: set[str], comes_as: str) -> None:
        """Return once the heir has come; a server that is away for a moment tells nothing."""
        while True:
            with contextlib.suppress(TargetUnavailableError):
                people = await self._rooms.people(self._lost.room)
                if any(one.startswith(comes_as) for one in people - before):
                    return
            await asyncio.sleep(POLL_S)

    async def _end(self, reason: str) -> None:
        """Write once, whoever comes to it, that the call is over, and close its room."""
        told, event_id = {"reason": reason}, f"lost-{self._lost.call_id[:50]}"
        await asyncio.to_thread(self._log.append, self._lost.call_id, CallEvent.CALL_ENDED, told, event_id=event_id)
        try:
            await self._rooms.delete(self._lost.room)
        except TargetUnavailableError as error:
            logger.warning("room not closed", extra={"why": error.sentence})


def _heir(call: CallSnapshot, lost: LostJob, caller: str) -> AgentAJob | AgentBJob:
    """What is dispatched in a dead job's place."""
    if not call.agents:  # it died before it answered: the next begins the call
        return AgentAJob(call_id=lost.call_id, caller_identity=caller or None)
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
