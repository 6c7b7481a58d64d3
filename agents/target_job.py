"""The job of any target of a transfer: in the final room, consults over a second connection, takes the caller over."""

import asyncio
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Literal

from livekit import rtc
from livekit.agents import AutoSubscribe, JobContext

from agents.agent_b_commands import AgentBCommands
from agents.caller_presence import CallerPresence
from agents.consult_inbox import ConsultInbox, NotNeededError
from agents.consult_speech import ConsultSpeech
from agents.ears import hear_again
from agents.hand_back import HandBack
from agents.house import AGENT_A_VOICE, House
from agents.providers.catalog import Models
from agents.return_desk import ReturnRequest
from agents.roster import Specialist
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import read_call
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.transfer.errors import TargetUnavailableError, WireError
from warm_transfer.transfer.livekit_adapter.command_inbox import CommandInbox
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.loop_guard import LoopGuard
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import (
    HAS_CALLER_ATTRIBUTE,
    AgentBJob,
    Arrived,
    Ready,
)

logger = logging.getLogger(__name__)

ROLE: Literal["agent_b"] = "agent_b"
ARRIVAL_FACTOR = 2
"""Agent B waits this many times MOVE_TIMEOUT_S for the caller: Agent A, who counts once, has then long dismissed it."""
JOIN_CHECK_S = 0.5
"""Joining takes 0.2 s. A join whose room is deleted meanwhile hangs for 15 s in the native client."""


_NOT_NEEDED = (NotNeededError, TargetUnavailableError, TimeoutError)


