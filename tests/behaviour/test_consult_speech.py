"""A spoken consult whose voice fails goes on by text; a fixed phrase needs no voice."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from livekit import rtc

from agents import consult_speech
from agents.consult_speech import SAMPLE_RATE_HZ, ConsultSpeech
from agents.phrase_book import PhraseBook
from agents.prompts import Phrases
from tests.behaviour.faulty_models import DeafSTT, FaultyTTS

FAREWELL = "The caller has hung up."
FRAME = rtc.AudioFrame.create(SAMPLE_RATE_HZ, 1, SAMPLE_RATE_HZ // 20)
BOOK = PhraseBook(Phrases({"dismissed.caller_left": FAREWELL}), {"dismissed.caller_left": [FRAME] * 4})


class Speech(ConsultSpeech):
    """Keeps what it plays."""

    played_ms = 0.0

    async def _play(self, source: rtc.AudioSource, frame: rtc.AudioFrame) -> None:
        self.played_ms += frame.duration * 1000
        await super()._play(source, frame)


@pytest_asyncio.fixture(params=["fails", "stalls"])
async def speech(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Speech]:
    """A consult's speech whose voice is broken."""
    monkeypatch.setattr(consult_speech, "FIRST_SOUND_S", 0.05)
    voice: Any = FaultyTTS(request.param)
    speech = Speech(voice=voice, recognizer=DeafSTT(), book=BOOK, on_heard=lambda *_: None)
    speech._source = rtc.AudioSource(SAMPLE_RATE_HZ, 1)
    yield speech
    await speech._source.aclose()


async def test_turn_that_can_not_be_spoken_is_left_out(speech: Speech) -> None:
    await speech.say("Hello.")
    assert speech.played_ms == 0


async def test_fixed_phrase_is_spoken_though_the_voice_is_broken(speech: Speech) -> None:
    await speech.say(FAREWELL)
    assert speech.played_ms == pytest.approx(200)
