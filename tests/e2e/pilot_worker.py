"""worker.py whose agents add a pilot tone to every spoken turn of a consult: sound that must not reach a caller."""

import numpy as np
from livekit import rtc

import worker
from agents.consult_speech import SAMPLE_RATE_HZ, ConsultSpeech

PILOT_HZ = 6300  # the hold music has steady tones up to 3 kHz
PILOT_AMPLITUDE = 3000


async def _play_with_pilot(self: ConsultSpeech, source: rtc.AudioSource, frame: rtc.AudioFrame) -> None:
    speech = np.frombuffer(frame.data, np.int16).astype(np.int32)
    at = np.arange(len(speech)) / SAMPLE_RATE_HZ
    tone = PILOT_AMPLITUDE * np.sin(2 * np.pi * PILOT_HZ * at)
    mixed = np.clip(speech + tone, -32768, 32767).astype(np.int16)
    await source.capture_frame(rtc.AudioFrame(mixed.tobytes(), SAMPLE_RATE_HZ, 1, len(mixed)))


# Job processes import this module again, so that the tone is there too.
ConsultSpeech._play = _play_with_pilot  # type: ignore[method-assign]

if __name__ == "__main__":
    worker.app()
