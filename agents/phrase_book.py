"""Fixed phrases with their sound: made before they are needed, so that they play when a provider is down."""

import asyncio
import functools
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from livekit import rtc
from livekit.agents import NOT_GIVEN, AgentSession, tts
from livekit.agents.voice import SpeechHandle

from agents.prompts import Phrases
from agents.providers import local_tts
from agents.sound_cache import CACHE_DIR, cached_sound, keep_sound, kept_sound

FRAME_MS = 50

Frames = Sequence[rtc.AudioFrame]


class PhraseBook:
    """Says fixed phrases verbatim in one voice, where `fill` could get it, else in a local one."""

    def __init__(self, phrases: Phrases, local: Mapping[str, Frames] | None = None) -> None:
        self._phrases = phrases
        self._local = dict(local or {})
        self._filled: dict[str, Frames] = {}

    def text(self, key: str) -> str:
        """The phrase's words; KeyError for a phrase that does not exist."""
        return self._phrases[key]

    def sound(self, key: str) -> Frames:
        """What is played for the phrase; empty if the session's own voice must say it."""
        return self._filled.get(key) or self._local.get(key) or ()

    def sound_of(self, text: str) -> Frames:
        """What is played for these words if they are a phrase; empty for any other."""
        return next((self.sound(key) for key, phrase in self._phrases.items() if phrase == text), ())

    def say(self, session: AgentSession[None], key: str, *, allow_interruptions: bool = True) -> SpeechHandle:
        """Speak the phrase in a session; it becomes part of the conversation."""
        frames = self.sound(key)
        return session.say(
            self._phrases[key],
            audio=_stream(frames) if frames else NOT_GIVEN,
            allow_interruptions=allow_interruptions,
        )

    async def fill(self, voice: tts.TTS[Any], name: str, folder: Path = CACHE_DIR) -> None:
        """Get a provider's sound of every phrase that has none yet, from the cache or else from the provider.

        Raises:
            APIError: the provider failed; what was got before is kept, also for the next process.
        """
        for key in [key for key in self._local if key not in self._filled]:
            text, rate = self._phrases[key], voice.sample_rate
            made_from = f"phrase {voice.provider} {voice.model} {name} {rate} {text}"
            samples = kept_sound(made_from, folder)
            if samples is None:
                async with voice.synthesize(text) as stream:
                    frame = await stream.collect()
                samples = np.frombuffer(frame.data, np.int16).astype(np.float32)
                keep_sound(made_from, samples, folder)
            self._filled[key] = _frames(samples, rate)


def local_phrases(phrases: Phrases, voice: str, keys: Collection[str] | None = None) -> PhraseBook:
    """These phrases, or all, in a local voice: made without a provider, before the process takes a call."""
    return PhraseBook(phrases, {key: _local_frames(phrases[key], voice) for key in (keys or phrases)})


def load_kept_phrases(phrases: Phrases) -> None:
    """Have in this process, for `local_phrases` here and in its forks, what was made before; makes nothing."""
    for text in phrases.values():
        for voice in local_tts.LOCAL_VOICES:
            if kept_sound(_made_from(text, voice)) is not None:
                _local_frames(text, voice)


@functools.cache
def _local_frames(text: str, voice: str) -> Frames:
    samples = cached_sound(_made_from(text, voice), lambda: local_tts.synthesize(text, voice).astype(np.float32))
    return _frames(samples, local_tts.SAMPLE_RATE_HZ)


def _made_from(text: str, voice: str) -> str:
    return f"phrase {local_tts.LOCAL_VOICES[voice]} {text}"


def _frames(samples: npt.NDArray[np.float32], rate_hz: int) -> Frames:
    step = rate_hz * FRAME_MS // 1000
    whole = samples.astype(np.int16)
    parts = [whole[start : start + step] for start in range(0, len(whole), step)]
    return [rtc.AudioFrame(part.tobytes(), rate_hz, 1, len(part)) for part in parts]


async def _stream(frames: Frames) -> AsyncIterator[rtc.AudioFrame]:
    for frame in frames:
        yield frame
        await asyncio.sleep(0)  # LiveKit analyses each frame on the event loop; others must come in between
