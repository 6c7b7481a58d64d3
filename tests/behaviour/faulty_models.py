"""Models whose provider is down, slow or out of its mind, and a loudspeaker that notes what it was given."""

import asyncio
from typing import Any, Literal

from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.voice import io

from tests.fakes import settle

Mind = Literal["fails", "breaks_off", "stalls", "stalls_midway", "says_nothing", "calls_nonsense", "leaves", "answers"]

RATE_HZ = 24_000
SILENCE = bytes(RATE_HZ // 50 * 2)
ANSWER = "All is well."


class FaultyLLM(llm.LLM[Any]):
    def __init__(self, mind: Mind = "answers") -> None:
        super().__init__()
        self.mind: Mind = mind
        self.tries = 0

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_: Any,
    ) -> llm.LLMStream:
        return _FaultyLLMStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _FaultyLLMStream(llm.LLMStream):
    async def _run(self) -> None:
        model = self._llm
        assert isinstance(model, FaultyLLM)
        model.tries += 1
        match model.mind:
            case "fails":
                raise APIConnectionError
            case "breaks_off":
                self._say("All is")
                raise APIConnectionError(retryable=False)
            case "stalls":
                self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=llm.ChoiceDelta(role="assistant")))
                await asyncio.Event().wait()
            case "stalls_midway":
                self._say("All is")
                await asyncio.Event().wait()
            case "says_nothing":
                self._say("")
            case "calls_nonsense" | "leaves":
                name = "make_coffee" if model.mind == "calls_nonsense" else "leave"
                call = llm.FunctionToolCall(name=name, arguments="{}", call_id=f"c{model.tries}")
                delta = llm.ChoiceDelta(role="assistant", tool_calls=[call])
                self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))
            case "answers":
                self._say(ANSWER)

    def _say(self, text: str) -> None:
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=llm.ChoiceDelta(role="assistant", content=text)))


class FaultyTTS(tts.TTS[Any]):
    def __init__(self, voice: Literal["fails", "breaks_off", "stalls", "speaks"] = "speaks") -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE_HZ, num_channels=1)
        self.voice = voice
        self.spoken: list[str] = []

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return _FaultyVoice(tts=self, input_text=text, conn_options=conn_options)


class _FaultyVoice(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        model = self._tts
        assert isinstance(model, FaultyTTS)
        if model.voice == "fails":
            raise APIConnectionError(retryable=False)
        if model.voice == "stalls":
            await asyncio.Event().wait()
        model.spoken.append(self._input_text)
        output_emitter.initialize(request_id="1", sample_rate=RATE_HZ, num_channels=1, mime_type="audio/pcm")
        output_emitter.push(SILENCE)
        output_emitter.flush()
        if model.voice == "breaks_off":
            await settle()  # LiveKit plays what it has before an error
            raise APIConnectionError(retryable=False)


class DeafSTT(stt.STT[Any]):
    """A streaming recognizer that can't be reached."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise APIConnectionError(retryable=False)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        return _DeafStream(stt=self, conn_options=conn_options)


class _DeafStream(stt.RecognizeStream):
    async def _run(self) -> None:
        raise APIConnectionError(retryable=False)


class Loudspeaker(io.AudioOutput):
    """Plays everything at once, or on `play`."""

    def __init__(self) -> None:
        super().__init__(label="loudspeaker", capabilities=io.AudioOutputCapabilities(pause=False))
        self.played_s = 0.0
        self._segment_s = 0.0
        self.is_slow = False

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._segment_s:
            self.on_playback_started(created_at=0.0)
        self._segment_s += frame.duration

    def flush(self) -> None:
        super().flush()
        if not self.is_slow:
            self.play()

    def play(self) -> None:
        played, self._segment_s = self._segment_s, 0.0
        if played:
            self.played_s += played
            self.on_playback_finished(playback_position=played, interrupted=False)

    def clear_buffer(self) -> None:
        """Nothing is buffered."""
