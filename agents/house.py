"""What every job of this process shares: settings, roster, words, models. Made once, before a call comes."""

from collections.abc import Mapping
from dataclasses import dataclass

from livekit.agents import AgentSession, inference, room_io, vad
from livekit.agents.llm import ChatMessage
from livekit.agents.voice import ConversationItemAddedEvent

from agents import hold_music
from agents.caller_presence import GraceTimes
from agents.phrase_book import PhraseBook, local_phrases
from agents.prompts import load_phrases
from agents.providers.catalog import Models, build_models, load_local_models
from agents.roster import Roster, load_roster
from agents.transcript import Transcript
from warm_transfer.calls.log import CallLog
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.calls.spool import SpoolFile
from warm_transfer.settings import Settings
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess

AGENT_A_VOICE: Mapping[str, str] = {
    "local": "ada",
    "openai": "shimmer",
    "deepgram": "aura-2-luna-en",
    "groq": "diana",
}


MOST_TYPED = 1000
"""Characters of one typed message: a minute of speech. Everything is read many times in a call."""
CLOSE_TIMEOUT_S = 0.2
"""LiveKit waits 2 s for the last words of somebody who has left; rooms and jobs would stay that much longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One per job process."""

    settings: Settings
    roster: Roster
    book: PhraseBook
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

    def recorder(self, call_id: str) -> CallRecorder:
        """The memory of one job's part of a call, to be entered for the length of the job."""
        return CallRecorder(self.log, call_id, spool=SpoolFile(self.settings.unwritten_dir, call_id))

    def models(self, voice: Mapping[str, str]) -> Models:
        """Models for one agent of one job, with its voice by provider."""
        return build_models(self.settings, voice, self.vad)


def build_house(settings: Settings) -> House:
    """Read the words and load the models; the slow part of a process' start (about 1 s)."""
    phrases = load_phrases()
    vad_model = load_local_models(settings)
    hold_music.load()
    is_local = settings.tts_provider == "local"
    return House(
        settings=settings,
        roster=load_roster(settings.roster_file),
        book=local_phrases(phrases, AGENT_A_VOICE["local"]) if is_local else PhraseBook(phrases),
        vad=vad_model,
        log=CallLog(settings.call_log_url),
    )


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
        session_close_transcript_timeout=CLOSE_TIMEOUT_S,
    )


async def take_text(session: AgentSession[None], event: room_io.TextInputEvent) -> None:
    """Treat what the linked participant types as if said; only its beginning, if nobody could have said it in one go.

    A fixed phrase that must be heard is not cut off by it.
    """
    speech = session.current_speech
    if speech is None or speech.allow_interruptions:
        await session.interrupt()
    session.generate_reply(user_input=event.text[:MOST_TYPED])


def write_turns(session: AgentSession[None], transcript: Transcript) -> None:
    """Let every finished turn of the session go into the transcript."""

    def add(event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage):
            transcript.add_message(event.item)

    session.on("conversation_item_added", add)
