"""An AI Agent B's job: lives in the final room, consults over a second connection, then takes the caller over."""

import asyncio
import logging
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Literal, NoReturn, TypeVar

from livekit import rtc
from livekit.agents import AgentSession, AutoSubscribe, JobContext, room_io

from agents.agent_b import AgentB
from agents.agent_b_commands import AgentBCommands
from agents.caller_presence import CallerPresence
from agents.consult_speech import ConsultSpeech, consult_voice
from agents.consultant import Consultant
from agents.departure import END_REASON, say_goodbye, until_pause
from agents.hand_back import HandBack
from agents.house import AGENT_A_VOICE, House, build_session, take_text, write_turns
from agents.phrase_book import PhraseBook
from agents.provider_faults import ProviderFaults
from agents.providers.catalog import Models
from agents.return_desk import ReturnDesk, ReturnRequest
from agents.roster import Specialist
from agents.taken_over import welcome_back
from agents.transcript import Transcript
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
    Accept,
    AgentBJob,
    Answer,
    Arrived,
    Brief,
    Connect,
    ConsultMessage,
    Decline,
    Dismiss,
    Message,
    Question,
    Ready,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")
M = TypeVar("M", bound=Message)

ROLE: Literal["agent_b"] = "agent_b"
ARRIVAL_FACTOR = 2
"""Agent B waits this many times MOVE_TIMEOUT_S for the caller: Agent A, who counts once, has then long dismissed it."""
PHRASE_S = 8.0
"""A fixed phrase takes 3 s."""

_GAVE_UP = "Agent B's session gave up"

JOIN_CHECK_S = 0.5
"""Joining takes 0.2 s. A join whose room is deleted meanwhile hangs for 15 s in the native client."""


class NotNeededError(Exception):
    """Agent A dismissed us, or the consult room went away before the caller came."""


_NOT_NEEDED = (NotNeededError, TargetUnavailableError, TimeoutError)


