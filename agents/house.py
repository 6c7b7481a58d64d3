"""What every job of this process shares: settings, roster, words, models. Made once, before a call comes."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from livekit.agents import AgentSession, APIError, inference, room_io, vad
from livekit.agents.llm import ChatMessage
from livekit.agents.utils import http_context
from livekit.agents.voice import ConversationItemAddedEvent, FunctionToolsExecutedEvent

from agents import hold_music
from agents.caller_presence import GraceTimes
from agents.phrase_book import PhraseBook, local_phrases
from agents.prompts import SPOKEN_BY_AGENT_B, Phrases, load_phrases
from agents.provider_faults import CONNECT_OPTIONS
from agents.providers.catalog import Models, build_models, build_tts, load_local_models, voice_name
from agents.providers.local_tts import LOCAL_VOICES
from agents.roster import Roster, Specialist, load_roster
from agents.transcript import Transcript
from warm_transfer.calls.log import CallLog, LogUnavailableError
from warm_transfer.calls.presence import PresenceBoard
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.calls.spool import SpoolFile
from warm_transfer.providers import LOCAL
from warm_transfer.settings import Settings
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess

logger = logging.getLogger(__name__)

AGENT_A_VOICE: Mapping[str, str] = {
    "local": "ada",
    "openai": "shimmer",
    "deepgram": "aura-2-luna-en",
    "groq": "diana",
}


MOST_TYPED = 1000
"""Characters of one typed message: a minute of speech. Everything is read many times in a call."""
FILL_TIMEOUT_S = 10.0
"""A provider makes 30 phrases in about that time; the next process goes on where this one stopped."""
CLOSE_TIMEOUT_S = 0.2
"""LiveKit waits 2 s for the last words of somebody who has left; rooms and jobs would stay that much longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One per job process."""

    settings: Settings
    roster: Roster
    book: PhraseBook
    """Agent A's."""
    books: Mapping[str, PhraseBook]
    """What each specialist of the roster says verbatim to the caller, by id."""
    vad: vad.VAD
    log: CallLog

    @property
    def access(self) -> ServerAccess:
        """How to reach the LiveKit server."""
        return ServerAccess.of(self.settings)

    @property
    def grace(self) -> GraceTimes:
        """How long a caller who is away is awaited."""
        return GraceTimes(rejoin_s=self.settings.rejoin_grace_s, lost_s=self.settings.lost_grace_s)

    async def is_free(self, specialist: Specialist) -> bool:
        """Whether somebody of the roster can be called: a model always, a person at the desk who says so."""
        if specialist.kind == "ai":
            return True
        try:
            presence = await asyncio.to_thread(PresenceBoard(self.log).read)
        except LogUnavailableError:
            logger.warning("nobody can tell who is at a desk")
            return False
        return presence.get(specialist.id) == "available"

    def recorder(self, call_id: str) -> CallRecorder:
        """The memory of one job's part of a call, to be entered for the length of the job."""
        return CallRecorder(self.log, call_id, spool=SpoolFile(self.settings.unwritten_dir, call_id))

    def models(self, voice: Mapping[str, str]) -> Models:
        """Models for one agent of one job, with its voice by provider."""
        return build_models(self.settings, voice, self.vad)


def build_house(settings: Settings) -> House:
    """Read the words and load the models; the slow part of a process' start (about 1 s)."""
    phrases = load_phrases()
    roster = load_roster(settings.roster_file)
    vad_model = load_local_models(settings)
    hold_music.load()
    book, books = phrase_books(settings, phrases, roster)
    return House(
        settings=settings,
        roster=roster,
        book=book,
        books=books,
        vad=vad_model,
        log=CallLog(settings.call_log_url),
    )


def phrase_books(settings: Settings, phrases: Phrases, roster: Roster) -> tuple[PhraseBook, dict[str, PhraseBook]]:
    """Agent A's phrases and each specialist's, with a sound for every one: in its own voice if that can be had now."""
    book = _local_book(phrases, AGENT_A_VOICE, phrases)
    books = {one.id: _local_book(phrases, one.voice, SPOKEN_BY_AGENT_B) for one in roster.models}
    first = settings.chain("tts")[0]
    if first != LOCAL:
        voices = [AGENT_A_VOICE, *(one.voice for one in roster.models)]
        names = [voice_name(voice, first) for voice in voices]
        with ThreadPoolExecutor(max_workers=1) as thread:  # this one may have an event loop already
            thread.submit(asyncio.run, _fill(settings, zip(names, [book, *books.values()], strict=True))).result()
    return book, books


def _local_book(phrases: Phrases, voice: Mapping[str, str], keys: Collection[str]) -> PhraseBook:
    local = voice.get("local", "")
    return local_phrases(phrases, local if local in LOCAL_VOICES else AGENT_A_VOICE["local"], keys)


async def _fill(settings: Settings, books: Iterable[tuple[str, PhraseBook]]) -> None:
    try:
        async with asyncio.timeout(FILL_TIMEOUT_S), http_context.open():
            for name, book in books:
                async with build_tts(settings, settings.chain("tts")[0], name) as voice:
                    await book.fill(voice, name)
    except (APIError, OSError):  # a time-out, too
        logger.warning("fixed phrases stay in the local voice", exc_info=True)


def build_session(models: Models) -> AgentSession[None]:
    """A session whose every model is the settings' choice.

    livekit-agents picks cloud models for turn detection and interruption when it runs in dev mode; both are pinned to
    the local ones here. A held caller may be silent for long, so nobody is ever "away".
    """
    return AgentSession(
        stt=models.ear,
        llm=models.mind,
        tts=models.voice,
        vad=models.vad,
        turn_handling={
            "turn_detection": inference.TurnDetector(version="v1-mini"),
            "interruption": {"mode": "vad"},
        },
        user_away_timeout=None,
        conn_options=CONNECT_OPTIONS,
        session_close_transcript_timeout=CLOSE_TIMEOUT_S,
    )


async def take_text(session: AgentSession[None], event: room_io.TextInputEvent) -> None:
    """Treat what the linked participant types as if said; only its beginning, if nobody could have said it in one go.

    A fixed phrase that must be heard is not cut off by it. While the session swaps its agent it refuses any speech, for
    as long as the old one speaks: then the new one answers.
    """
    speech = session.current_speech
    if speech is None or speech.allow_interruptions:
        await session.interrupt()
    text = event.text[:MOST_TYPED]
    try:
        session.generate_reply(user_input=text)
    except RuntimeError:
        async with session._activity_lock:  # held for the whole swap; private API of livekit-agents 1.8.9, tested
            session.generate_reply(user_input=text)


def write_turns(session: AgentSession[None], transcript: Transcript) -> None:
    """Let every finished turn of the session, and every tool that its model calls, go into the transcript."""

    def add(event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage):
            transcript.add_message(event.item)

    def add_tools(event: FunctionToolsExecutedEvent) -> None:
        for called, output in event.zipped():
            transcript.note_tool(called.name, called.arguments, is_refused=output.is_error)

    session.on("conversation_item_added", add)
    session.on("function_tools_executed", add_tools)
