"""Hold music: a gapless loop on its own track, beside the agent's voice and independent of it."""

import asyncio
import functools
import itertools
import logging
from types import TracebackType
from typing import Self

import av
import numpy as np
import numpy.typing as npt
from livekit import rtc
from livekit.agents.utils import aio
from livekit.agents.voice.background_audio import BuiltinAudioClip
from livekit.rtc.participant import UnpublishTrackError

from agents.sound_cache import cached_sound, kept_sound

logger = logging.getLogger(__name__)

Float = npt.NDArray[np.float32]

TRACK_NAME = "hold_music"
SAMPLE_RATE_HZ = 48_000
# Measured cost of a playing track in CPU: 24 % of a core with frames of 10 ms, 11 % with 20, 4 % with 50.
FRAME_MS = 50
# What is queued outside the event loop: the loop may stall this long, less one frame, before the caller hears a hole
# (measured: 740 ms with ten runnable processes on two cores). Every change of gain is heard this much later.
QUEUE_MS = 900

# Measured: 36 ms without sound 70 ms after a track's first packet. Heard, it would be a stumble at the music's start.
LEAD_IN_MS = 200

# The clip fades in over its first 2 s and out after 48.7 s. Of all pairs of places 1.5 s long, these two
# sound most alike (largest correlation of their log spectra), so the crossfade keeps the beat.
_LOOP_START_S = 7.66
_LOOP_END_S = 45.84
_CROSSFADE_S = 1.5

# The clip has 20 ms windows 14 dB below its median; levelled like this they are 11 dB below, and 1 in 100 is
# more than 3.5 dB below.
_LEVELLING_S = 0.15
_LEVELLING_GAIN = (0.5, 4.0)
_LOOP_RMS = 0.08  # -22 dBFS: 2 dB below the agents' voices

_MADE_FROM = f"hold_loop {_LOOP_START_S} {_LOOP_END_S} {_CROSSFADE_S} {_LEVELLING_S} {_LEVELLING_GAIN} {_LOOP_RMS}"

_PUBLISH_TIMEOUT_S = 5.0
_BITRATE_BPS = 64_000  # LiveKit's own preset for music is 48 kbit/s; its 24 kbit/s for speech is audible on chords


