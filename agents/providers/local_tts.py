"""Speech without a key or a network: hibari-tts behind LiveKit's TTS.

hibari ships one voice. The others are made from it by playing it faster or slower, which moves pitch and
timbre together as a smaller or larger speaker would; hibari's own `speed` takes the change of length back.
"""

import asyncio
import functools
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Never

import numpy as np
import numpy.typing as npt
from hibari import Hibari
from livekit.agents import APIConnectOptions, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agents.cpu_priority import give_way

Float = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 24_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalVoice:
    """How a voice differs from hibari's own: `pitch` and `speed` are factors, 1 is unchanged."""

    pitch: float
    speed: float


# Steps of about 9 %; Agent A is about 20 % or more from every specialist. Outside 0.82 to 1.36 the recognizer
# starts to lose words and digits (over 7 sentences: 13 % at 0.74, 1.5 % at 1.40, none from 0.85 to 1.28).
LOCAL_VOICES = {
    "ada": LocalVoice(pitch=1.1, speed=1.0),
    "ben": LocalVoice(pitch=0.84, speed=0.9),
    "tara": LocalVoice(pitch=1.36, speed=1.0),
    "gus": LocalVoice(pitch=0.92, speed=1.0),
    "caller": LocalVoice(pitch=1.0, speed=1.0),
    "caller_2": LocalVoice(pitch=1.2, speed=1.0),
}

_ACTIVE_RMS = 0.1  # -20 dBFS where there is speech: what telephone speech is usually levelled to
_PEAK = 0.9
_THRESHOLD = 0.004  # hibari's padding is below 1e-6 and its softest fricatives are above 0.01
# hibari pads a sentence by 0.32 s and 0.46 s. The first is pure delay; half of the second stays as a pause.
_LEAD_S = 0.02
_PAUSE_S = 0.25
_EDGE_S = 0.005

# Reference and account numbers: 5 digits or more, or a leading zero; no amount, date, time or phone number.
_DIGIT_STRING = re.compile(r"(?<![\d.,:/\-$£€])(?:\d{5,}|0\d+)(?![\d:/\-%]|[.,]\d)")

# hibari does not say that it is thread-safe. At 0.03 s of CPU per second of speech, taking turns is cheap.
_model_lock = threading.Lock()


class LocalTTS(tts.TTS[Never]):
    """Speech in one of LOCAL_VOICES."""

    def __init__(self, *, voice: str) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=SAMPLE_RATE_HZ, num_channels=1)
        _voice(voice)
        self.voice = voice

    @property
    def model(self) -> str:
        """The model's name, for metrics."""
        return "hibari"

    @property
    def provider(self) -> str:
        """The provider's name, for metrics."""
        return "local"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Speak the text; the samples come at once, when all of it is done."""
        return _LocalChunkedStream(tts=self, input_text=text, conn_options=conn_options, voice=self.voice)


class _LocalChunkedStream(tts.ChunkedStream):
    def __init__(self, *, tts: LocalTTS, input_text: str, conn_options: APIConnectOptions, voice: str) -> None:
        super().__init__(tts=tts, input_text=input_text, conn_options=conn_options)
        self._voice = voice

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        loop = asyncio.get_running_loop()
        samples = await loop.run_in_executor(_threads(), synthesize, self._input_text, self._voice)
        if not samples.size:
            # Only punctuation. LiveKit takes a text without a sample for a failure and retries it.
            samples = np.zeros(int(_PAUSE_S * SAMPLE_RATE_HZ), np.int16)
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=SAMPLE_RATE_HZ, num_channels=1, mime_type="audio/pcm"
        )
        output_emitter.push(samples.tobytes())
        output_emitter.flush()


def load() -> None:
    """Load the model and say a word, so that the first caller does not wait the second that this takes."""
    synthesize("Ready.", "ada")


def synthesize(text: str, voice: str) -> npt.NDArray[np.int16]:
    """Speak the text: `int16[n_samples]` at SAMPLE_RATE_HZ, the same samples for the same text.

    CPU-bound and thread-safe. Empty where there is nothing to say. ValueError for an unknown voice.
    """
    shape = _voice(voice)
    sentences = [_level(_trim(sentence)) for sentence in _sentences(_spell_numbers(text), shape)]
    if not sentences:
        return np.zeros(0, np.int16)
    return (np.concatenate(sentences) * 32_767).astype(np.int16)


def _voice(name: str) -> LocalVoice:
    if name not in LOCAL_VOICES:
        raise ValueError(f"unknown local voice {name!r}; known: {', '.join(LOCAL_VOICES)}")
    return LOCAL_VOICES[name]


def _spell_numbers(text: str) -> str:
    """Space out digit strings: "445566" is six digits, not four hundred forty-five thousand."""
    return _DIGIT_STRING.sub(lambda match: " ".join(match.group()), text)


def _sentences(text: str, voice: LocalVoice) -> Iterator[Float]:
    with _model_lock:
        phonemes = _model().phonemize(text)
    for sentence in phonemes:
        with _model_lock:
            samples = _model().from_phonemes(sentence, speed=voice.speed / voice.pitch, seed=0)
        if np.any(np.abs(samples) > _THRESHOLD):
            yield _stretch(samples, 1 / voice.pitch)


@functools.cache
def _threads() -> ThreadPoolExecutor:
    """What live calls are spoken in; more than one, so that a short sentence need not wait for a long text."""
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="local-tts", initializer=give_way)


@functools.cache
def _model() -> Hibari:
    return Hibari(threads=1)  # two threads gain nothing at this size and fight the recognizer for the cores


def _stretch(samples: Float, factor: float) -> Float:
    """Resample to `factor` times as many samples, band-limited; the ends are silent, so nothing wraps."""
    length = round(len(samples) * factor)
    spectrum = np.fft.rfft(samples)[: length // 2 + 1]
    return (np.fft.irfft(spectrum, length) * (length / len(samples))).astype(np.float32)


def _trim(samples: Float) -> Float:
    """Cut the padding and fade 5 ms at either end, so that neither is a click."""
    loud = np.flatnonzero(np.abs(samples) > _THRESHOLD)
    first = max(int(loud[0]) - int(_LEAD_S * SAMPLE_RATE_HZ), 0)
    last = min(int(loud[-1]) + int(_PAUSE_S * SAMPLE_RATE_HZ), len(samples))
    cut = samples[first:last].copy()
    edge = np.linspace(0, 1, int(_EDGE_S * SAMPLE_RATE_HZ), dtype=np.float32)
    cut[: len(edge)] *= edge
    cut[-len(edge) :] *= edge[::-1]
    return cut


def _level(samples: Float) -> Float:
    """Bring the speech (not its pauses) to _ACTIVE_RMS, or as near as its peak allows."""
    active = samples[np.abs(samples) > _THRESHOLD]
    gain = min(_ACTIVE_RMS / float(np.sqrt(np.mean(active**2))), _PEAK / float(np.max(np.abs(samples))))
    return samples * np.float32(gain)
