"""A chat completion request, as OpenAI's API has it, to the local dialogue model and back."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

from livekit.agents import llm

from agents.providers.local_llm import LocalLLM

Json = dict[str, Any]

_REFUSALS = re.compile(
    r"^(nothing|nobody|no |that is no|this call|a transfer is|the (caller (has not|was)|message is empty))"
    r"|just handed|say nothing|say so|unknown function|error",
    re.IGNORECASE,
)
"""How what our tools raise is worded: see agents/transfer_desk.py and return_desk.py."""


async def _never_called(raw_arguments: dict[str, object]) -> None:
    """Stand for a tool that the asking side runs."""


async def answer(body: Json) -> tuple[str, list[llm.FunctionToolCall]]:
    """What the local model says to the request, and the tools that it calls."""
    tools: list[llm.Tool] = [
        llm.function_tool(_never_called, raw_schema=_schema(one)) for one in body.get("tools") or []
    ]
    words, calls = "", []
    choice: llm.ToolChoice = "none" if body.get("tool_choice") == "none" else "auto"
    async with (
        LocalLLM() as model,
        model.chat(chat_ctx=chat_context(body["messages"]), tools=tools, tool_choice=choice) as stream,
    ):
        async for chunk in stream:
            if chunk.delta:
                words += chunk.delta.content or ""
                calls += chunk.delta.tool_calls
    return words, calls


def chat_context(messages: list[Json]) -> llm.ChatContext:
    """The messages of a request as LiveKit's chat context.

    The protocol has no mark for a tool's error: the stand-in, as any model, knows it by its words.
    """
    context = llm.ChatContext.empty()
    names: dict[str, str] = {}
    for message in messages:
        if message["role"] == "tool":
            output = _text(message["content"])
            call_id = message["tool_call_id"]
            context.items.append(
                llm.FunctionCallOutput(
                    call_id=call_id, name=names.get(call_id, ""), output=output, is_error=bool(_REFUSALS.search(output))
                )
            )
            continue
        if text := _text(message.get("content")):
            context.add_message(role=message["role"], content=text)
        for call in message.get("tool_calls") or []:
            function = call["function"]
            names[call["id"]] = function["name"]
            context.items.append(
                llm.FunctionCall(call_id=call["id"], name=function["name"], arguments=function["arguments"])
            )
    return context


def chunks(words: str, calls: list[llm.FunctionToolCall], model: str) -> Iterator[Json]:
    """The chunks of a streamed answer, arguments of tools in two pieces, usage in the last one."""
    frame = {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": "chat.completion.chunk", "created": 0, "model": model}

    def chunk(delta: Json, finish: str | None = None) -> Json:
        return frame | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for word in words.split(" "):
        yield chunk({"content": word if word is words.split(" ")[0] else f" {word}"})
    for index, call in enumerate(calls):
        function = {"name": call.name, "arguments": ""}
        yield chunk({"tool_calls": [{"index": index, "id": call.call_id, "type": "function", "function": function}]})
        half = len(call.arguments) // 2
        for piece in (call.arguments[:half], call.arguments[half:]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, "tool_calls" if calls else "stop")
    spoken = len(words.split())
    yield frame | {
        "choices": [],
        "usage": {"prompt_tokens": 1, "completion_tokens": spoken, "total_tokens": spoken + 1},
    }


def _schema(tool: Json) -> Json:
    function = tool["function"]
    return {
        "name": function["name"],
        "description": function.get("description", ""),
        "parameters": function.get("parameters", {"type": "object", "properties": {}}),
    }


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""
