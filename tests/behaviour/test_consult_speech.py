"""A spoken consult whose voice fails goes on by text."""

from typing import Any

import pytest
from livekit import rtc

from agents import consult_speech
from agents.consult_speech import ConsultSpeech
from tests.behaviour.faulty_models import DeafSTT, FaultyTTS


@pytest.mark.parametrize("voice", ["fails", "stalls"])
async def test_turn_that_can_not_be_spoken_is_left_out(voice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consult_speech, "FIRST_SOUND_S", 0.05)
    speech = ConsultSpeech(voice=FaultyTTS(voice), recognizer=DeafSTT(), on_heard=lambda *_: None)
    speech._source = rtc.AudioSource(consult_speech.SAMPLE_RATE_HZ, 1)
    try:
        await speech.say("Hello.")
    finally:
        await speech._source.aclose()
