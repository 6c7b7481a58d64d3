"""The busy role's job: one phrase for a caller whom no worker could take, and the end of the call."""

import asyncio
import logging
import os
from typing import Literal

from livekit import rtc
from livekit.agents import Agent, AgentSession, AutoSubscribe, JobContext, room_io

from agents.departure import TAIL_S
from agents.house import AGENT_A_VOICE, House, write_turns
from agents.transcript import Transcript
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.wire import AGENT_A_PREFIX, BUSY_PREFIX, BusyJob

logger = logging.getLogger(__name__)

ROLE: Literal["busy"] = "busy"
END_REASON = "all lines are busy"
CALLER_S = 5.0
"""The caller was in the room when this job was asked for."""
PHRASE_S = 12.0
"""For the phrase of 5 s, and for the caller to subscribe to it."""


class BusyRoomJob:
    """Tells one caller that all lines are busy; takes nothing from them."""

    def __init__(self, ctx: JobContext, job: BusyJob, house: House) -> None:
        self._ctx = ctx
        self._job = job
        self._house = house
        self._answered = asyncio.Event()
        """An Agent A has come since we did."""

    async def run(self) -> None:
        """Say it, end the call and close the room; the call of an Agent A who comes after all is left alone."""
        async with self._house.recorder(self._job.call_id) as recorder, Rooms(self._house.access) as rooms:
            self._ctx.room.on("participant_connected", self._note_arrival)
            await self._ctx.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
            if self._is_not_needed():
                logger.info("not needed any more", extra={"call_id": self._job.call_id})
                await self._ctx.room.disconnect()
                return
            started = {"caller_room": self._ctx.room.name, "caller_identity": self._job.caller_identity}
            recorder.record(CallEvent.CALL_STARTED, started)
            recorder.record(CallEvent.JOB_STARTED, self._who() | {"room": self._ctx.room.name, "epoch": 1})
            try:
                await self._tell_unless_answered(recorder)
            finally:
                await self._leave(recorder, rooms)

    def _note_arrival(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity.startswith(AGENT_A_PREFIX):
            self._answered.set()

    def _is_not_needed(self) -> bool:
        """Whether an Agent A is here, or another busy role: two come if the log is away."""
        own = self._ctx.room.local_participant.identity
        others = self._ctx.room.remote_participants
        return any(one.startswith(AGENT_A_PREFIX) or (one.startswith(BUSY_PREFIX) and one < own) for one in others)

    async def _tell_unless_answered(self, recorder: CallRecorder) -> None:
        """Say it, and fall silent in the middle of a word if an Agent A comes."""
        telling = asyncio.create_task(self._tell(recorder))
        answered = asyncio.create_task(self._answered.wait())
        try:
            await asyncio.wait({telling, answered}, return_when=asyncio.FIRST_COMPLETED)
            if not self._answered.is_set():
                await telling
        finally:
            for task in (telling, answered):
                task.cancel()
            await asyncio.gather(telling, answered, return_exceptions=True)

    async def _leave(self, recorder: CallRecorder, rooms: Rooms) -> None:
        recorder.record(CallEvent.AGENT_LEFT, self._who())
        if await self._may_be_answered(rooms):
            logger.info("answered after all", extra={"call_id": self._job.call_id})
            await self._ctx.room.disconnect()
        else:
            recorder.record(CallEvent.CALL_ENDED, {"reason": END_REASON})
            await rooms.delete(self._ctx.room.name)
        recorder.record(CallEvent.JOB_ENDED, self._who())

    async def _may_be_answered(self, rooms: Rooms) -> bool:
        """Whether an Agent A is here, by the server's word: it is told to us only after it is so.

        A server that does not answer may have one; it closes an empty room by itself.
        """
        try:
            people = await rooms.people(self._ctx.room.name)
        except TargetUnavailableError:
            return True
        return self._answered.is_set() or any(one.startswith(AGENT_A_PREFIX) for one in people)

    async def _tell(self, recorder: CallRecorder) -> None:
        models = self._house.models(AGENT_A_VOICE)
        models.failovers.tell(recorder.record)
        session: AgentSession[None] = AgentSession(tts=models.voice)
        transcript = Transcript(
            room=self._ctx.room.name, agent="agent_a", epoch=1, model=models.mind, record=recorder.record
        )
        write_turns(session, transcript)
        try:
            async with asyncio.timeout(CALLER_S):
                await self._ctx.wait_for_participant(identity=self._job.caller_identity)
            await session.start(
                Agent(instructions=""),
                room=self._ctx.room,
                room_options=room_io.RoomOptions(
                    participant_identity=self._job.caller_identity, audio_input=False, text_input=False
                ),
                session_host=False,
                record=False,
            )
            async with asyncio.timeout(PHRASE_S):
                await self._house.book.say(session, "lines_busy", allow_interruptions=False)
                await asyncio.sleep(TAIL_S)
        except TimeoutError:
            logger.warning("busy caller not told", extra={"call_id": self._job.call_id})
        finally:
            await session.aclose()

    def _who(self) -> dict[str, object]:
        return {"role": ROLE, "identity": self._ctx.room.local_participant.identity, "pid": os.getpid()}
