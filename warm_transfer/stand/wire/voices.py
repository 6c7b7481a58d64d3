"""Sound as the providers send and take it."""

import io
import wave
from collections.abc import Mapping

import av
import numpy as np
import numpy.typing as npt

from agents.house import AGENT_A_VOICE
from agents.providers import local_stt, local_tts
from agents.roster import load_roster

Samples = npt.NDArray[np.int16]


def local_voices() -> Mapping[str, str]:
    """The local voice that stands for each provider's, by the provider's name for it."""
    tables = [AGENT_A_VOICE, *(one.voice for one in load_roster().models)]
    return {voice: table["local"] for table in tables for voice in table.values() if "local" in table}


def speak(text: str, voice: str, sample_rate_hz: int) -> Samples:
    """The text as `int16[n_samples]`; CPU-bound. A voice that nobody has is the caller's."""
    samples = local_tts.synthesize(text, local_voices().get(voice, "caller"))
    if not samples.size:
        samples = np.zeros(local_tts.SAMPLE_RATE_HZ // 4, np.int16)
    length = round(len(samples) * sample_rate_hz / local_tts.SAMPLE_RATE_HZ)
    if length == len(samples):
        return samples
    at = np.linspace(0, len(samples) - 1, length)
    resampled: Samples = np.interp(at, np.arange(len(samples)), samples).astype(np.int16)
    return resampled


def as_wav(samples: Samples, sample_rate_hz: int) -> bytes:
    """A WAV file, mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(sample_rate_hz)
        wav.writeframes(samples.tobytes())
    return file.getvalue()


def as_mp3(samples: Samples, sample_rate_hz: int) -> bytes:
    """An MP3 file, mono: what OpenAI sends unless it is asked for something else."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=sample_rate_hz)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = sample_rate_hz
        resampler = av.AudioResampler(format="s16p", layout="mono", rate=sample_rate_hz, frame_size=1152)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()


def understand(file: bytes) -> str:
    """The words of a WAV file; CPU-bound. ValueError if it is none."""
    try:
        with wave.open(io.BytesIO(file)) as wav:
            samples = np.frombuffer(wav.readframes(wav.getnframes()), np.int16).reshape(-1, wav.getnchannels())[:, 0]
            return local_stt.transcribe(samples, wav.getframerate())
    except (wave.Error, EOFError) as error:
        raise ValueError("no WAV file") from error
