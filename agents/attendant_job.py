"""A person's attendant: lives in the final room, says nothing, and has the call: its log, its end, the way back."""

import asyncio
import logging
import os
import secrets
from contextlib import AsyncExitStack

from livekit import rtc
from livekit.agents import AutoSubscribe
from livekit.rtc.participant import PublishTrackError

from agents.caller_presence import CallerPresence
from agents.consult_inbox import NotNeededError
from agents.consult_speech import ConsultSpeech
from agents.departure import END_REASON, GOODBYE_S, TAIL_S
from agents.desk_presence import DeskPresence
from agents.ears import hear_again
from agents.hand_back import HandBack
from agents.return_desk import ReturnRequest
from agents.scribe import Scribe
from agents.successor import Successor
from agents.target_job import ARRIVAL_FACTOR, ROLE, TargetJob
from agents.transcript import Transcript
from warm_transfer.calls.engagement import Engagement
from warm_transfer.calls.epochs import claim_epoch
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.calls.presence import PresenceBoard
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.terms import MOST_WAITS, WAIT_S, Move
from warm_transfer.transfer.wire import AGENT_B_PREFIX, Connect, InPlace

logger = logging.getLogger(__name__)

LEFT = "the person left"
LISTENING_S = 2.0
"""For the first of the two to hear our track: 0.2 s."""


