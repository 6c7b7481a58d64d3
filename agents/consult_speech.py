"""Speaks the consult's turns in the consult room and transcribes the other side's."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, stt, tts

from agents.phrase_book import PhraseBook
from agents.providers.catalog import Models
from warm_transfer.settings import Settings

logger = logging.getLogger(__name__)

SAMPLE_RATE_HZ = 24000
FIRST_SOUND_S = 5.0
"""A provider's first sound takes under 1 s, a whole turn of the local voice 2 s on busy cores."""
TRACK_NAME = "consult_voice"


def consult_voice(
    settings: Settings, models: Models, book: PhraseBook, on_heard: Callable[[str, str], object]
) -> "ConsultSpeech | None":
    """An agent's voice and ear for the consult, None where the consult is text alone; `book` is in that voice."""
    if settings.consult_mode == "text":
        return None
    return ConsultSpeech(voice=models.voice, recognizer=models.streaming_ear(), book=book, on_heard=on_heard)


class ConsultSpeech:
    """Implements the ConsultVoice port with an agent's own voice and recognizer."""

    def __init__(
        self,
        *,
        voice: tts.TTS[Any],
        recognizer: stt.STT[Any],
        book: PhraseBook,
        on_heard: Callable[[str, str], object],
    ) -> None:
        self._voice = voice
        self._book = book
        self._recognizer = recognizer
        self._on_heard = on_heard
        """Takes the speaker's identity and the transcribed text."""
        self._source: rtc.AudioSource | None = None
        self._listener: asyncio.Task[None] | None = None

    async def attach(self, room: rtc.Room, peer: str) -> None:
        """Publish the voice's track and listen to the peer's, once it is there."""
        self._room, self._peer = room, peer
        self._source = rtc.AudioSource(SAMPLE_RATE_HZ, 1, queue_size_ms=200)
        track = rtc.LocalAudioTrack.create_audio_track(TRACK_NAME, self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False)
        room.on("track_subscribed", self._listen_to)
        for participant in room.remote_participants.values():
            for publication in participant.track_publications.values():
                if publication.track is not None:
                    self._listen_to(publication.track, publication, participant)
        await room.local_participant.publish_track(track, options)

    async def say(self, text: str) -> None:
        """Speak one turn and wait until it has been played out; a voice that fails or stalls loses only the sound.

        The text goes its own way, so the consult goes on without it.
        """
        try:
            async with asyncio.timeout(FIRST_SOUND_S) as deadline:
                await self._speak(text, deadline)
        except (APIError, TimeoutError):
            logger.warning("a turn of the consult was not spoken", exc_info=True)

    async def _speak(self, text: str, deadline: asyncio.Timeout) -> None:
        source = self._source
        if source is None:
            return
        resampler = None
        async for whole in self._sound(text):
            deadline.reschedule(None)
            frames = [whole]
            if whole.sample_rate != SAMPLE_RATE_HZ:
                resampler = resampler or rtc.AudioResampler(whole.sample_rate, SAMPLE_RATE_HZ)
                frames = resampler.push(whole)
            for frame in frames:
                await self._play(source, frame)
        await source.wait_for_playout()

    async def _sound(self, text: str) -> AsyncIterator[rtc.AudioFrame]:
        """A fixed phrase's sound is there at once; anything else takes the voice's time."""
        for frame in self._book.sound_of(text):
            yield frame
        if self._book.sound_of(text):
            return
        async with self._voice.synthesize(text, conn_options=APIConnectOptions(max_retry=1)) as stream:
            async for event in stream:
                yield event.frame

    async def _play(self, source: rtc.AudioSource, frame: rtc.AudioFrame) -> None:
        """Hand one frame over; who is cut off meanwhile leaves nothing queued, and the source free for the next turn.

        A source that is given a frame while it takes another raises.
        """
        taking = asyncio.ensure_future(source.capture_frame(frame))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            source.clear_queue()
            await asyncio.gather(taking, return_exceptions=True)
            raise

    async def detach(self) -> None:
        """Stop speaking and listening."""
        source, self._source = self._source, None
        if source is None:
            return
        self._room.off("track_subscribed", self._listen_to)
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
        await source.aclose()

    def _listen_to(self, track: rtc.Track, _: object, participant: rtc.RemoteParticipant) -> None:
        is_peers = participant.identity == self._peer and track.kind == rtc.TrackKind.KIND_AUDIO
        if is_peers and self._listener is None:
            self._listener = asyncio.create_task(self._transcribe(track))

    async def _transcribe(self, track: rtc.Track) -> None:
        audio = rtc.AudioStream.from_track(track=track, sample_rate=16000, num_channels=1)
        try:
            async with self._recognizer.stream() as recognizer, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take_transcripts(recognizer))
                async for event in audio:
                    recognizer.push_frame(event.frame)
                recognizer.end_input()
        finally:
            await audio.aclose()

    async def _take_transcripts(self, recognizer: stt.RecognizeStream) -> None:
        async for event in recognizer:
            if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT and event.alternatives:
                text = event.alternatives[0].text.strip()
                if text:
                    self._on_heard(self._peer, text)
