"""A participant that stands in for an agent: plays what it is told to, hears one caller, orders moves."""

import asyncio
import contextlib
import json

import numpy as np
from livekit import rtc

from warm_transfer.stand.caller.downlink import RATE_HZ, Samples
from warm_transfer.transfer.wire import MOVE_METHOD

DEADLINE_S = 15.0
FRAME = RATE_HZ // 50


class FakeAgent:
    """Publishes what it is given, and hears one caller."""

    def __init__(self, room: rtc.Room) -> None:
        self.room = room
        self.caller_left = asyncio.Event()
        self.caller_spoke = asyncio.Event()
        self.caller_is_quiet = asyncio.Event()
        """Set while the caller has been silent for half a second."""
        self._tasks: list[asyncio.Task[None]] = []
        room.on("participant_disconnected", lambda _: self.caller_left.set())
        room.on("track_subscribed", self._listen)

    async def play(self, name: str, samples: Samples, *, repeat: bool = True) -> asyncio.Task[None]:
        source = rtc.AudioSource(RATE_HZ, 1, queue_size_ms=500)
        track = rtc.LocalAudioTrack.create_audio_track(name, source)
        publication = await self.room.local_participant.publish_track(track)
        if not repeat:
            await asyncio.wait_for(publication.wait_for_subscription(), DEADLINE_S)
        task = asyncio.create_task(self._feed(source, samples, repeat))
        self._tasks.append(task)
        return task

    async def move(self, token: str, room: str) -> str:
        return await self.room.local_participant.perform_rpc(
            destination_identity="caller",
            method=MOVE_METHOD,
            payload=json.dumps({"token": token, "room": room}),
            response_timeout=DEADLINE_S,
        )

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.room.disconnect()

    async def _feed(self, source: rtc.AudioSource, samples: Samples, repeat: bool) -> None:
        while True:
            for begin in range(0, len(samples) - FRAME + 1, FRAME):
                await source.capture_frame(rtc.AudioFrame(samples[begin : begin + FRAME].tobytes(), RATE_HZ, 1, FRAME))
            if not repeat:
                return

    def _listen(self, track: rtc.Track, *_: object) -> None:
        self._tasks.append(asyncio.create_task(self._hear(track)))

    async def _hear(self, track: rtc.Track) -> None:
        quiet_frames = 0
        stream = rtc.AudioStream(track, sample_rate=RATE_HZ, num_channels=1)
        try:
            async for event in stream:
                quiet_frames += 1
                if np.abs(np.frombuffer(event.frame.data, np.int16).astype(int)).max() > 1000:
                    quiet_frames = 0
                    self.caller_spoke.set()
                    self.caller_is_quiet.clear()
                elif quiet_frames > 50:
                    self.caller_is_quiet.set()
        finally:
            await stream.aclose()
