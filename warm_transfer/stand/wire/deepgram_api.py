"""Deepgram's listen and speak, over WebSockets, and speak over HTTP.

Sources: Deepgram's API reference, and what livekit-plugins-deepgram 1.8.9 sends and reads.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web
from livekit import rtc
from livekit.agents import stt, vad
from livekit.plugins import silero

from agents.providers.local_stt import LocalSTT
from warm_transfer.stand.wire.faults import STALL_S, WORDS, Fault, before_answer, drop
from warm_transfer.stand.wire.voices import speak

PROVIDER = "deepgram"
_PIECE = 4800  # bytes: 0.1 s at 24 kHz
_SILENCE_S = 0.3
"""After which Deepgram would say speech_final; it is asked for less, and takes as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepgramApi:
    """The routes."""

    key: str
    fault_of: Callable[[str, str], Fault]

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Everything that the plugin asks for."""
        return [
            web.get(f"{prefix}/listen", self._listen),
            web.get(f"{prefix}/speak", self._speak),
            web.post(f"{prefix}/speak", self._speak_once),
            web.get(f"{prefix}/projects", self._projects),
        ]

    async def _projects(self, request: web.Request) -> web.Response:
        if refusal := await self._refusal(request, "stt"):
            return refusal
        return web.json_response({"projects": []})

    async def _refusal(self, request: web.Request, kind: str) -> web.Response | None:
        status = 401 if request.headers.get("Authorization") != f"Token {self.key}" else None
        status = status or await before_answer(request, self.fault_of(PROVIDER, kind))
        if status is None:
            return None
        return web.json_response({"err_code": str(status), "err_msg": WORDS[status]}, status=status)

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        if refusal := await self._refusal(request, "stt"):
            return refusal
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        fault = self.fault_of(PROVIDER, "stt")
        rate_hz = int(request.query.get("sample_rate", "16000"))
        endpointing = silero.VAD.load(min_silence_duration=_SILENCE_S, sample_rate=16000)
        async with LocalSTT().stream() as ear, asyncio.TaskGroup() as tasks:
            ends = endpointing.stream()
            telling = [tasks.create_task(_tell(socket, ear, fault)), tasks.create_task(_end_lines(ends, ear))]
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    if fault is Fault.CUT:
                        drop(request)
                    frame = rtc.AudioFrame(message.data, rate_hz, 1, len(message.data) // 2)
                    ear.push_frame(frame)
                    ends.push_frame(frame)
                elif message.type is WSMsgType.TEXT:
                    match json.loads(message.data)["type"]:
                        case "Finalize":
                            ear.flush()
                        case "CloseStream":
                            break
            for task in telling:
                task.cancel()
            await ends.aclose()
        await socket.close()
        return socket

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if refusal := await self._refusal(request, "tts"):
            return refusal
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        fault, words = self.fault_of(PROVIDER, "tts"), ""
        async for message in socket:
            asked = json.loads(message.data)
            match asked["type"]:
                case "Speak":
                    words += asked["text"]
                case "Flush":
                    if words.strip():
                        await self._say(request, socket, words.strip(), fault)
                    words = ""
                    await socket.send_json({"type": "Flushed", "sequence_id": 0})
                case "Close":
                    break
        await socket.close()
        return socket

    async def _say(self, request: web.Request, socket: web.WebSocketResponse, words: str, fault: Fault) -> None:
        if fault is Fault.MALFORMED:
            await socket.send_str("{{{")
            return
        sound = await _sound(request, words)
        for at in range(0, len(sound) // 2 if fault in (Fault.CUT, Fault.STALL) else len(sound), _PIECE):
            await socket.send_bytes(sound[at : at + _PIECE])
        if fault is Fault.STALL:
            await asyncio.sleep(STALL_S)
        if fault is Fault.CUT:
            drop(request)

    async def _speak_once(self, request: web.Request) -> web.StreamResponse:
        if refusal := await self._refusal(request, "tts"):
            return refusal
        sound = await _sound(request, (await request.json())["text"])
        return web.Response(body=sound, content_type="audio/l16")


async def _sound(request: web.Request, words: str) -> bytes:
    rate_hz = int(request.query.get("sample_rate", "24000"))
    return (await asyncio.to_thread(speak, words, request.query.get("model", ""), rate_hz)).tobytes()


async def _end_lines(ends: vad.VADStream, ear: stt.RecognizeStream) -> None:
    async for event in ends:
        if event.type is vad.VADEventType.END_OF_SPEECH:
            ear.flush()


async def _tell(socket: web.WebSocketResponse, ear: stt.RecognizeStream, fault: Fault) -> None:
    kind = stt.SpeechEventType
    async for event in ear:
        if fault is Fault.STALL:
            await asyncio.sleep(STALL_S)
        if fault is Fault.MALFORMED:
            await socket.send_str("{{{")
        elif event.type is kind.START_OF_SPEECH:
            await socket.send_json({"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.0})
        elif event.type in (kind.INTERIM_TRANSCRIPT, kind.FINAL_TRANSCRIPT):
            await socket.send_json(_results(event, is_final=event.type is kind.FINAL_TRANSCRIPT))


def _results(event: stt.SpeechEvent, *, is_final: bool) -> dict[str, Any]:
    said = event.alternatives[0]
    words = [
        {"word": word.strip(".,?!").lower(), "punctuated_word": word, "start": 0.0, "end": 0.0, "confidence": 1.0}
        for word in said.text.split()
    ]
    best = {"transcript": said.text, "confidence": 1.0, "words": words}
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": said.start_time,
        "duration": said.end_time - said.start_time,
        "is_final": is_final,
        "speech_final": is_final,
        "channel": {"alternatives": [best]},
        "metadata": {"request_id": event.request_id},
    }
