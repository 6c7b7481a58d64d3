"""Speech recognition without a key or a network: moonshine (tiny-en, in the wheel) behind LiveKit's STT."""

import asyncio
import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Never

import numpy as np
import numpy.typing as npt
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, stt, utils
from livekit.agents.language import LanguageCode
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils.aio.channel import ChanClosed, ChanEmpty
from moonshine_voice import ModelArch, Transcriber, get_model_path
from moonshine_voice.errors import MoonshineError

from agents.cpu_priority import give_way
from agents.providers.line_reader import Line, LineReader

Samples = npt.NDArray[np.int16]

SAMPLE_RATE_HZ = 16_000
# Frames stop when the caller mutes or the session's input is detached. What was said until then is final by
# now, and must not become the start of the first sentence after the gap.
_GAP_S = 0.6
_ENGLISH = LanguageCode("en")


class LocalSTT(stt.STT[Never]):
    """Streaming English recognition with interim results."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True,
                interim_results=True,
                # AgentSession flushes when its turn detector says that the caller is done. In noise this
                # beats moonshine's own detector, which then never sees the pause.
                manual_flush=True,
            )
        )

    @property
    def model(self) -> str:
        """The model's name, for metrics."""
        return "moonshine-tiny-en"

    @property
    def provider(self) -> str:
        """The provider's name, for metrics."""
        return "local"

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> "LocalSpeechStream":
        """Open a stream with a thread of its own; any language is taken for English."""
        return LocalSpeechStream(stt=self, conn_options=conn_options, sample_rate=SAMPLE_RATE_HZ)

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        frame = rtc.combine_audio_frames(buffer)
        try:
            text = await asyncio.to_thread(transcribe, _mono(frame), frame.sample_rate)
        except MoonshineError as error:
            raise APIConnectionError("local speech recognition failed") from error
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            request_id=utils.shortuuid(),
            alternatives=[stt.SpeechData(language=_ENGLISH, text=text)],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What came in while the model was busy; `is_flushed` where a flush follows its last chunk."""

    chunks: Sequence[Samples]
    is_flushed: bool


class LocalSpeechStream(stt.RecognizeStream):
    """One conversation's recognition. The model runs in this stream's only thread, which ends with it."""

    _spoken_line: int | None = None

    async def _run(self) -> None:
        """Read until the input ends. APIConnectionError when the model fails: LiveKit then runs it anew."""
        reader = LineReader(_model)
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-stt", initializer=give_way)
        loop = asyncio.get_running_loop()
        try:
            while batch := await self._next_batch(reader):
                lines = await loop.run_in_executor(executor, reader.read, batch.chunks, batch.is_flushed)
                for line in lines:
                    self._send(line)
        except MoonshineError as error:
            raise APIConnectionError("local speech recognition failed") from error
        finally:
            try:
                await loop.run_in_executor(executor, reader.close)
            finally:
                executor.shutdown()  # its last job is done: this waits for microseconds

    async def _next_batch(self, reader: LineReader) -> _Batch | None:
        try:
            async with asyncio.timeout(_GAP_S if reader.is_hearing else None):
                item = await self._input_ch.recv()
        except TimeoutError:
            return _Batch(chunks=(), is_flushed=True)
        except ChanClosed:
            return None
        chunks: list[Samples] = []
        while isinstance(item, rtc.AudioFrame):
            chunks.append(_mono(item))
            try:
                item = self._input_ch.recv_nowait()
            except (ChanEmpty, ChanClosed):
                return _Batch(chunks=chunks, is_flushed=False)
        return _Batch(chunks=chunks, is_flushed=True)

    def _send(self, line: Line) -> None:
        """Tell LiveKit: start at a line's first text, interims, then usage, final and end together."""
        kind = stt.SpeechEventType
        if line.text and line.line_id != self._spoken_line:
            self._spoken_line = line.line_id
            self._send_event(kind.START_OF_SPEECH, line)
        if line.text:
            self._send_event(kind.FINAL_TRANSCRIPT if line.is_final else kind.INTERIM_TRANSCRIPT, line)
        if line.is_final and line.line_id == self._spoken_line:
            self._send_event(kind.END_OF_SPEECH, line)
            self._send_event(kind.RECOGNITION_USAGE, line)

    def _send_event(self, kind: stt.SpeechEventType, line: Line) -> None:
        event = stt.SpeechEvent(type=kind, request_id=str(line.line_id))
        if kind in (stt.SpeechEventType.INTERIM_TRANSCRIPT, stt.SpeechEventType.FINAL_TRANSCRIPT):
            event.alternatives = [
                stt.SpeechData(
                    language=_ENGLISH,
                    text=line.text,
                    start_time=line.start_s + self.start_time_offset,
                    end_time=line.end_s + self.start_time_offset,
                )
            ]
        elif kind is stt.SpeechEventType.RECOGNITION_USAGE:
            event.recognition_usage = stt.RecognitionUsage(audio_duration=line.end_s - line.start_s)
        self._event_ch.send_nowait(event)


def load() -> None:
    """Load the model and recognise a second of silence, so that the first caller waits for neither."""
    transcribe(np.zeros(SAMPLE_RATE_HZ, np.int16), SAMPLE_RATE_HZ)


def transcribe(samples: Samples, sample_rate_hz: int) -> str:
    """Recognise a whole utterance, `int16[n_samples]` at any rate; "" without speech.

    CPU-bound and thread-safe.
    """
    # Not transcribe_without_streaming(): its speech detector remembers the call before, and silence after
    # speech came out as "You".
    with _model().create_stream(update_interval=float("inf")) as stream:
        stream.start()
        stream.add_audio((samples.astype(np.float32) / 32_768).tolist(), sample_rate_hz)
        lines = stream.update_transcription(Transcriber.MOONSHINE_FLAG_FORCE_UPDATE).lines
    return " ".join(line.text.strip() for line in lines if line.text.strip())


@functools.cache
def _model() -> Transcriber:
    return Transcriber(
        str(get_model_path("tiny-en")),
        ModelArch.TINY,
        options={
            "return_audio_data": "false",
            "identify_speakers": "false",  # its model is not in the wheel
            "transcription_interval": "0.05",  # LineReader decides when to look
        },
    )


def _mono(frame: rtc.AudioFrame) -> Samples:
    return np.frombuffer(frame.data, np.int16).reshape(-1, frame.num_channels)[:, 0]
