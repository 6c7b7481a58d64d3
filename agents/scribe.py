"""Writes down what caller and person say to each other: nobody else in the room listens."""

import asyncio
import logging
from collections.abc import Mapping

from livekit import rtc
from livekit.agents import APIError, stt

from agents.providers.catalog import Models
from agents.transcript import Transcript
from warm_transfer.transfer.briefing import Speaker

logger = logging.getLogger(__name__)

SAMPLE_RATE_HZ = 16000


class Scribe:
    """Transcribes the tracks of the given speakers in one room, from now until `aclose()`."""

    def __init__(
        self, room: rtc.Room, *, models: Models, transcript: Transcript, speakers: Mapping[str, Speaker]
    ) -> None:
        """`speakers` by identity."""
        self._room = room
        self._recognizer = models.streaming_ear()
        self._transcript = transcript
        self._speakers = speakers
        self._listeners: dict[str, asyncio.Task[None]] = {}
        """By track."""
        room.on("track_subscribed", self._listen)
        room.on("track_unsubscribed", self._stop)
        for participant in room.remote_participants.values():
            for publication in participant.track_publications.values():
                if publication.track is not None:
                    self._listen(publication.track, publication, participant)

    async def aclose(self) -> None:
        """Stop listening."""
        self._room.off("track_subscribed", self._listen)
        self._room.off("track_unsubscribed", self._stop)
        listeners, self._listeners = self._listeners, {}
        for listener in listeners.values():
            listener.cancel()
        await asyncio.gather(*listeners.values(), return_exceptions=True)

    def _listen(self, track: rtc.Track, _: object, participant: rtc.RemoteParticipant) -> None:
        speaker = self._speakers.get(participant.identity)
        if speaker is not None and track.kind == rtc.TrackKind.KIND_AUDIO and track.sid not in self._listeners:
            self._listeners[track.sid] = asyncio.create_task(self._transcribe(track, speaker))

    def _stop(self, track: rtc.Track, *_: object) -> None:
        listener = self._listeners.pop(track.sid, None)
        if listener is not None:
            listener.cancel()

    async def _transcribe(self, track: rtc.Track, speaker: Speaker) -> None:
        audio = rtc.AudioStream.from_track(track=track, sample_rate=SAMPLE_RATE_HZ, num_channels=1)
        try:
            async with self._recognizer.stream() as recognizer, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write(recognizer, speaker))
                async for event in audio:
                    recognizer.push_frame(event.frame)
                recognizer.end_input()
        except* APIError:
            logger.warning("a speaker is not written down any more", exc_info=True)
        finally:
            await audio.aclose()

    async def _write(self, recognizer: stt.RecognizeStream, speaker: Speaker) -> None:
        async for event in recognizer:
            if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT and event.alternatives:
                self._transcript.add(speaker, event.alternatives[0].text)
