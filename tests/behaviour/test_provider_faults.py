"""A caller whose agent's models fail: which fixed phrase is said, how often, and how it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from livekit import rtc
from livekit.agents import NOT_GIVEN, Agent, AgentSession, StopResponse
from livekit.agents.llm import ChatMessage, function_tool
from livekit.agents.voice import ConversationItemAddedEvent, SpeechCreatedEvent, SpeechHandle, UserInputTranscribedEvent
from livekit.plugins import silero

from agents import provider_faults
from agents.consultant import Consultant
from agents.house import build_session
from agents.phrase_book import PhraseBook
from agents.prompts import load_phrases
from agents.provider_faults import CONNECT_OPTIONS, MOST_TROUBLES, ProviderFaults
from agents.providers.catalog import build_models
from agents.providers.timely_llm import MOST_RETRIES, TimelyLLM
from agents.roster import load_roster
from agents.transcript import Transcript
from tests.behaviour.faulty_models import (
    ANSWER,
    RATE_HZ,
    SILENCE,
    DeafSTT,
    FaultyLLM,
    FaultyTTS,
    Loudspeaker,
    Mind,
)
from tests.fakes import settle
from warm_transfer.settings import load_settings
from warm_transfer.transfer.wire import Decline

PHRASES = load_phrases()
AGAIN, DEAF, GOODBYE = (PHRASES[f"trouble.{kind}"] for kind in ("reply", "hearing", "end"))
SOUND = [rtc.AudioFrame(SILENCE, RATE_HZ, 1, len(SILENCE) // 2)]
SHORT_S = 0.05


@function_tool
async def leave() -> None:
    """Hand over to somebody else, without a word."""
    raise StopResponse


class Call:
    """A caller who types, an agent who speaks, and what was said by it."""

    def __init__(
        self, mind: Mind = "answers", *, first_token_s: float = 3.0, reply_timeout_s: float = 8.0, is_deaf: bool = False
    ) -> None:
        self.llm, self.tts = FaultyLLM(mind), FaultyTTS()
        self.said: list[str] = []
        self.spoke = asyncio.Event()
        self.gave_up: list[list[str]] = []
        """What had been said by then, each time."""
        self.ended = asyncio.Event()
        self.may_end = True
        self.speaker = Loudspeaker()
        self._speeches: list[SpeechHandle] = []
        self.session: AgentSession[None] = AgentSession(
            stt=DeafSTT() if is_deaf else NOT_GIVEN,
            llm=TimelyLLM(self.llm, first_token_s=first_token_s),
            tts=self.tts,
            conn_options=CONNECT_OPTIONS,
            vad=None,
            session_close_transcript_timeout=0.0,
        )
        self.session.output.audio = self.speaker
        self.session.on("conversation_item_added", self._note)
        self.session.on("speech_created", self._note_speech)
        ProviderFaults(
            self.session,
            PhraseBook(PHRASES, dict.fromkeys(PHRASES, SOUND)),
            reply_timeout_s=reply_timeout_s,
            give_up=self._give_up,
            may_end=lambda: self.may_end,
        )

    def _note(self, event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage) and event.item.role == "assistant":
            self.said.append(event.item.text_content or "")
            self.spoke.set()

    def _give_up(self, _: str) -> None:
        self.gave_up.append(list(self.said))
        self.ended.set()

    def _note_speech(self, event: SpeechCreatedEvent) -> None:
        self._speeches.append(event.speech_handle)

    async def asks(self, times: int = 1) -> None:
        """Say something so often, each time when the agent has finished."""
        for _ in range(times):
            self.session.generate_reply(user_input="Hello?")
            await self.settled()

    async def settled(self) -> None:
        """Wait until nothing more is being said."""
        while self._speeches:
            await self._speeches.pop()
            await settle()


@asynccontextmanager
async def started(call: Call) -> AsyncIterator[Call]:
    async with call.session:
        await call.session.start(Agent(instructions="Help.", tools=[leave]))
        yield call


@pytest.mark.parametrize("mind", ["fails", "says_nothing", "calls_nonsense"])
async def test_reply_that_fails_is_followed_by_one_phrase(mind: Mind) -> None:
    async with started(Call(mind)) as call:
        await call.asks()
        assert call.said == [AGAIN]
        assert call.speaker.played_s == SOUND[0].duration


async def test_model_that_fails_is_tried_again_before_the_caller_is_told() -> None:
    async with started(Call("fails")) as call:
        await call.asks()
        assert call.llm.tries == 1 + MOST_RETRIES


async def test_model_that_stalls_is_given_up_in_time() -> None:
    async with started(Call("stalls", first_token_s=SHORT_S)) as call:
        await call.asks()
        assert call.said == [AGAIN]
        assert call.llm.tries == 1


@pytest.mark.parametrize("mind", ["stalls_midway", "breaks_off"])
async def test_reply_that_ends_in_mid_sentence_is_followed_by_the_phrase(mind: Mind) -> None:
    async with started(Call(mind, first_token_s=SHORT_S)) as call:
        await call.asks()
        assert call.said == ["All is", AGAIN]


async def test_phrase_is_heard_while_the_voice_is_down() -> None:
    async with started(Call()) as call:
        call.tts.voice = "fails"
        await call.asks()
        assert call.said == [AGAIN]
        assert call.speaker.played_s == SOUND[0].duration
        assert call.tts.spoken == []


async def test_voice_that_breaks_off_is_told() -> None:
    async with started(Call()) as call:
        call.tts.voice = "breaks_off"
        await call.asks()
        assert call.said[-1] == AGAIN
        assert len(call.tts.spoken) == 1
        assert call.speaker.played_s > SOUND[0].duration


async def test_voice_that_stalls_is_broken_off_and_told() -> None:
    async with started(Call(reply_timeout_s=SHORT_S)) as call:
        call.tts.voice = "stalls"
        await call.asks()
        assert call.said == [AGAIN]


async def test_voice_that_stalls_in_a_first_line_is_broken_off_and_told() -> None:
    async with started(Call(reply_timeout_s=SHORT_S)) as call:
        call.tts.voice = "stalls"
        call.session.say("Hello Susan, this is Ben.")
        await call.settled()
        assert call.said == [AGAIN]


async def test_answer_is_followed_by_nothing() -> None:
    async with started(Call()) as call:
        await call.asks(2)
        assert call.said == [ANSWER, ANSWER]


async def test_tool_that_wants_no_words_is_no_failure() -> None:
    async with started(Call("leaves")) as call:
        await call.asks()
        assert call.said == []


async def test_reply_that_the_caller_interrupts_is_no_failure() -> None:
    async with started(Call("stalls")) as call:
        speech = call.session.generate_reply(user_input="Hello?")
        await settle()
        await call.session.interrupt()
        await speech
        await call.settled()
        assert call.said == []


async def test_two_replies_that_fail_at_once_are_told_once() -> None:
    async with started(Call("says_nothing")) as call:
        call.session.generate_reply(user_input="Hello?")
        call.session.generate_reply(user_input="Hello?")
        await call.settled()
        assert call.said == [AGAIN]


async def test_call_ends_after_too_many_failures_with_a_goodbye_that_was_heard() -> None:
    async with started(Call("says_nothing")) as call:
        await call.asks(MOST_TROUBLES)
        assert call.gave_up == []
        await call.asks()
        await call.ended.wait()
        assert call.said == [*[AGAIN] * MOST_TROUBLES, GOODBYE]
        assert call.gave_up == [call.said]


async def test_call_does_not_end_before_the_goodbye_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_faults, "TAIL_S", 0)
    async with started(Call("says_nothing")) as call:
        await call.asks(MOST_TROUBLES)
        call.speaker.is_slow = True
        await call.session.generate_reply(user_input="Hello?")
        await settle()
        assert call.gave_up == []
        call.speaker.play()
        await call.ended.wait()
        assert call.said[-1] == GOODBYE


async def test_answer_between_failures_begins_the_count_anew() -> None:
    async with started(Call("says_nothing")) as call:
        await call.asks(MOST_TROUBLES)
        call.llm.mind = "answers"
        await call.asks()
        call.llm.mind = "says_nothing"
        await call.asks(MOST_TROUBLES)
        assert call.said == [*[AGAIN] * MOST_TROUBLES, ANSWER, *[AGAIN] * MOST_TROUBLES]


async def test_call_that_may_not_end_goes_on() -> None:
    async with started(Call("says_nothing")) as call:
        call.may_end = False
        await call.asks(MOST_TROUBLES + 2)
        assert call.said == [AGAIN] * (MOST_TROUBLES + 2)


async def test_caller_who_can_not_be_heard_is_told_so_and_the_call_ends() -> None:
    async with started(Call(is_deaf=True)) as call:
        await call.ended.wait()
        assert call.said == [*[DEAF] * MOST_TROUBLES, GOODBYE]
        assert call.gave_up == [call.said]


class Voice:
    """What the caller's voice does, as the session's VAD would tell."""

    def __init__(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(provider_faults, "SPEECH_S", 2 * SHORT_S)
        self._call = call

    async def speaks(self, seconds: float) -> None:
        self._call.session._update_user_state("speaking")
        await asyncio.sleep(seconds)
        self._call.session._update_user_state("listening")

    def is_understood(self, text: str = "hello", *, is_final: bool = True) -> None:
        event = UserInputTranscribedEvent(transcript=text, is_final=is_final)
        self._call.session.emit("user_input_transcribed", event)


async def test_caller_whose_words_never_come_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started(Call(reply_timeout_s=2 * SHORT_S)) as call:
        await Voice(call, monkeypatch).speaks(3 * SHORT_S)
        await asyncio.wait_for(call.spoke.wait(), 5)
        assert call.said == [DEAF]


async def test_words_that_come_at_last_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started(Call(reply_timeout_s=4 * SHORT_S)) as call:
        voice = Voice(call, monkeypatch)
        await voice.speaks(3 * SHORT_S)
        await asyncio.sleep(SHORT_S)
        voice.is_understood()
        await asyncio.sleep(6 * SHORT_S)
        assert call.said == []


async def test_speech_that_stops_being_understood_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started(Call(reply_timeout_s=2 * SHORT_S)) as call:
        voice = Voice(call, monkeypatch)
        speaking = asyncio.create_task(voice.speaks(6 * SHORT_S))
        await asyncio.sleep(SHORT_S)
        voice.is_understood("my name", is_final=False)
        await speaking
        await asyncio.wait_for(call.spoke.wait(), 5)
        assert call.said == [DEAF]


async def test_words_into_what_must_be_heard_are_not_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started(Call(reply_timeout_s=SHORT_S)) as call:
        call.speaker.is_slow = True
        call.session.say(ANSWER, allow_interruptions=False)
        await settle()
        await Voice(call, monkeypatch).speaks(3 * SHORT_S)
        call.speaker.play()
        await call.settled()
        await asyncio.sleep(4 * SHORT_S)
        assert call.said == [ANSWER]


async def test_cough_needs_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started(Call(reply_timeout_s=SHORT_S)) as call:
        await Voice(call, monkeypatch).speaks(0)
        await asyncio.sleep(4 * SHORT_S)
        assert call.said == []


async def test_caller_whom_another_agent_hears_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started(Call(reply_timeout_s=2 * SHORT_S)) as call:
        await Voice(call, monkeypatch).speaks(3 * SHORT_S)
        call.session.input.set_audio_enabled(False)
        await asyncio.sleep(4 * SHORT_S)
        assert call.said == []


async def test_session_of_a_job_has_the_deadline_and_bears_what_is_counted_here() -> None:
    models = build_models(load_settings("/nonexistent", {"FIRST_TOKEN_S": "0.05"}), {"local": "ada"}, silero.VAD.load())
    assert isinstance(models.mind, TimelyLLM)
    async with build_session(models) as session:
        assert session.llm is models.mind
        assert session.conn_options.max_unrecoverable_errors > 1000


# The consult


@pytest.mark.parametrize("mind", ["fails", "stalls", "says_nothing", "calls_nonsense"])
async def test_agent_b_without_a_mind_declines_with_a_fixed_reason(mind: Mind) -> None:
    specialist = load_roster().specialists[0]
    model = TimelyLLM(FaultyLLM(mind), first_token_s=SHORT_S)
    reply = await Consultant(model, specialist).respond("Susan Clark was charged twice.")
    assert reply == Decline(reason=PHRASES["consult_failed.decline"])


@pytest.mark.parametrize("mind", ["fails", "stalls", "stalls_midway", "says_nothing"])
async def test_question_that_the_model_can_not_answer_gets_a_fixed_answer(mind: Mind) -> None:
    model = TimelyLLM(FaultyLLM(mind), first_token_s=SHORT_S)
    transcript = Transcript(room="r", agent="agent_a", epoch=1, model=model, record=lambda *_: None)
    assert await transcript.answer("What is the account number?") == PHRASES["consult_failed.answer"]
