"""What the caller hears when a model fails, stalls or talks nonsense: a fixed phrase, never silence."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Literal

from livekit.agents import AgentSession, APIConnectOptions, CloseEvent, stt
from livekit.agents.voice import (
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    ErrorEvent,
    SpeechCreatedEvent,
    SpeechHandle,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
)
from livekit.agents.voice.agent_session import SessionConnectOptions

from agents.departure import TAIL_S
from agents.phrase_book import PhraseBook

logger = logging.getLogger(__name__)

Trouble = Literal["trouble.reply", "trouble.hearing"]

MOST_TROUBLES = 3
"""So often in a row the caller is asked to try again, as often as LiveKit bears errors; then the call ends."""
SPEECH_S = 1.0
"""Of voice without a word before words are expected: a cough or a "hm" may well give none."""
GAVE_UP = "the models failed too often"

CONNECT_OPTIONS = SessionConnectOptions(
    # LiveKit's 3 retries, 2 s apart, are 4 s of silence before a failure is known.
    tts_conn_options=APIConnectOptions(max_retry=1, timeout=3.0),
    # LiveKit would close the session in the middle of a phrase; ProviderFaults counts instead and says goodbye first.
    max_unrecoverable_errors=1_000_000,
)


class ProviderFaults:
    """Watches one session until it closes: every reply that is lost is followed by a phrase.

    After MOST_TROUBLES of a kind in a row a last phrase is played to its end, and `give_up` gets why; where the call
    may not end (`may_end`), the caller is asked again. It judges by what the caller heard, not by error events: an
    empty reply and a tool that does not exist raise nothing. So does a recognizer that stalls: who has spoken and is
    not understood in `reply_timeout_s` is told.
    """

    def __init__(
        self,
        session: AgentSession[None],
        book: PhraseBook,
        *,
        reply_timeout_s: float,
        give_up: Callable[[str], object],
        may_end: Callable[[], bool] = lambda: True,
        last_words: str = "trouble.end",
    ) -> None:
        self._session = session
        self._book = book
        self._reply_timeout_s = reply_timeout_s
        self._give_up = give_up
        self._may_end = may_end
        self._last_words = last_words
        self._troubles: Counter[Trouble] = Counter()
        """How often in a row."""
        self._phrase: SpeechHandle | None = None
        """The phrase that was said last."""
        self._is_saying = False
        self._silence: asyncio.TimerHandle | None = None
        """Runs while a reply, or the first sound of what is to be said, is due."""
        self._due: set[SpeechHandle] = set()
        """What is to be said or is being said, save our own phrases, whose sound is there."""
        self._stall: asyncio.TimerHandle | None = None
        """Runs while the words of what was said are due."""
        self._spoke_at: float | None = None
        """Since when the caller has been speaking without a recognized word, by the loop's clock."""
        self._unheard_s = 0.0
        """How long the caller has spoken since the last word that was understood."""
        self._ending: asyncio.Task[None] | None = None
        session.on("speech_created", self._note_speech)
        session.on("error", self._note_error)
        session.on("conversation_item_added", self._note_turn)
        session.on("agent_state_changed", self._note_state)
        session.on("user_state_changed", self._note_voice)
        session.on("user_input_transcribed", self._note_words)
        session.on("close", self._note_close)

    def _note_speech(self, event: SpeechCreatedEvent) -> None:
        if self._is_saying:  # our own phrase: nothing could be said about it
            return
        is_reply = event.source == "generate_reply"

        def judge(speech: SpeechHandle) -> None:
            self._due.discard(speech)
            if not self._is_due:
                self._stop_waiting()
            if speech.interrupted:
                return
            if _is_lost(speech):
                self._tell("trouble.reply")
            elif is_reply:  # a fixed phrase proves nothing
                del self._troubles["trouble.reply"]

        self._due.add(event.speech_handle)
        event.speech_handle.add_done_callback(judge)
        if self._silence is None and self._is_due:
            self._wait()

    def _note_error(self, event: ErrorEvent) -> None:
        if isinstance(event.error, stt.STTError) and not event.error.recoverable:
            self._tell("trouble.hearing")

    def _note_turn(self, event: ConversationItemAddedEvent) -> None:
        if event.item.type == "message" and event.item.role == "user":  # heard, or typed
            del self._troubles["trouble.hearing"]

    def _note_voice(self, event: UserStateChangedEvent) -> None:
        """Expect words once the caller has spoken: a recognizer that stalls raises nothing."""
        self._stop_expecting_words()
        loop = asyncio.get_running_loop()
        if event.new_state == "speaking":
            self._spoke_at = loop.time() if self._is_listening else None
        elif self._spoke_at is not None:
            self._unheard_s += loop.time() - self._spoke_at
            if self._unheard_s >= SPEECH_S:
                self._stall = loop.call_later(self._reply_timeout_s, self._miss_words)

    @property
    def _is_listening(self) -> bool:
        """While it says what must be heard, LiveKit keeps the caller's voice from the recognizer."""
        speech = self._session.current_speech
        return speech is None or speech.allow_interruptions

    def _note_words(self, _: UserInputTranscribedEvent) -> None:
        self._stop_expecting_words()
        self._spoke_at = asyncio.get_running_loop().time()
        self._unheard_s = 0.0

    def _miss_words(self) -> None:
        self._unheard_s = 0.0
        if self._session.input.audio_enabled:  # else another agent hears the caller
            self._tell("trouble.hearing")

    def _stop_expecting_words(self) -> None:
        stall, self._stall = self._stall, None
        if stall is not None:
            stall.cancel()

    def _note_state(self, event: AgentStateChangedEvent) -> None:
        self._stop_waiting()
        if self._is_due:
            self._wait()

    @property
    def _is_due(self) -> bool:
        """Whether the caller hears nothing although something is to be said: LiveKit thinks over a reply only."""
        state = self._session.agent_state
        return state == "thinking" or (state != "speaking" and bool(self._due))

    def _wait(self) -> None:
        self._silence = asyncio.get_running_loop().call_later(self._reply_timeout_s, self._break_off)

    def _stop_waiting(self) -> None:
        silence, self._silence = self._silence, None
        if silence is not None:
            silence.cancel()

    def _break_off(self) -> None:
        """End a reply that stalls where no deadline of a model sees it, in a voice that never begins."""
        speech = self._session.current_speech
        if speech is None or not speech.allow_interruptions or self._session.user_state == "speaking":
            self._wait()  # a transfer is being made, or the caller is not waiting
            return
        speech.interrupt()
        self._tell("trouble.reply")

    def _tell(self, trouble: Trouble) -> None:
        phrase = self._phrase
        is_saying = phrase is not None and not (phrase.done() or phrase.interrupted)
        if is_saying or self._ending is not None:
            return  # never two at once
        self._troubles[trouble] += 1
        logger.warning("a provider failed", extra={"trouble": trouble, "in_a_row": self._troubles[trouble]})
        if self._troubles[trouble] > MOST_TROUBLES and self._may_end():
            self._ending = asyncio.create_task(self._say_goodbye())
        else:
            self._phrase = self._say(trouble)

    async def _say_goodbye(self) -> None:
        speech = self._say(self._last_words, allow_interruptions=False)
        if speech is None:  # another agent comes: it may do better, and is counted on
            self._ending = None
            return
        await speech
        await asyncio.sleep(TAIL_S)
        self._give_up(GAVE_UP)

    def _say(self, phrase: str, *, allow_interruptions: bool = True) -> SpeechHandle | None:
        self._is_saying = True
        try:
            return self._book.say(self._session, phrase, allow_interruptions=allow_interruptions)
        except RuntimeError:  # the session closes, or swaps its agent, who is about to speak
            logger.info("phrase not said", extra={"phrase": phrase})
            return None
        finally:
            self._is_saying = False

    def _note_close(self, _: CloseEvent) -> None:
        self._stop_waiting()
        self._stop_expecting_words()
        if self._ending is not None:
            self._ending.cancel()


def _is_lost(speech: SpeechHandle) -> bool:
    """Whether a speech that nobody interrupted left the caller without what was to be said."""
    if speech.exception() is not None:
        return True
    said = [item for item in speech.chat_items if item.type == "message" and item.text_content]
    if said:
        return any(item.interrupted for item in said if item.type == "message")  # by a voice that broke off
    outputs = [item for item in speech.chat_items if item.type == "function_call_output"]
    return not outputs or outputs[-1].reply_required
