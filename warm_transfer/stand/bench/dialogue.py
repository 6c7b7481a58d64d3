"""The bench's language model: what Agent A, Agent B and the baselines say and call, in microseconds."""

import asyncio
import inspect
import json
import re
import uuid
from typing import Any

from livekit.agents import llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr

from warm_transfer.stand.bench.marks import is_first_line_fixed, mark
from warm_transfer.stand.bench.models import provider_takes
from warm_transfer.stand.bench.sizes import INSTANT, REAL

ASKS_FOR_IT = "I was charged twice. Please connect me with billing."
"""The caller wants to be transferred: Agent A needs no consent, and has no time to prepare."""
TELLS = "I was charged twice on my last bill."
"""Agent A offers a transfer."""
AGREES = "Yes, please."
FIRST_LINE = "Hello, this is Ben from billing."
"""What Agent B says where the first line is fixed."""

_REASON = "The caller was charged twice."
_CONSULT_S = 6.0
"""How long the patient one thinks before it accepts: hold music plays meanwhile."""


class BenchLLM(llm.LLM[str]):
    """Answers by the tools that a request has; `consult_s`: its further time for the acceptance."""

    def __init__(self, first_token_s: float, *, consult_s: float = 0.0) -> None:
        super().__init__()
        self.first_token_s = first_token_s
        self.consult_s = consult_s

    @property
    def model(self) -> str:
        """For metrics."""
        return "rules of the bench"

    @property
    def provider(self) -> str:
        """For metrics."""
        return "bench"

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        """One answer."""
        return _Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Answer(llm.LLMStream):
    def __init__(
        self, model: BenchLLM, *, chat_ctx: llm.ChatContext, tools: list[llm.Tool], conn_options: APIConnectOptions
    ) -> None:
        super().__init__(model, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._model = model

    async def _run(self) -> None:
        await provider_takes(self._model.first_token_s, "llm")
        tools = llm.ToolContext(self._tools).function_tools
        words, tool, arguments = answer(self._chat_ctx, frozenset(tools))
        if tool == "accept_transfer":
            await asyncio.sleep(self._model.consult_s)
            # An acceptance may bring the first line with it: then there is no further request for that.
            if "first_words" in inspect.signature(tools[tool]).parameters and not is_first_line_fixed():
                arguments = {"first_words": first_words(self._chat_ctx)}
        request_id = uuid.uuid4().hex
        mark(f"called {tool}" if tool else "answered")
        calls = [llm.FunctionToolCall(name=tool, arguments=json.dumps(arguments), call_id=request_id)] if tool else []
        delta = llm.ChoiceDelta(role="assistant", content=words or None, tool_calls=calls)
        self._event_ch.send_nowait(llm.ChatChunk(id=request_id, delta=delta))


def answer(chat_ctx: llm.ChatContext, tools: frozenset[str]) -> tuple[str, str, dict[str, Any]]:
    """Words, and a tool with its arguments; "" where there is none."""
    if "write_briefing" in tools:
        return "", "write_briefing", {"reason": _REASON, "asked": {"text": "be transferred", "turn_id": "t1"}}
    if "accept_transfer" in tools:
        return "", "accept_transfer", {}
    if "transfer_call" in tools:
        return _of_agent_a(chat_ctx, tools)
    instructions = next((one.text_content or "" for one in chat_ctx.messages() if one.role == "system"), "")
    if "# Briefing" in instructions and not any(one.role == "assistant" for one in chat_ctx.messages()):
        return first_line(instructions), "", {}
    return "One moment.", "", {}


def first_line(instructions: str) -> str:
    """Agent B's first words, made from the briefing in its instructions."""
    briefing = instructions.partition("# Briefing")[2]
    found = re.search(r"charged \w+", briefing)
    return f"Hello, this is Ben. You were {found.group() if found else 'on the phone with Alex'}."


def first_words(consult: llm.ChatContext) -> str:
    """The same, made from what Agent A said in the consult."""
    return first_line("# Briefing " + " ".join(one.text_content or "" for one in consult.messages()))


def _of_agent_a(chat_ctx: llm.ChatContext, tools: frozenset[str]) -> tuple[str, str, dict[str, Any]]:
    last = next((one for one in reversed(chat_ctx.items) if one.type in {"message", "function_call_output"}), None)
    if isinstance(last, llm.FunctionCallOutput):
        return _after_tool(last)
    said = (last.text_content or "") if isinstance(last, llm.ChatMessage) and last.role == "user" else ""
    if said == AGREES or ("offer_transfer" not in tools and said in (ASKS_FOR_IT, TELLS)):
        return "", "transfer_call", {}
    if said in (ASKS_FOR_IT, TELLS):
        return "", "offer_transfer", {"skill": "billing", "reason": _REASON}
    return "All right.", "", {}


def _after_tool(called: llm.FunctionCallOutput) -> tuple[str, str, dict[str, Any]]:
    if called.name == "offer_transfer" and not called.is_error:
        if "call transfer_call now" in called.output:
            return "", "transfer_call", {}
        return "May I connect you with Ben?", "", {}
    return ("Sorry." if called.is_error else ""), "", {}


def instant_llm() -> BenchLLM:
    """Takes no time."""
    return BenchLLM(INSTANT.first_token_s)


def real_llm() -> BenchLLM:
    """Takes as long as published."""
    return BenchLLM(REAL.first_token_s)


def patient_llm() -> BenchLLM:
    """Takes no time, but for the acceptance of a call."""
    return BenchLLM(INSTANT.first_token_s, consult_s=_CONSULT_S)
