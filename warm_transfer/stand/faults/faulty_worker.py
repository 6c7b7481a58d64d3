"""worker.py whose local models fail, or that is full, as a file beside UNWRITTEN_DIR says, from one moment to the next.

The file `fault` holds "" or one of FAULTS. An entry of its own, as worker.py is: nothing imports it.
"""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from livekit.agents import APIConnectionError, APIConnectOptions, JobRequest, llm, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

import worker
from agents.admission import Admission
from agents.providers.line_reader import Line
from agents.providers.local_llm import LocalLLM
from agents.providers.local_stt import LocalSpeechStream
from agents.providers.local_tts import LocalTTS
from warm_transfer.settings import load_settings
from warm_transfer.transfer.wire import AgentBJob

_CONSULT = " in the consult"
FAULTS = (
    *("llm fails", "llm stalls", "llm talks nonsense"),
    *(f"llm {how}{_CONSULT}" for how in ("fails", "stalls", "talks nonsense")),
    *("tts fails", "tts stalls"),
    *("stt fails", "stt stalls", "stt talks nonsense"),
    "worker full",
)
GIBBERISH = "blue seventeen of the without"

_chat = LocalLLM.chat
_synthesize = LocalTTS.synthesize
_run = LocalSpeechStream._run
_send = LocalSpeechStream._send
_admit = Admission._admit_agent_b
_fault_file = Path(load_settings().unwritten_dir).with_name("fault")


def _fault(model: str) -> str:
    """How this model (or worker) fails now; "" if it does not."""
    named, _, how = _fault_file.read_text().partition(" ") if _fault_file.exists() else ("", "", "")
    return how if named == model else ""


class _FaultyLLMStream(llm.LLMStream):
    async def _run(self) -> None:
        match _fault("llm").removesuffix(_CONSULT):
            case "stalls":
                await asyncio.Event().wait()
            case "talks nonsense":
                call = llm.FunctionToolCall(name="make_coffee", arguments="{", call_id="nonsense")
                delta = llm.ChoiceDelta(role="assistant", tool_calls=[call])
                self._event_ch.send_nowait(llm.ChatChunk(id="nonsense", delta=delta))
            case _:
                raise APIConnectionError


def _faulty_chat(
    self: LocalLLM,
    *,
    chat_ctx: llm.ChatContext,
    tools: list[llm.Tool] | None = None,
    conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    **options: Any,
) -> llm.LLMStream:
    fault = _fault("llm")
    is_consult = "accept_transfer" in llm.ToolContext(tools or []).function_tools
    if fault and (is_consult or not fault.endswith(_CONSULT)):
        return _FaultyLLMStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)
    return _chat(self, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options, **options)


class _FaultyVoice(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        if _fault("tts") == "stalls":
            await asyncio.Event().wait()
        raise APIConnectionError


def _faulty_synthesize(
    self: LocalTTS, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
) -> tts.ChunkedStream:
    if _fault("tts"):
        return _FaultyVoice(tts=self, input_text=text, conn_options=conn_options)
    return _synthesize(self, text, conn_options=conn_options)


async def _faulty_run(self: LocalSpeechStream) -> None:
    if _fault("stt") == "fails":
        raise APIConnectionError
    await _run(self)


def _faulty_send(self: LocalSpeechStream, line: Line) -> None:
    """What was recognized, as a faulty recognizer gives it on."""
    match _fault("stt"):
        case "fails":
            raise APIConnectionError
        case "stalls":
            return
        case "talks nonsense":
            line = replace(line, text=GIBBERISH)
    _send(self, line)


async def _admit_agent_b(self: Admission, request: JobRequest, job: AgentBJob) -> None:
    if _fault("worker") == "full":
        await request.reject(terminate=False)
    else:
        await _admit(self, request, job)


# Job processes import this module again, so that the faults are there too.
LocalLLM.chat = _faulty_chat  # type: ignore[method-assign]
LocalTTS.synthesize = _faulty_synthesize  # type: ignore[method-assign]
LocalSpeechStream._run = _faulty_run  # type: ignore[method-assign]
LocalSpeechStream._send = _faulty_send  # type: ignore[method-assign]
Admission._admit_agent_b = _admit_agent_b  # type: ignore[method-assign]

if __name__ == "__main__":
    worker.app()
