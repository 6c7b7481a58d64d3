"""Fixed phrases with their sound: synthesized before they are needed, so that they play when a provider is down."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import NOT_GIVEN, AgentSession, tts
from livekit.agents.voice import SpeechHandle

from agents.prompts import Phrases
from agents.providers import local_tts
from agents.sound_cache import cached_sound

FRAME_MS = 50


class PhraseBook:
    """Says fixed phrases verbatim, from the cache where it has them, else through the session's own voice."""

    def __init__(self, phrases: Phrases, cached: Mapping[str, Sequence[rtc.AudioFrame]] | None = None) -> None:
        self._phrases = phrases
        self._cached = dict(cached or {})

    def text(self, key: str) -> str:
        """The phrase's words; KeyError for a phrase that does not exist."""
        return self._phrases[key]

    def say(self, session: AgentSession[None], key: str, *, allow_interruptions: bool = True) -> SpeechHandle:
        """Speak the phrase in a session; it becomes part of the conversation."""
        frames = self._cached.get(key)
        return session.say(
            self._phrases[key],
            audio=_stream(frames) if frames else NOT_GIVEN,
            allow_interruptions=allow_interruptions,
        )

    async def fill(self, voice: tts.TTS[Any]) -> None:
        """Synthesize what is not cached yet with a provider's voice."""
        for key, text in self._phrases.items():
            if key not in self._cached:
                async with voice.synthesize(text) as stream:
                    self._cached[key] = [event.frame async for event in stream]


def local_phrases(phrases: Phrases, voice: str) -> PhraseBook:
    """All phrases in a local voice: made without a provider, before the process takes a call."""
    return PhraseBook(phrases, {key: _frames(text, voice) for key, text in phrases.items()})


def _frames(text: str, voice: str) -> list[rtc.AudioFrame]:
    made_from = f"phrase {local_tts.LOCAL_VOICES[voice]} {text}"
    samples = cached_sound(made_from, lambda: local_tts.synthesize(text, voice).astype(np.float32)).astype(np.int16)
    step = local_tts.SAMPLE_RATE_HZ * FRAME_MS // 1000
    parts = [samples[start : start + step] for start in range(0, len(samples), step)]
    return [rtc.AudioFrame(part.tobytes(), local_tts.SAMPLE_RATE_HZ, 1, len(part)) for part in parts]


async def _stream(frames: Sequence[rtc.AudioFrame]) -> AsyncIterator[rtc.AudioFrame]:
    for frame in frames:
        yield frame
        await asyncio.sleep(0)  # LiveKit analyses each frame on the event loop; others must come in between
