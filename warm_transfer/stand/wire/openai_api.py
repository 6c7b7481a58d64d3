"""OpenAI's API, and Groq's and OpenRouter's, which differ in little.

Sources: the OpenAI, Groq and OpenRouter API references, and what the plugins of livekit-agents 1.8.9 send and read.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from warm_transfer.stand.wire.dialogue import answer, chunks
from warm_transfer.stand.wire.faults import HALFWAY, STALL_S, WORDS, Fault, before_answer, drop
from warm_transfer.stand.wire.voices import as_mp3, as_wav, speak, understand

_RATES_HZ = {"groq": 48_000}
_RATE_HZ = 24_000
_PIECE = 4096
FaultOf = Callable[[str, str], Fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIApi:
    """One provider's routes."""

    provider: str
    key: str
    fault_of: FaultOf
    """By provider and kind (llm, stt, tts)."""

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Everything that the plugins ask for."""
        return [
            web.get(f"{prefix}/models", self._models),
            web.post(f"{prefix}/chat/completions", self._chat),
            web.post(f"{prefix}/audio/transcriptions", self._transcribe),
            web.post(f"{prefix}/audio/speech", self._speak),
        ]

    async def _models(self, request: web.Request) -> web.Response:
        if refusal := await self._refusal(request, "llm"):
            return refusal
        return web.json_response({"object": "list", "data": [{"id": "stand-in", "object": "model", "created": 0}]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        if refusal := await self._refusal(request, "llm"):
            return refusal
        body = await request.json()
        words, calls = await answer(body)
        lines = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks(words, calls, body["model"])]
        response = await _stream(request, "text/event-stream")
        if self.provider == "openrouter":
            await response.write(b": OPENROUTER PROCESSING\n\n")
        await self._send(request, response, [*lines, b"data: [DONE]\n\n"], "llm", garbage=b'data: {"choices": [{\n\n')
        return response

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        if refusal := await self._refusal(request, "stt"):
            return refusal
        form = await request.post()
        file = form["file"]
        sound = file.file.read() if isinstance(file, web.FileField) else b""
        try:
            text = await asyncio.to_thread(understand, sound)
        except ValueError:
            return self._error(400, "The audio file could not be decoded")
        response = await _stream(request, "application/json")
        whole = json.dumps({"text": text}).encode()
        await self._send(request, response, [whole[:4], whole[4:]], "stt", garbage=b"{{{")
        return response

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if refusal := await self._refusal(request, "tts"):
            return refusal
        body = await request.json()
        rate_hz = _RATES_HZ.get(self.provider, _RATE_HZ)
        samples = await asyncio.to_thread(speak, body["input"], body["voice"], rate_hz)
        kind = body.get("response_format", "mp3")
        sound = samples.tobytes() if kind == "pcm" else (as_wav if kind == "wav" else as_mp3)(samples, rate_hz)
        pieces = [sound[at : at + _PIECE] for at in range(0, len(sound), _PIECE)]
        if body.get("stream_format") == "sse":
            response = await _stream(request, "text/event-stream")
            events: list[dict[str, Any]] = [
                {"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()} for piece in pieces
            ]
            events += [{"type": "speech.audio.done", "usage": {"input_tokens": 1, "output_tokens": 1}}]
            pieces = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
            garbage = b"data: {{{\n\n"
        else:
            response, garbage = await _stream(request, f"audio/{kind}"), b"no sound"
        await self._send(request, response, pieces, "tts", garbage=garbage)
        return response

    async def _refusal(self, request: web.Request, kind: str) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return self._error(401, WORDS[401])
        status = await before_answer(request, self.fault_of(self.provider, kind))
        return self._error(status, WORDS[status]) if status else None

    def _error(self, status: int, message: str) -> web.Response:
        if self.provider == "openrouter":
            return web.json_response({"error": {"code": status, "message": message}}, status=status)
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
        return web.json_response({"error": error}, status=status)

    async def _send(
        self, request: web.Request, response: web.StreamResponse, pieces: list[bytes], kind: str, *, garbage: bytes
    ) -> None:
        fault = self.fault_of(self.provider, kind)
        for piece in pieces[: len(pieces) // 2] if fault in HALFWAY and fault is not Fault.MALFORMED else pieces:
            await response.write(garbage if fault is Fault.MALFORMED else piece)
        if fault is Fault.STALL:
            await asyncio.sleep(STALL_S)
        if fault is Fault.CUT:
            drop(request)
        await response.write_eof()


async def _stream(request: web.Request, content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type, "x-request-id": "req_stand_in"})
    await response.prepare(request)
    return response
