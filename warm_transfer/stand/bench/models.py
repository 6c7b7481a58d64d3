"""Providers that take no time, or a published one: fixed words by fixed rules, one sound, an ear that hears energy."""

import asyncio
import time
from typing import Any, Never

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, stt, tts, utils
from livekit.agents.language import LanguageCode
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr

from warm_transfer.providers import PROVIDERS, Model, Provider
from warm_transfer.stand.bench.marks import mark
from warm_transfer.stand.bench.sizes import INSTANT, REAL

RATE_HZ = 24_000
_EAR_HZ = 16_000
_SOUND_S = 0.4
"""Of any text: long enough to be one utterance, and short, for every run waits for it."""
_LOUD_RMS = 300.0
_LEAST_SPEECH_S = 0.1
HEARD = "How long will that take, please?"

_HERE = "warm_transfer.stand.bench"


def register() -> None:
    """Add the bench's providers to the table; before the settings are read."""
    for name in ("instant", "real", "patient"):
        PROVIDERS[name] = Provider(
            base_url=None,
            needs_key=False,
            is_remote=False,
            llm=Model(make=f"{_HERE}.dialogue:{name}_llm", model=None),
            stt=Model(make=f"{__name__}:{name}_stt", model=None),
            tts=Model(make=f"{__name__}:{name}_tts", model=None, voice="bench"),
        )
    PROVIDERS["marked"] = Provider(
        base_url=None,
        needs_key=False,
        is_remote=False,
        llm=Model(make=f"{_HERE}.marked_llm:MarkedLLM", model=None),
    )


async def provider_takes(seconds: float, kind: str) -> None:
    """Wait as a provider makes one wait, and note it."""
    if seconds:
        began_s = time.monotonic()
        await asyncio.sleep(seconds)
        mark(f"waited {kind}", since_s=began_s)


class BenchTTS(tts.TTS[Never]):
    """The same short sound for every text, from its first sample on."""

    def __init__(self, first_sound_s: float) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE_HZ, num_channels=1)
        self.first_sound_s = first_sound_s

    @property
    def provider(self) -> str:
        """For metrics, and the cache of phrases."""
        return "bench"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Speak."""
        return _Sound(tts=self, input_text=text, conn_options=conn_options, first_sound_s=self.first_sound_s)


class _Sound(tts.ChunkedStream):
    def __init__(
        self, *, tts: BenchTTS, input_text: str, conn_options: APIConnectOptions, first_sound_s: float
    ) -> None:
        super().__init__(tts=tts, input_text=input_text, conn_options=conn_options)
        self._first_sound_s = first_sound_s

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        await provider_takes(self._first_sound_s, "tts")
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=RATE_HZ, num_channels=1, mime_type="audio/pcm"
        )
        output_emitter.push(_voice())
        output_emitter.flush()


def _voice() -> bytes:
    """A buzz of 150 Hz at -16 dBFS, loud from its first period on."""
    at = np.arange(int(_SOUND_S * RATE_HZ)) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * 150 * harmonic * at) / harmonic for harmonic in range(1, 9))
    return bytes((np.asarray(wave) * 5000).astype(np.int16).tobytes())


class BenchSTT(stt.STT[Never]):
    """Takes any loud sound for one sentence, and says so when it has been quiet for `final_words_s`; None: deaf."""

    def __init__(self, final_words_s: float | None) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.final_words_s = final_words_s

    @property
    def provider(self) -> str:
        """For metrics."""
        return "bench"

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise NotImplementedError("it streams")

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> "_EnergyStream":
        """Listen."""
        return _EnergyStream(stt=self, conn_options=conn_options, sample_rate=_EAR_HZ, quiet_s=self.final_words_s)


class _EnergyStream(stt.RecognizeStream):
    def __init__(
        self, *, stt: BenchSTT, conn_options: APIConnectOptions, sample_rate: int, quiet_s: float | None
    ) -> None:
        super().__init__(stt=stt, conn_options=conn_options, sample_rate=sample_rate)
        self._quiet_s = quiet_s

    async def _run(self) -> None:
        loud_s = quiet_s = 0.0
        async for item in self._input_ch:
            if not isinstance(item, rtc.AudioFrame) or self._quiet_s is None:
                continue
            if _rms(item) > _LOUD_RMS:
                loud_s, quiet_s = loud_s + item.duration, 0.0
            elif loud_s:
                quiet_s += item.duration
            if loud_s and quiet_s >= self._quiet_s:
                if loud_s >= _LEAST_SPEECH_S:
                    self._say(stt.SpeechEventType.FINAL_TRANSCRIPT)
                loud_s = quiet_s = 0.0

    def _say(self, kind: stt.SpeechEventType) -> None:
        words = stt.SpeechData(language=LanguageCode("en"), text=HEARD, confidence=1.0)
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, request_id=utils.shortuuid(), alternatives=[words]))


def _rms(frame: rtc.AudioFrame) -> float:
    samples = np.frombuffer(frame.data, np.int16).astype(np.float64)
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


def instant_stt() -> BenchSTT:
    """Takes no time."""
    return BenchSTT(INSTANT.final_words_s)


def instant_tts(voice: str) -> BenchTTS:
    """Takes no time."""
    return BenchTTS(INSTANT.first_sound_s)


def real_stt() -> BenchSTT:
    """Takes as long as published."""
    return BenchSTT(REAL.final_words_s)


def real_tts(voice: str) -> BenchTTS:
    """Takes as long as published."""
    return BenchTTS(REAL.first_sound_s)


def patient_stt() -> BenchSTT:
    """Deaf: the caller's sweep is no speech."""
    return BenchSTT(None)


def patient_tts(voice: str) -> BenchTTS:
    """Takes no time."""
    return BenchTTS(INSTANT.first_sound_s)