class HoldMusic:
    """Plays the loop into a room. A context manager: leaving it unpublishes and ends the one task it owns."""

    def __init__(self, *, source: rtc.AudioSource | None = None) -> None:
        self._source = source or rtc.AudioSource(SAMPLE_RATE_HZ, 1, queue_size_ms=QUEUE_MS)
        self._signal = HoldSignal(hold_loop())
        self._room: rtc.Room | None = None
        self._publication: rtc.LocalTrackPublication | None = None
        self._pump_task: asyncio.Task[None] | None = None
        self._filled = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def is_playing(self) -> bool:
        """Whether music is being sent."""
        return self._pump_task is not None and not self._pump_task.done()

    async def publish(self, room: rtc.Room) -> None:
        """Publish the track, silent. TimeoutError after 5 s, PublishTrackError when the server refuses."""
        track = rtc.LocalAudioTrack.create_audio_track(TRACK_NAME, self._source)
        options = rtc.TrackPublishOptions(
            # Not a microphone: clients play it, but no agent takes it for somebody's voice.
            source=rtc.TrackSource.SOURCE_UNKNOWN,
            dtx=False,  # Opus would stop sending in quiet bars
            red=True,
        )
        options.audio_encoding.max_bitrate = _BITRATE_BPS
        async with asyncio.timeout(_PUBLISH_TIMEOUT_S):
            self._publication = await room.local_participant.publish_track(track, options)
        self._room = room

    async def play(self, gain: float = 1.0, *, fade_ms: int = 100) -> None:
        """Fade in and return once the queue is full: from then on a stalled event loop makes no hole.

        A new track is silent for LEAD_IN_MS: its receiver fits its jitter buffer to the first packets.
        """
        self._signal.set_gain(gain, fade_ms, after_ms=0 if self.is_playing else LEAD_IN_MS)
        if not self.is_playing:
            self._pump_task = asyncio.create_task(self._pump(), name="hold-music")
            self._pump_task.add_done_callback(_log_failure)
        await self._filled.wait()

    def set_gain(self, gain: float, *, fade_ms: int = 200) -> None:
        """Move to a gain in [0, 1]; heard QUEUE_MS later. ValueError outside that range."""
        self._signal.set_gain(gain, fade_ms)

    async def aclose(self) -> None:
        """Stop at once and unpublish. Can be called twice, and after the room is gone."""
        if self._pump_task is not None:
            await aio.cancel_and_wait(self._pump_task)
        room, publication = self._room, self._publication
        self._room = self._publication = None
        try:
            if room is not None and publication is not None and room.isconnected():
                async with asyncio.timeout(_PUBLISH_TIMEOUT_S):
                    await room.local_participant.unpublish_track(publication.sid)
        except (TimeoutError, UnpublishTrackError):
            logger.warning("hold music track could not be unpublished", extra={"room": room and room.name})
        finally:
            await self._source.aclose()

    async def _pump(self) -> None:
        for pushed_ms in itertools.count(FRAME_MS, FRAME_MS):
            # capture_frame waits while the queue is full: this is the clock.
            await self._source.capture_frame(_frame(self._signal.read(SAMPLE_RATE_HZ * FRAME_MS // 1000)))
            if pushed_ms >= QUEUE_MS - FRAME_MS:
                self._filled.set()


class HoldSignal:
    """The endless loop times a gain that moves smoothly. No clock: time passes by reading."""

    def __init__(self, loop: Float) -> None:
        self._loop = loop
        self._position = 0
        self._from = self._to = 0.0
        self._ramp_length = self._ramp_position = 0

    def set_gain(self, gain: float, fade_ms: int, after_ms: int = 0) -> None:
        """Start a ramp from the present gain, now or after some time. ValueError outside [0, 1]."""
        if not 0.0 <= gain <= 1.0:
            raise ValueError(f"gain must be in [0, 1], got {gain}")
        self._from = float(self._gains(1)[0])
        self._to = gain
        self._ramp_length = fade_ms * SAMPLE_RATE_HZ // 1000
        self._ramp_position = -after_ms * SAMPLE_RATE_HZ // 1000

    def read(self, n_samples: int) -> Float:
        """Give the next `float32[n_samples]`."""
        where = np.arange(self._position, self._position + n_samples) % len(self._loop)
        samples: Float = self._loop[where] * self._gains(n_samples)
        self._position = (self._position + n_samples) % len(self._loop)
        self._ramp_position += n_samples
        return samples

    def _gains(self, n_samples: int) -> Float:
        """Half a cosine from one gain to the other: monotone, and no corner to hear at its ends."""
        if self._ramp_position >= self._ramp_length:
            return np.full(n_samples, self._to, np.float32)
        phase = np.clip((self._ramp_position + np.arange(n_samples)) / self._ramp_length, 0.0, 1.0)
        gains = self._to + (self._from - self._to) * (0.5 + 0.5 * np.cos(np.pi * phase))
        return gains.astype(np.float32)


def load() -> None:
    """Have the loop before the first caller is put on hold: a second of CPU, once per machine."""
    hold_loop()


def load_kept() -> None:
    """Have the loop if this machine has made it before."""
    if kept_sound(_MADE_FROM) is not None:
        hold_loop()


@functools.cache
def hold_loop() -> Float:
    """Give one turn of the loop, `float32[n_samples]` at SAMPLE_RATE_HZ; its end leads into its start."""
    return cached_sound(_MADE_FROM, _make_loop)


def _make_loop() -> Float:
    clip = _decode(BuiltinAudioClip.HOLD_MUSIC.path())
    fade = int(_CROSSFADE_S * SAMPLE_RATE_HZ)
    body = clip[int(_LOOP_START_S * SAMPLE_RATE_HZ) : int(_LOOP_END_S * SAMPLE_RATE_HZ) + fade]
    loop = _level(_close(body, fade))
    levelled: Float = loop * np.float32(_LOOP_RMS / float(np.sqrt(np.mean(loop**2))))
    return levelled


def _close(body: Float, fade: int) -> Float:
    """Crossfade the last `fade` samples into the first, with equal power."""
    phase = np.linspace(0, np.pi / 2, fade, dtype=np.float32)
    head = body[:fade] * np.sin(phase) + body[-fade:] * np.cos(phase)
    return np.concatenate([head, body[fade:-fade]])


def _level(loop: Float) -> Float:
    """Pull loud and quiet passages towards the median level, slower than a note."""
    window = int(_LEVELLING_S * SAMPLE_RATE_HZ)
    kernel = np.hanning(window) / np.hanning(window).sum()
    padded = np.concatenate([loop[-len(kernel) :], loop, loop[: len(kernel)]]) ** 2
    size = 1 << (len(padded) + len(kernel)).bit_length()
    power = np.fft.irfft(np.fft.rfft(padded, size) * np.fft.rfft(kernel, size), size)
    centre = len(kernel) + len(kernel) // 2
    rms = np.sqrt(np.maximum(power[centre : centre + len(loop)], 1e-12))
    gains: Float = np.clip(np.median(rms) / rms, *_LEVELLING_GAIN).astype(np.float32)
    return loop * gains


def _decode(path: str) -> Float:
    """Read a sound file as mono at SAMPLE_RATE_HZ."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    with av.open(path) as container:
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(np.float32)


def _frame(samples: Float) -> rtc.AudioFrame:
    pcm = (samples * 32_767).astype(np.int16)
    return rtc.AudioFrame(data=pcm.tobytes(), sample_rate=SAMPLE_RATE_HZ, num_channels=1, samples_per_channel=len(pcm))


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("hold music stopped", exc_info=task.exception())
