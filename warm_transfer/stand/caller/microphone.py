"""A microphone that never stops: speech when there is some, silence otherwise, into any number of rooms."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import numpy as np
from livekit import rtc

from warm_transfer.stand.caller.downlink import RATE_HZ, CallClock, Lane, Samples

_FRAME = RATE_HZ * 20 // 1000
_QUEUE_MS = 100  # the source paces us; a loop that is busy for longer would leave a hole in the speech
_SILENCE = np.zeros(_FRAME, np.int16)


class Microphone:
    """Sends while the context is open; `said` is the recording of all that it sent."""

    def __init__(self, clock: CallClock) -> None:
        self._clock = clock
        self._source = rtc.AudioSource(RATE_HZ, 1, queue_size_ms=_QUEUE_MS)
        self._waiting: list[tuple[Samples, asyncio.Future[None]]] = []
        self._sender: asyncio.Task[None] | None = None
        # What is captured now leaves after what is queued; no jitter buffer on this side.
        self.said = Lane(room="", identity="", track_name="microphone", delay=RATE_HZ * _QUEUE_MS // 1000)

    async def __aenter__(self) -> Self:
        self._sender = asyncio.create_task(self._send(), name="microphone")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sender is not None:
            self._sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sender
        for _, said in self._waiting:
            said.cancel()
        await self._source.aclose()

    async def publish(
        self, room: rtc.Room, *, name: str = "microphone", is_muted: bool = False
    ) -> rtc.LocalTrackPublication:
        """Publish this microphone in the room, beside any room where it is published already."""
        track = rtc.LocalAudioTrack.create_audio_track(name, self._source)
        if is_muted:
            track.mute()
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        return await room.local_participant.publish_track(track, options)

    async def say(self, samples: Samples, rate_hz: int) -> None:
        """Speak after what is being said; returns when the last frame was handed over."""
        frames = resampled(samples, rate_hz)
        padded = np.concatenate([frames, np.zeros(-len(frames) % _FRAME, np.int16)])
        said: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((padded, said))
        await said

    async def _send(self) -> None:
        while True:
            if not self._waiting:
                await self._capture(_SILENCE)
                continue
            samples, said = self._waiting[0]
            for begin in range(0, len(samples), _FRAME):
                await self._capture(samples[begin : begin + _FRAME])
            self._waiting.pop(0)
            if not said.done():
                said.set_result(None)

    async def _capture(self, frame: Samples) -> None:
        await self._source.capture_frame(rtc.AudioFrame(frame.tobytes(), RATE_HZ, 1, len(frame)))
        self.said.add(frame, self._clock.now())


def resampled(samples: Samples, rate_hz: int) -> Samples:
    """The samples at 48 kHz."""
    if rate_hz == RATE_HZ:
        return samples
    resampler = rtc.AudioResampler(rate_hz, RATE_HZ, quality=rtc.AudioResamplerQuality.HIGH)
    frame = rtc.AudioFrame(samples.tobytes(), rate_hz, 1, len(samples))
    frames = [*resampler.push(frame), *resampler.flush()]
    return np.concatenate([np.frombuffer(part.data, np.int16) for part in frames])