class AttendantJob(TargetJob):
    """One person's part of one call, from the answer at the desk until the caller hangs up.

    Agent A briefs the person itself; here the consult is a wait for its word that the person has accepted.
    """

    _is_succeeded = False
    """Another attendant has the call: our worker ends."""

    def _consult_voice(self, recorder: CallRecorder) -> None:
        return None

    async def _enter(self, rooms: Rooms, link: ConsultLink, voice: ConsultSpeech | None, stack: AsyncExitStack) -> None:
        if not self._job.is_replacing:
            await super()._enter(rooms, link, voice, stack)
            return
        if not await self._claim():
            raise NotNeededError("the call is another job's")
        await self._ctx.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
        hear_again(self._ctx.room)
        self._has_joined = self._has_caller = True

    async def _is_here_already(self, rooms: Rooms) -> bool:
        if not self._job.is_replacing:
            return await super()._is_here_already(rooms)
        return self._job.identity in await rooms.people(self._ctx.job.room.name)

    async def _claim(self) -> bool:
        return await asyncio.to_thread(
            claim_epoch,
            self._house.log,
            self._job.call_id,
            self._job.epoch,
            role=ROLE,
            identity=self._job.identity,
            room=self._ctx.job.room.name,
            pid=os.getpid(),
        )

    def _note_start(self, recorder: CallRecorder) -> None:
        if not self._job.is_replacing:  # the claim was the note
            super()._note_start(recorder)

    async def _consult(self, link: ConsultLink, voice: ConsultSpeech | None) -> None:
        """Wait until the person has accepted, or we are dismissed."""
        if not self._job.is_replacing:
            settings = self._house.settings
            longest_s = settings.consult_timeout_s + MOST_WAITS * WAIT_S + settings.move_timeout_s
            async with asyncio.timeout(longest_s):
                await self._inbox.next_of(Connect)

    async def _take_caller(self, link: ConsultLink, recorder: CallRecorder, rooms: Rooms) -> None:
        room, job = self._ctx.room, self._job
        desk_identity = job.desk_identity or ""
        transcript = Transcript(
            room=room.name, agent=ROLE, epoch=job.epoch, model=self._models.mind, record=recorder.record
        )
        hand_back, successor = self._hand_back(recorder, rooms), self._successor(recorder, rooms)
        caller = self._watch_caller(recorder, hand_back, successor)
        desk = DeskPresence(
            room,
            desk_identity,
            rejoin_grace_s=self._house.settings.rejoin_grace_s,
            on_gone=lambda: self._requests.put_nowait(ReturnRequest(cause="failed", reason=LEFT)),
        )
        scribe = Scribe(
            room,
            models=self._models,
            transcript=transcript,
            speakers={job.caller_identity: "caller", desk_identity: "agent_b"},
        )
        commands = self._commands(recorder, caller)
        engagement = Engagement(PresenceBoard(self._house.log), roster_id=job.specialist, call_id=job.call_id)
        leaving: asyncio.Task[None] | None = None
        try:
            await self._engage(engagement)
            if not job.is_replacing:
                await self._inbox.unless_dismissed(self._bring_together(link, caller, desk))
            else:
                caller.expect()
                if desk_identity not in room.remote_participants:  # gone with the attendant before us
                    self._requests.put_nowait(ReturnRequest(cause="failed", reason=LEFT))
            leaving = asyncio.create_task(self._hand_over_when_told())
            self._note_end(await self._until_gone(hand_back, successor, caller, rooms), recorder)
        finally:
            if leaving is not None:
                leaving.cancel()
            await commands.aclose()
            await scribe.aclose()
            caller.close()
            desk.close()
            await (engagement.leave() if self._is_succeeded else engagement.release())

    async def _engage(self, engagement: Engagement) -> None:
        try:
            await engagement.begin()
        except LogUnavailableError:
            logger.warning("desk not held: it may be rung for another call")

    async def _bring_together(self, link: ConsultLink, caller: CallerPresence, desk: DeskPresence) -> None:
        """Tell Agent A when the person can be heard here, and then when the caller can."""
        async with asyncio.timeout(ARRIVAL_FACTOR * self._house.settings.move_timeout_s):
            await desk.heard.wait()
            if self._job.move is Move.JOIN_CALLER_ROOM:
                self._is_connected = True
                caller.subscribe()
            else:
                await link.send(InPlace())
            await caller.heard.wait()
        await self._take_over(link)

    async def _until_gone(
        self, hand_back: HandBack, successor: Successor, caller: CallerPresence, rooms: Rooms
    ) -> str | None:
        """Be there until the call is over for us; why it ended, None if it goes on with another job."""
        while request := await self._requests.get():
            if request.cause == "drained":
                self._is_succeeded = await successor.bring()
                if self._is_succeeded:
                    return None
                if caller.why:  # the caller hung up meanwhile
                    return caller.why
                await self._say_goodbye()
                return END_REASON
            self._is_handed_back = await hand_back.run(request)
            if self._is_handed_back:  # Agent A speaks when the person is gone
                await rooms.remove(self._ctx.room.name, self._job.desk_identity or "")
                return None
            if caller.why:
                return caller.why
            if request.cause == "failed":
                await self._say_goodbye()
                return LEFT
        return None if self._is_shown_out else caller.why

    def _successor(self, recorder: CallRecorder, rooms: Rooms) -> Successor:
        """The next attendant of the same two, when our worker ends."""
        job, settings, room = self._job, self._house.settings, self._ctx.room
        identity = f"{AGENT_B_PREFIX}{job.specialist}-{secrets.token_hex(4)}"
        return Successor(
            call_id=job.call_id,
            caller_identity=job.caller_identity,
            role=ROLE,
            identity=job.identity,
            room=room,
            dispatch=lambda metadata: rooms.dispatch(settings.agent_name, room.name, metadata),
            timeout_s=settings.dispatch_timeout_s,
            log=self._house.log,
            recorder=recorder,
            heir=job.model_copy(update={"identity": identity, "is_replacing": True}),
        )

    async def _say_goodbye(self) -> None:
        """Tell who is there that the call must end; returns when that was heard."""
        book = self._house.book
        voice = ConsultSpeech(
            voice=self._models.voice,
            recognizer=self._models.streaming_ear(),
            book=book,
            on_heard=lambda *_: None,
        )
        try:
            async with asyncio.timeout(GOODBYE_S):
                await voice.attach(self._ctx.room, "")
                await _until_subscribed(self._ctx.room)
                await voice.say(book.text("call_must_end"))
                await asyncio.sleep(TAIL_S)
        except (PublishTrackError, TimeoutError):
            logger.warning("end of the call not announced")
        finally:
            await voice.detach()

    async def _close_rooms(self, rooms: Rooms) -> None:
        """Leave to the next attendant what is its, and what was never ours as we came too late to replace one."""
        if self._is_succeeded:
            await self._ctx.room.disconnect()
        elif self._has_caller or not self._job.is_replacing:
            await super()._close_rooms(rooms)

    def _watch_caller(self, recorder: CallRecorder, hand_back: HandBack, successor: Successor) -> CallerPresence:
        def note_end(_: str) -> None:
            hand_back.stop()
            successor.stop()
            self._requests.put_nowait(None)

        where = {"room": self._ctx.room.name}

        def note_return() -> None:
            recorder.record(CallEvent.CALLER_RETURNED, where)

        return CallerPresence(
            self._ctx.room,
            self._job.caller_identity,
            self._house.grace,
            on_away=lambda why: recorder.record(CallEvent.CALLER_AWAY, where | {"reason": why}),
            on_return=note_return,
            on_gone=note_end,
        )


async def _until_subscribed(room: rtc.Room) -> None:
    try:
        async with asyncio.timeout(LISTENING_S):
            for publication in room.local_participant.track_publications.values():
                await publication.wait_for_subscription()
    except TimeoutError:
        logger.warning("nobody hears us")