class TargetJob(ABC):
    """One target's part of one call, from the dispatch until the caller hangs up."""

    def __init__(self, ctx: JobContext, job: AgentBJob, house: House, told_to_hand_over: asyncio.Event) -> None:
        specialist = house.roster.get(job.specialist)
        if specialist is None:
            raise WireError(f"no specialist {job.specialist!r} on the roster")
        self._ctx = ctx
        self._job = job
        self._house = house
        self._told_to_hand_over = told_to_hand_over
        self._specialist: Specialist = specialist
        self._models: Models = house.models(specialist.voice or AGENT_A_VOICE)
        self._inbox = ConsultInbox(lambda: not self._is_shown_out and self._may_have_caller())
        self._said_in_consult: list[str] = []
        self._has_joined = False
        self._is_met = False
        """Agent A was in the consult room: the call is one."""
        self._has_caller = False
        self._is_over = False
        """The call has ended, or is another job's."""
        self._is_connected = False
        """In the caller's own room, Agent A told us to speak."""
        self._is_shown_out = False
        """Somebody else has the caller, and removed us from the room."""
        self._is_cut_short = False
        """We die, or our worker does: who recovers the call needs the room, and the caller in it."""
        self._requests: asyncio.Queue[ReturnRequest | None] = asyncio.Queue()
        """Ways out of the conversation with the caller; None: the caller is gone."""
        self._is_deaf = False
        """Nothing that the caller types is taken either."""
        self._is_handed_back = False
        """The caller and the room are an Agent A's."""

    async def run(self) -> None:
        """Consult, take the caller if we accept, talk until the caller is gone; closes the final room."""
        job, house = self._job, self._house
        async with AsyncExitStack() as stack:
            recorder = await stack.enter_async_context(house.recorder(job.call_id))
            self._models.failovers.tell(recorder.record)
            rooms = await stack.enter_async_context(Rooms(house.access))
            link = ConsultLink(house.access, room=job.consult_room, identity=job.identity, peer=job.agent_a_identity)
            voice = self._consult_voice(recorder)
            if await self._is_here_already(rooms):
                logger.info("dispatched again, and here already", extra={"identity": job.identity})
                return
            self._ctx.room.on("disconnected", self._note_disconnect)
            try:
                await self._serve(rooms, link, voice, recorder, stack)
            except* _NOT_NEEDED as errors:
                logger.info("not needed any more", extra={"why": str(errors.exceptions[0])})
            finally:
                if not self._is_cut_short:
                    await self._leave(rooms, link, recorder)

    @abstractmethod
    def _consult_voice(self, recorder: CallRecorder) -> ConsultSpeech | None:
        """What the consult's turns are spoken with, None if they are not."""

    @abstractmethod
    async def _consult(self, link: ConsultLink, voice: ConsultSpeech | None) -> None:
        """Take part in the consult; returns once the caller is to come, NotNeededError if that is not."""

    @abstractmethod
    async def _take_caller(self, link: ConsultLink, recorder: CallRecorder, rooms: Rooms) -> None:
        """Have the caller, until the call is over for us."""

    async def _is_here_already(self, rooms: Rooms) -> bool:
        return self._job.identity in await rooms.people(self._job.consult_room)

    def _note_disconnect(self, reason: object) -> None:
        if reason == rtc.DisconnectReason.PARTICIPANT_REMOVED:
            self._is_shown_out = True
            self._inbox.put(None)

    async def _leave(self, rooms: Rooms, link: ConsultLink, recorder: CallRecorder) -> None:
        if self._is_met:
            recorder.record(CallEvent.AGENT_LEFT, self._who())
        if self._has_joined:  # a join that hangs can't be taken back, but ends with this process
            await link.close()
        await self._close_rooms(rooms)
        if self._is_met:
            recorder.record(CallEvent.JOB_ENDED, self._who())

    async def _serve(
        self,
        rooms: Rooms,
        link: ConsultLink,
        voice: ConsultSpeech | None,
        recorder: CallRecorder,
        stack: AsyncExitStack,
    ) -> None:
        try:
            await self._enter(rooms, link, voice, stack)
            self._is_met = True
            self._note_start(recorder)
            await self._attend(link, voice, recorder, rooms)
        except (Exception, asyncio.CancelledError) as error:
            self._is_cut_short = isinstance(error, asyncio.CancelledError) or (
                self._has_caller and not self._is_over and _is_a_bug(error)
            )
            raise

    def _note_start(self, recorder: CallRecorder) -> None:
        where = {"room": self._ctx.room.name, "epoch": self._job.epoch}
        recorder.record(CallEvent.JOB_STARTED, self._who() | where)

    def _note_end(self, reason: str | None, recorder: CallRecorder) -> None:
        """The call is over for this reason, or, if there is none, goes on with another job."""
        self._is_over = True
        if reason:
            recorder.record(CallEvent.CALL_ENDED, {"reason": reason})

    async def _attend(
        self, link: ConsultLink, voice: ConsultSpeech | None, recorder: CallRecorder, rooms: Rooms
    ) -> None:
        await self._consult(link, voice)
        await self._take_caller(link, recorder, rooms)

    async def _enter(self, rooms: Rooms, link: ConsultLink, voice: ConsultSpeech | None, stack: AsyncExitStack) -> None:
        """Join both rooms side by side. In the caller's own room: hear nothing, publish nothing."""
        sids = await self._check_rooms(rooms)
        joining = asyncio.gather(
            self._ctx.connect(auto_subscribe=self._hearing),
            link.connect(on_message=self._inbox.put, on_peer_left=lambda: self._inbox.put(None)),
        )
        while not (await asyncio.wait({joining}, timeout=JOIN_CHECK_S))[0]:
            await self._check_rooms(rooms)
        await joining
        if self._hearing is AutoSubscribe.AUDIO_ONLY:
            hear_again(self._ctx.room)
        self._has_joined = True
        if voice is not None:
            stack.push_async_callback(voice.detach)
            await voice.attach(link.room, self._job.agent_a_identity)
        async with asyncio.TaskGroup() as tasks:
            for room in (self._ctx.room, link.room):
                tasks.create_task(self._refuse_made_anew(room, sids))
            tasks.create_task(self._meet(link))

    @property
    def _hearing(self) -> AutoSubscribe:
        """What is heard in the final room before the caller is to come."""
        is_callers_room = self._job.move is Move.JOIN_CALLER_ROOM
        return AutoSubscribe.SUBSCRIBE_NONE if is_callers_room else AutoSubscribe.AUDIO_ONLY

    async def _check_rooms(self, rooms: Rooms) -> dict[str, str]:
        """Refuse to go on without our rooms: who joins a deleted room makes it anew, at once or 15 s later.

        Returns:
            the server's ids of both, by name.
        """
        names = (self._ctx.job.room.name, self._job.consult_room)
        sids = await rooms.sids(names)
        if missing := set(names) - sids.keys():
            raise NotNeededError(f"gone: {', '.join(sorted(missing))}")
        return sids

    async def _refuse_made_anew(self, room: rtc.Room, sids: Mapping[str, str]) -> None:
        """Refuse to stay in a room that was deleted while we joined: Agent A is not in it, and never will be."""
        if await room.sid != sids[room.name]:
            raise NotNeededError(f"gone while we joined: {room.name}")

    async def _meet(self, link: ConsultLink) -> None:
        """Tell Agent A that we are here; a dispatch that came too late finds nobody, and must not wait for anybody.

        Joining a room that Agent A has already deleted makes it anew.
        """
        was_there = link.has_peer
        await link.send(Ready())
        await asyncio.wait_for(link.wait_for_peer(), self._house.settings.rpc_timeout_s)
        if not was_there:
            await link.send(Ready())

    async def _read_guard(self) -> LoopGuard:
        call = await asyncio.to_thread(read_call, self._house.log, self._job.call_id)
        return LoopGuard(
            most_transfers=self._house.settings.max_transfers,
            completed=call.completed_transfers,
            handed_back_by=self._specialist.id,
        )

    def _commands(self, recorder: CallRecorder, presence: CallerPresence) -> CommandInbox:
        commands = AgentBCommands(
            job=self._job,
            roster=self._house.roster,
            read_guard=self._read_guard,
            send=self._requests.put_nowait,
            end=presence.end,
            record=recorder.record,
        )
        return CommandInbox(
            self._ctx.room,
            self._house.access,
            call_id=self._job.call_id,
            record=recorder.record,
            apply=commands.apply,
        )

    def _hand_back(self, recorder: CallRecorder, rooms: Rooms) -> HandBack:
        name = self._house.settings.agent_name
        return HandBack(
            job=self._job,
            room=self._ctx.room,
            dispatch=lambda metadata: rooms.dispatch(name, self._ctx.room.name, metadata),
            timeout_s=self._house.settings.dispatch_timeout_s,
            log=self._house.log,
            recorder=recorder,
        )

    async def _hand_over_when_told(self) -> None:
        await self._told_to_hand_over.wait()
        self._requests.put_nowait(ReturnRequest(cause="drained", reason="the worker ends"))

    async def _take_over(self, link: ConsultLink) -> None:
        """From now on the caller is ours: tell the room, for who comes if Agent A dies, and Agent A."""
        self._has_caller = True
        telling = asyncio.create_task(self._tell_room())
        try:
            await link.send(Arrived())
        except TargetUnavailableError:
            if not self._job.move.has_final_room and not self._is_alone():
                self._has_caller = False  # Agent A takes the caller back
                raise
            logger.info("the caller is ours, and Agent A gone")
        finally:
            await telling

    async def _tell_room(self) -> None:
        try:
            async with asyncio.timeout(self._house.settings.rpc_timeout_s):
                await self._ctx.room.local_participant.set_attributes({HAS_CALLER_ATTRIBUTE: "1"})
        except TimeoutError:
            logger.warning("nobody can see that the caller is ours")

    def _is_alone(self) -> bool:
        """Whether the Agent A who consulted us is no longer in the caller's own room: it died."""
        return self._job.agent_a_identity not in self._ctx.room.remote_participants

    def _may_have_caller(self) -> bool:
        """Whether the end of the consult tells us nothing.

        Agent A missed our proof and left, and the caller is ours; or it died, and who comes in its place shows us out
        unless the caller is ours.
        """
        return self._has_caller or (self._is_connected and self._is_alone())

    async def _close_rooms(self, rooms: Rooms) -> None:
        """The final room is ours to close, but the caller's own room only once the caller was ours.

        A room that is an Agent A's now is only left, and at once: Agent A speaks when we are gone.
        """
        if self._is_handed_back or self._is_shown_out:
            await self._ctx.room.disconnect()
            return
        ours = [] if self._has_caller else [self._job.consult_room]  # we may have made it anew by joining it
        if self._has_caller or self._job.move is not Move.JOIN_CALLER_ROOM:
            ours.append(self._ctx.room.name)
        for name in ours:
            try:
                await rooms.delete(name)
            except TargetUnavailableError as error:
                logger.warning("room not closed", extra={"why": error.sentence})

    def _who(self) -> dict[str, object]:
        return {"role": ROLE, "identity": self._job.identity, "pid": os.getpid()}


def _is_a_bug(error: Exception) -> bool:
    """Whether it is anything else than what ends a consult that is not needed."""
    if isinstance(error, ExceptionGroup):
        return error.split(_NOT_NEEDED)[1] is not None
    return not isinstance(error, _NOT_NEEDED)