class FinalRoomJob:
    """One specialist's part of one call, from the dispatch until the caller hangs up."""

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
        self._inbox: asyncio.Queue[ConsultMessage | None] = asyncio.Queue()
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

    async def _is_here_already(self, rooms: Rooms) -> bool:
        return self._job.identity in await rooms.people(self._job.consult_room)

    def _note_disconnect(self, reason: object) -> None:
        if reason == rtc.DisconnectReason.PARTICIPANT_REMOVED:
            self._is_shown_out = True
            self._inbox.put_nowait(None)

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
            await self._consult(link, voice)
            await self._take_caller(link, recorder, rooms)
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

    def _consult_voice(self, recorder: CallRecorder) -> ConsultSpeech | None:
        def note_heard(by: str, text: str) -> None:
            heard = {"transfer_id": self._job.transfer_id, "by": by, "text": text}
            recorder.record(CallEvent.CONSULT_HEARD, heard)

        return consult_voice(self._house.settings, self._models, self._book, note_heard)

    async def _enter(self, rooms: Rooms, link: ConsultLink, voice: ConsultSpeech | None, stack: AsyncExitStack) -> None:
        """Join both rooms side by side. In the caller's own room: hear nothing, publish nothing."""
        is_callers_room = self._job.move is Move.JOIN_CALLER_ROOM
        hearing = AutoSubscribe.SUBSCRIBE_NONE if is_callers_room else AutoSubscribe.AUDIO_ONLY
        await self._check_rooms(rooms)
        joining = asyncio.gather(
            self._ctx.connect(auto_subscribe=hearing),
            link.connect(on_message=self._inbox.put_nowait, on_peer_left=lambda: self._inbox.put_nowait(None)),
        )
        while not (await asyncio.wait({joining}, timeout=JOIN_CHECK_S))[0]:
            await self._check_rooms(rooms)
        await joining
        self._has_joined = True
        if voice is not None:
            stack.push_async_callback(voice.detach)
            await voice.attach(link.room, self._job.agent_a_identity)
        await self._meet(link)

    async def _check_rooms(self, rooms: Rooms) -> None:
        """Refuse to go on without our rooms: who joins a deleted room makes it anew, at once or 15 s later."""
        if missing := await rooms.missing((self._ctx.job.room.name, self._job.consult_room)):
            raise NotNeededError(f"gone: {', '.join(sorted(missing))}")

    async def _meet(self, link: ConsultLink) -> None:
        """Tell Agent A that we are here; a dispatch that came too late finds nobody, and must not wait for anybody.

        Joining a room that Agent A has already deleted makes it anew.
        """
        was_there = link.has_peer
        await link.send(Ready())
        await asyncio.wait_for(link.wait_for_peer(), self._house.settings.rpc_timeout_s)
        if not was_there:
            await link.send(Ready())

    async def _consult(self, link: ConsultLink, voice: ConsultSpeech | None) -> None:
        """Hear the briefing, ask back, decide; returns once accepted.

        Raises:
            NotNeededError: we declined, or Agent A no longer needs us.
        """
        consultant = Consultant(self._models.mind, self._specialist)
        while True:
            message = await self._next_message()
            said = message.briefing.as_text() if isinstance(message, Brief) else message.text
            self._said_in_consult.append(said)
            reply = await self._unless_dismissed(consultant.respond(said))
            if voice is not None:
                await self._unless_dismissed(voice.say(self._words(reply)))
            await link.send(reply)
            match reply:
                case Question(text=text):
                    self._said_in_consult.append(f"You asked Agent A: {text}")
                case Accept():
                    return
                case Decline():
                    await self._wait_for_dismissal()  # leaving at once could overtake the message

    async def _next_message(self) -> Brief | Answer:
        async with asyncio.timeout(self._house.settings.consult_timeout_s):
            return await self._next_of(Brief, Answer)

    async def _next_of(self, *kinds: type[M]) -> M:
        """The next message of one of these kinds; NotNeededError if we are dismissed first."""
        while True:
            message = await self._inbox.get()
            _refuse_if_dismissed(message)
            if isinstance(message, kinds):
                return message

    def _words(self, reply: Question | Accept | Decline) -> str:
        match reply:
            case Question(text=text):
                return text
            case Accept():
                return self._house.book.text("accept")
            case Decline(reason=reason):
                return reason

    async def _take_caller(self, link: ConsultLink, recorder: CallRecorder, rooms: Rooms) -> None:
        room = self._ctx.room
        session = build_session(self._models)
        hand_back = self._hand_back(recorder, rooms)
        transcript = Transcript(
            room=room.name, agent=ROLE, epoch=self._job.epoch, model=self._models.mind, record=recorder.record
        )
        write_turns(session, transcript)
        presence = self._watch(session, transcript, recorder, hand_back)
        agent = self._agent(transcript)
        commands = self._commands(recorder, presence)
        leaving: asyncio.Task[None] | None = None
        try:
            if self._job.move is Move.JOIN_CALLER_ROOM:
                async with asyncio.timeout(self._house.settings.move_timeout_s):
                    await self._next_of(Connect)
                self._is_connected = True
                presence.subscribe()
            ProviderFaults(
                session,
                self._book,
                reply_timeout_s=self._house.settings.reply_timeout_s,
                give_up=self._give_up,
                may_end=lambda: not self._is_deaf,  # else Agent A is on the way
                last_words="trouble.hand_back",
            )
            await self._unless_dismissed(self._greet(session, agent, presence, link))
            leaving = asyncio.create_task(self._hand_over_when_told())
            self._note_end(await self._until_over(session, hand_back, presence), recorder)
        finally:
            if leaving is not None:
                leaving.cancel()
            await commands.aclose()
            presence.close()
            await session.aclose()

    def _agent(self, transcript: Transcript) -> AgentB:
        desk = ReturnDesk(
            specialist=self._specialist,
            roster=self._house.roster,
            conversation=transcript,
            read_guard=self._read_guard,
            is_free=self._house.is_free,
            send=self._requests.put_nowait,
        )
        transcript.on_caller_turn = desk.hear
        consult = "\n\n".join(self._said_in_consult)
        return AgentB(self._specialist, consult, desk=desk, roster=self._house.roster)

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

    @property
    def _book(self) -> PhraseBook:
        return self._house.books[self._specialist.id]

    def _give_up(self, why: str) -> None:
        """Our models failed too often, and the caller was told: an Agent A of a new job may do better."""
        self._requests.put_nowait(ReturnRequest(cause="failed", reason=why))

    async def _hand_over_when_told(self) -> None:
        await self._told_to_hand_over.wait()
        self._requests.put_nowait(ReturnRequest(cause="drained", reason="the worker ends"))

    async def _until_over(
        self, session: AgentSession[None], hand_back: HandBack, presence: CallerPresence
    ) -> str | None:
        """Talk until the call is over for us; why it ended, None if it goes on with an Agent A."""
        while request := await self._requests.get():
            told = asyncio.create_task(self._tell(session, request))
            try:
                self._is_handed_back = await hand_back.run(request)
                await told
            finally:
                told.cancel()
            if self._is_handed_back:
                return None
            if presence.why:  # the caller hung up meanwhile
                return presence.why
            if request.cause == "failed":
                await say_goodbye(session, self._book, "trouble.end")
                return _GAVE_UP
            if request.cause == "drained":
                await say_goodbye(session, self._book)
                return END_REASON
            self._listen_again(session)
        return None if self._is_shown_out else presence.why

    async def _tell(self, session: AgentSession[None], request: ReturnRequest) -> None:
        """Take nothing from the caller any more, whom the next agent hears, and say what comes, in our voice."""
        self._is_deaf = True
        if request.cause == "failed":
            return
        session.input.set_audio_enabled(False)
        if request.cause == "drained":
            await until_pause(session)
            return
        phrase = "handing_on" if request.skill else "handing_back"
        try:
            async with asyncio.timeout(PHRASE_S):
                await self._book.say(session, phrase, allow_interruptions=False)
        except (RuntimeError, TimeoutError):  # the session gives up; Agent A speaks anyway
            logger.info("hand-back not announced")

    def _listen_again(self, session: AgentSession[None]) -> None:
        self._is_deaf = False
        try:
            session.input.set_audio_enabled(True)
            self._book.say(session, "hand_back_failed")
        except RuntimeError:  # closed meanwhile, and that is the next request
            logger.info("failed hand-back not announced")

    def _watch(
        self, session: AgentSession[None], transcript: Transcript, recorder: CallRecorder, hand_back: HandBack
    ) -> CallerPresence:
        def note_end(_: str) -> None:
            hand_back.stop()
            self._requests.put_nowait(None)

        where = {"room": self._ctx.room.name}

        def note_return() -> None:
            recorder.record(CallEvent.CALLER_RETURNED, where)
            welcome_back(session, self._book, transcript.turns())

        return CallerPresence(
            self._ctx.room,
            self._job.caller_identity,
            self._house.grace,
            on_away=lambda why: recorder.record(CallEvent.CALLER_AWAY, where | {"reason": why}),
            on_return=note_return,
            on_gone=note_end,
        )

    async def _greet(
        self, session: AgentSession[None], agent: AgentB, presence: CallerPresence, link: ConsultLink
    ) -> None:
        """Speak as soon as the caller is here; returns when Agent A knows that the caller is ours."""
        room_options = room_io.RoomOptions(
            participant_identity=self._job.caller_identity,
            close_on_disconnect=False,
            text_input=room_io.TextInputOptions(text_input_cb=self._take_text),
        )
        is_moving = self._job.move.has_final_room
        async with asyncio.timeout(ARRIVAL_FACTOR * self._house.settings.move_timeout_s), asyncio.TaskGroup() as tasks:
            if is_moving:  # the proof is the caller's track here, however long our own start takes
                tasks.create_task(self._announce(presence, link))
            await session.start(
                agent,
                room=self._ctx.room,
                room_options=room_options,
                session_host=self._house.settings.debug,
                record=False,
            )
            await presence.heard.wait()
            session.generate_reply()
            if not is_moving and session.room_io.subscribed_fut is not None:
                await session.room_io.subscribed_fut
                await self._announce(presence, link)

    async def _take_text(self, session: AgentSession[None], event: room_io.TextInputEvent) -> None:
        if not self._is_deaf:
            await take_text(session, event)

    async def _announce(self, presence: CallerPresence, link: ConsultLink) -> None:
        await presence.heard.wait()
        await self._take_over(link)

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

    async def _unless_dismissed(self, work: Coroutine[Any, Any, T]) -> T:
        """Do this, unless Agent A dismisses us first; nothing else is expected from Agent A meanwhile."""
        doing = asyncio.create_task(work)
        dismissal = asyncio.create_task(self._wait_for_dismissal())
        try:
            await asyncio.wait({doing, dismissal}, return_when=asyncio.FIRST_COMPLETED)
            if dismissal.done() and not doing.done():
                await dismissal
            return await doing
        finally:
            for task in (doing, dismissal):
                task.cancel()
            await asyncio.gather(doing, dismissal, return_exceptions=True)

    async def _wait_for_dismissal(self) -> NoReturn:
        while True:
            message = await self._inbox.get()
            if message is None and not self._is_shown_out and self._may_have_caller():
                continue
            _refuse_if_dismissed(message)

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


def _refuse_if_dismissed(message: ConsultMessage | None) -> None:
    if message is None or isinstance(message, Dismiss):
        raise NotNeededError("dismissed by Agent A" if message else "the consult room is gone")
