"""Every fixed phrase has a sound before a call comes, whatever the provider does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import APIConnectionError

from agents import house
from agents.house import phrase_books
from agents.phrase_book import PhraseBook
from agents.prompts import TROUBLES, load_phrases
from agents.roster import load_roster
from tests.behaviour.faulty_models import RATE_HZ, SILENCE, FaultyTTS
from warm_transfer.settings import load_settings

PHRASES = load_phrases()
LOCAL = [rtc.AudioFrame(np.full(4800, 7, np.int16).tobytes(), RATE_HZ, 1, 4800)]


def book() -> PhraseBook:
    return PhraseBook(PHRASES, dict.fromkeys(TROUBLES, LOCAL))


def samples(frames: Sequence[rtc.AudioFrame]) -> bytes:
    return b"".join(bytes(frame.data) for frame in frames)


def is_the_providers(frames: Sequence[rtc.AudioFrame]) -> bool:
    """Whether the sound begins as FaultyTTS' does; LiveKit adds a tail."""
    return samples(frames).startswith(SILENCE)


async def test_filled_phrase_has_the_providers_sound(tmp_path: Path) -> None:
    filled = book()
    await filled.fill(FaultyTTS(), "ash", tmp_path)
    assert all(is_the_providers(filled.sound(key)) for key in TROUBLES)


async def test_phrase_keeps_its_local_sound_while_the_provider_is_down(tmp_path: Path) -> None:
    unfilled = book()
    with pytest.raises(APIConnectionError):
        await unfilled.fill(FaultyTTS("fails"), "ash", tmp_path)
    assert [samples(unfilled.sound(key)) for key in TROUBLES] == [samples(LOCAL)] * len(TROUBLES)


async def test_next_process_has_the_providers_sound_without_the_provider(tmp_path: Path) -> None:
    await book().fill(FaultyTTS(), "ash", tmp_path)
    later = book()
    await later.fill(FaultyTTS("fails"), "ash", tmp_path)
    assert is_the_providers(later.sound("trouble.end"))


async def test_another_voice_has_sounds_of_its_own(tmp_path: Path) -> None:
    await book().fill(FaultyTTS(), "ash", tmp_path)
    with pytest.raises(APIConnectionError):
        await book().fill(FaultyTTS("fails"), "nova", tmp_path)


@pytest.mark.parametrize("voice", ["fails", "stalls"])
def test_process_starts_with_every_phrase_in_a_local_voice_when_the_provider_is_down(
    voice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "build_tts", lambda *_: FaultyTTS(voice))
    monkeypatch.setattr(house, "FILL_TIMEOUT_S", 0.05)
    settings, roster = load_settings("/nonexistent", {"OPENAI_API_KEY": "k"}), load_roster()
    agent_a, specialists = phrase_books(settings, PHRASES, roster)
    assert all(agent_a.sound(key) for key in PHRASES)
    assert set(specialists) == {one.id for one in roster.models}
    assert all(one.sound(key) for one in specialists.values() for key in ("welcome_back", *TROUBLES))
