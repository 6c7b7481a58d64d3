"""Agent A's job: owns the caller room, the call's transfers, and the caller on hold."""

import asyncio
import logging
import os
import time
from contextlib import AsyncExitStack

from livekit import rtc
from livekit.agents import AutoSubscribe, JobContext

from agents.caller_talk import ROLE, CallerTalk
from agents.ears import hear_again
from agents.house import House
from agents.taken_over import TakenOverCall
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.transfer.coordinator import CallOutcome
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.terms import Disposition, Move
from warm_transfer.transfer.wire import AGENT_A_PREFIX, AgentAJob

logger = logging.getLogger(__name__)


class CallerRoomJob:
    """One call from the caller's first word until the caller is gone or with Agent B."""

    def __init__(self, ctx: JobContext, job: AgentAJob, house: House, told_to_hand_over: asyncio.Event) -> None:
        self._ctx = ctx
        self._job = job
        self._house = house
        self._told_to_hand_over = told_to_hand_over
        self._call_id = job.call_id or ctx.job.id
        self._taken_over: TakenOverCall | None = None

    async def run(self) -> None:
        """Answer the call, or go on with it; returns when Agent A has left it, with rooms closed and events written."""
        if self._job.replaces is not None and not await self._take_over():
            logger.info("call is another job's", extra={"call_id": self._call_id, "epoch": self._job.epoch})
            return
        async with AsyncExitStack() as stack:
            recorder = await stack.enter_async_context(self._house.recorder(self._call_id))
            rooms = await stack.enter_async_context(Rooms(self._house.access))
            await self._ctx.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
            hear_again(self._ctx.room)
            if self._job.replaces is None and await self._has_agent_a(rooms):
                logger.info("call is here already", extra={"room": self._ctx.room.name})
                return
            if self._job.replaces is None and not await self._is_called():
                return
            outcome = await self._answer(recorder, rooms)
            if outcome is None:
                await self._leave_to_successor(recorder)
            else:
                await self._leave(outcome, recorder, rooms)

    async def _has_agent_a(self, rooms: Rooms) -> bool:
        """Whether the call is another Agent A's: a playground's token asks again after a restart, a watcher too.

        Of two that arrive together the one that was in the room first has it; who speaks there already has it anyway.
        """
        room = self._ctx.room
        try:
            present = await rooms.participants(room.name)
        except TargetUnavailableError:
            return any(identity.startswith(AGENT_A_PREFIX) for identity in room.remote_participants)
        agents = [one for one in present if one.identity.startswith(AGENT_A_PREFIX)]
        us = next((one for one in agents if one.identity == room.local_participant.identity), None)
        return any(
            one.is_publishing or us is None or (one.joined_at_ms, one.identity) < (us.joined_at_ms, us.identity)
            for one in agents
            if one is not us
        )

    async def _is_called(self) -> bool:
        """Wait for the caller; False if the room goes first, as one does that nobody enters."""
        try:
            await self._ctx.wait_for_participant(identity=self._job.caller_identity)
        except RuntimeError:
            logger.info("nobody called", extra={"room": self._ctx.room.name})
            return False
        return True

    async def _take_over(self) -> bool:
        identity = self._ctx.token_claims().identity
        try:
            self._taken_over = await TakenOverCall.claim(
                self._job, self._house.log, identity=identity, room=self._ctx.job.room.name, pid=os.getpid()
            )
        except LogUnavailableError as error:  # who dispatched us tries again
            logger.warning("call not taken over", extra={"why": error.sentence})
        return self._taken_over is not None

    async def _answer(self, recorder: CallRecorder, rooms: Rooms) -> CallOutcome | None:
        """How the call ended for us, None if another worker's Agent A has it."""
        if self._taken_over is not None:
            return await self._go_on(self._taken_over, recorder, rooms)
        caller = await self._ctx.wait_for_participant(identity=self._job.caller_identity)
        room = self._ctx.room.name
        recorder.record(CallEvent.CALL_STARTED, {"caller_room": room, "caller_identity": caller.identity})
        recorder.record(CallEvent.JOB_STARTED, self._who() | {"room": room, "epoch": self._job.epoch})
        return await self._talk(caller, recorder, rooms)

    async def _go_on(self, taken_over: TakenOverCall, recorder: CallRecorder, rooms: Rooms) -> CallOutcome | None:
        settings, room, identity = self._house.settings, self._ctx.room.name, self._job.caller_identity or ""
        arriving = asyncio.create_task(self._ctx.wait_for_participant(identity=identity))
        try:
            grace_s = taken_over.grace_left_s(self._house.grace, room=room, now=time.time())
            await taken_over.until_found(arriving, rooms, room=room, caller=identity, timeout_s=grace_s)
            if not await taken_over.undo_transfer(
                rooms, recorder.record, room=room, caller=identity, move_timeout_s=settings.move_timeout_s
            ):
                move = taken_over.move_to_agent_b(room)
                return CallOutcome(disposition=Disposition.COMPLETED, reason="", move=move)
            if not arriving.done() or arriving.exception() is not None:  # awaited in vain, or the room went
                return CallOutcome(disposition=Disposition.NONE, reason="the caller did not come back", move=None)
            taken_over.note_return(recorder.record, room=room)
            return await self._talk(arriving.result(), recorder, rooms)
        finally:
            arriving.cancel()

    async def _talk(self, caller: rtc.RemoteParticipant, recorder: CallRecorder, rooms: Rooms) -> CallOutcome | None:
        talk = CallerTalk(
            self._ctx,
            self._house,
            call_id=self._call_id,
            epoch=self._job.epoch,
            caller=caller,
            recorder=recorder,
            rooms=rooms,
            taken_over=self._taken_over,
            told_to_hand_over=self._told_to_hand_over,
        )
        return await talk.run()

    async def _leave(self, outcome: CallOutcome, recorder: CallRecorder, rooms: Rooms) -> None:
        """Close what is Agent A's: its room if nobody needs it, and its part of the record."""
        room = self._ctx.room
        recorder.record(CallEvent.AGENT_LEFT, self._who())
        if outcome.disposition is not Disposition.COMPLETED:
            recorder.record(CallEvent.CALL_ENDED, {"reason": outcome.reason})
        is_still_needed = outcome.move is Move.JOIN_CALLER_ROOM  # the caller and Agent B are in it
        if not is_still_needed and not self._ctx.is_fake_job():
            await rooms.delete(room.name)
        recorder.record(CallEvent.JOB_ENDED, self._who())

    async def _leave_to_successor(self, recorder: CallRecorder) -> None:
        """Leave the room at once: the next Agent A speaks when we are gone."""
        await self._ctx.room.disconnect()
        recorder.record(CallEvent.AGENT_LEFT, self._who())
        recorder.record(CallEvent.JOB_ENDED, self._who())

    def _who(self) -> dict[str, object]:
        return {"role": ROLE, "identity": self._ctx.room.local_participant.identity, "pid": os.getpid()}
