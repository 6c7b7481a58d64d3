"""An AI Agent B's job: lives in the final room, consults over a second connection, then takes the caller over."""

import asyncio
import logging

from livekit.agents import AgentSession, AutoSubscribe, room_io

from agents.agent_b import AgentB
from agents.caller_presence import CallerPresence
from agents.consult_speech import ConsultSpeech, consult_voice
from agents.consultant import Consultant
from agents.departure import END_REASON, say_goodbye, until_pause
from agents.hand_back import HandBack
from agents.house import build_session, take_text, write_turns
from agents.phrase_book import PhraseBook
from agents.provider_faults import ProviderFaults
from agents.return_desk import ReturnDesk, ReturnRequest
from agents.stage import Stage
from agents.taken_over import welcome_back
from agents.target_job import ARRIVAL_FACTOR, ROLE, TargetJob
from agents.transcript import Transcript
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import (
    Accept,
    Answer,
    Brief,
    Connect,
    Decline,
    Question,
)

logger = logging.getLogger(__name__)

PHRASE_S = 8.0
"""A fixed phrase takes 3 s."""

ORPHAN_S = 5.0
"""Agent A undoes what was armed at ARM_TTL_S; an Agent B of whom nobody knows any more leaves soon after."""
_GAVE_UP = "Agent B's session gave up"


class FinalRoomJob(TargetJob):
    """One specialist's part of one call, from the dispatch until the caller hangs up."""

    _stage: Stage
    _first_words = ""
    """What is said to the caller first, if the model gave it when it accepted."""

    @property
    def _hearing(self) -> AutoSubscribe:
        """Nothing, until Agent A says that the caller comes: the caller may be in the room ahead."""
        return AutoSubscribe.SUBSCRIBE_NONE

    def _consult_voice(self, recorder: CallRecorder) -> ConsultSpeech | None:
        def note_heard(by: str, text: str) -> None:
            heard = {"transfer_id": self._job.transfer_id, "by": by, "text": text}
            recorder.record(CallEvent.CONSULT_HEARD, heard)

        return consult_voice(self._house.settings, self._models, self._book, note_heard)

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
            reply = await self._inbox.unless_dismissed(consultant.respond(said))
            if voice is not None:
                await self._inbox.unless_dismissed(voice.say(self._words(reply)))
            await link.send(reply)
            match reply:
                case Question(text=text):
                    self._said_in_consult.append(f"You asked Agent A: {text}")
                case Accept():
                    self._first_words = consultant.first_words
                    return
                case Decline():
                    await self._inbox.wait_for_dismissal()  # leaving at once could overtake the message

    async def _next_message(self) -> Brief | Answer:
        settings = self._house.settings
        is_waiting = self._job.is_armed and not self._said_in_consult
        async with asyncio.timeout(settings.arm_ttl_s + ORPHAN_S if is_waiting else settings.consult_timeout_s):
            return await self._inbox.next_of(Brief, Answer)

    def _words(self, reply: Question | Accept | Decline) -> str:
        match reply:
            case Question(text=text):
                return text
            case Accept():
                return self._house.book.text("accept")
            case Decline(reason=reason):
                return reason

    async def _attend(
        self, link: ConsultLink, voice: ConsultSpeech | None, recorder: CallRecorder, rooms: Rooms
    ) -> None:
        """Begin the session beside the consult, deaf: its track is to be heard at the first word."""
        self._stage = stage = self._make_stage(recorder)
        try:
            if self._job.move.has_final_room:
                stage.start(self._start(stage))
            await super()._attend(link, voice, recorder, rooms)
        finally:
            await stage.aclose()

    async def _take_caller(self, link: ConsultLink, recorder: CallRecorder, rooms: Rooms) -> None:
        stage = self._stage
        hand_back = self._hand_back(recorder, rooms)
        presence = self._watch(stage.session, stage.transcript, recorder, hand_back)
        commands = self._commands(recorder, presence)
        leaving: asyncio.Task[None] | None = None
        try:
            await self._inbox.unless_dismissed(stage.agent.learn("\n\n".join(self._said_in_consult)))
            async with asyncio.timeout(ARRIVAL_FACTOR * self._house.settings.move_timeout_s):
                await self._inbox.next_of(Connect)
            self._is_deaf = False
            if self._job.move is Move.JOIN_CALLER_ROOM:
                self._is_connected = True
                presence.subscribe()
                stage.start(self._start(stage))
            else:
                presence.admit()
            await self._inbox.unless_dismissed(self._greet(stage, presence, link))
            leaving = asyncio.create_task(self._hand_over_when_told())
            self._note_end(await self._until_over(stage.session, hand_back, presence), recorder)
        finally:
            if leaving is not None:
                leaving.cancel()
            await commands.aclose()
            presence.close()

    def _make_stage(self, recorder: CallRecorder) -> Stage:
        self._is_deaf = True
        session = build_session(self._models)
        transcript = Transcript(
            room=self._ctx.room.name, agent=ROLE, epoch=self._job.epoch, model=self._models.mind, record=recorder.record
        )
        write_turns(session, transcript)
        ProviderFaults(
            session,
            self._book,
            reply_timeout_s=self._house.settings.reply_timeout_s,
            give_up=self._give_up,
            may_end=lambda: not self._is_deaf,  # else Agent A is on the way
            last_words="trouble.hand_back",
        )
        return Stage(session=session, transcript=transcript, agent=self._agent(transcript))

    async def _start(self, stage: Stage) -> None:
        await stage.session.start(
            stage.agent,
            room=self._ctx.room,
            room_options=room_io.RoomOptions(
                participant_identity=self._job.caller_identity,
                close_on_disconnect=False,
                text_input=room_io.TextInputOptions(text_input_cb=self._take_text),
            ),
            session_host=self._house.settings.debug,
            record=False,
        )

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
        return AgentB(self._specialist, "", desk=desk, roster=self._house.roster)

    @property
    def _book(self) -> PhraseBook:
        return self._house.books[self._specialist.id]

    def _give_up(self, why: str) -> None:
        """Our models failed too often, and the caller was told: an Agent A of a new job may do better."""
        self._requests.put_nowait(ReturnRequest(cause="failed", reason=why))

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

    async def _greet(self, stage: Stage, presence: CallerPresence, link: ConsultLink) -> None:
        """Speak as soon as the caller is here; returns when Agent A knows that the caller is ours."""
        is_moving = self._job.move.has_final_room
        async with asyncio.timeout(ARRIVAL_FACTOR * self._house.settings.move_timeout_s), asyncio.TaskGroup() as tasks:
            if is_moving:  # the proof is the caller's track here, however long our own start takes
                tasks.create_task(self._announce(presence, link))
            await stage.until_started()
            if not (is_moving and stage.is_heard and presence.is_there):  # who is ahead hears us already
                await presence.heard.wait()
            self._speak_first(stage.session)
            if not is_moving and stage.session.room_io.subscribed_fut is not None:
                await stage.session.room_io.subscribed_fut
                await self._announce(presence, link)

    def _speak_first(self, session: AgentSession[None]) -> None:
        if self._first_words:
            session.say(self._first_words)
        else:
            session.generate_reply()

    async def _take_text(self, session: AgentSession[None], event: room_io.TextInputEvent) -> None:
        if not self._is_deaf:
            await take_text(session, event)

    async def _announce(self, presence: CallerPresence, link: ConsultLink) -> None:
        await presence.heard.wait()
        await self._take_over(link)
