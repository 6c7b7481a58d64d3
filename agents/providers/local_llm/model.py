"""LiveKit's side of the rule-based model: requests in, words and tool calls out."""

import itertools
import json
import re
import uuid
from typing import Any

from livekit.agents import llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr

from agents.providers.local_llm.conversation import Reply, ToolUse, read_request
from agents.providers.local_llm.parts import answer


class LocalLLM(llm.LLM[str]):
    """Rules over the same prompts, tools and context as a real model; equal requests get equal answers."""

    @property
    def model(self) -> str:
        """The name in logs and metrics: says what it is."""
        return "rule-based"

    @property
    def provider(self) -> str:
        """The provider in logs and metrics."""
        return "local"

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
        """The stream of one answer."""
        reply = answer(read_request(chat_ctx, tools or [], may_call=tool_choice != "none"))
        return LocalLLMStream(self, reply=reply, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class LocalLLMStream(llm.LLMStream):
    """One answer in word-sized chunks, then its tool call."""

    def __init__(
        self,
        model: LocalLLM,
        *,
        reply: Reply,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(model, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._reply = reply

    async def _run(self) -> None:
        request_id = f"local-{uuid.uuid4().hex}"
        words = re.findall(r"\S+\s*", self._reply.text)
        for word in words:
            delta = llm.ChoiceDelta(role="assistant", content=word)
            self._event_ch.send_nowait(llm.ChatChunk(id=request_id, delta=delta))
        if self._reply.call is not None:
            delta = llm.ChoiceDelta(role="assistant", tool_calls=[_tool_call(self._reply.call)])
            self._event_ch.send_nowait(llm.ChatChunk(id=request_id, delta=delta))
        self._event_ch.send_nowait(llm.ChatChunk(id=request_id, usage=self._usage(len(words))))

    def _usage(self, words: int) -> llm.CompletionUsage:
        """Words in place of tokens: there is no tokenizer."""
        texts = (message.text_content or "" for message in self._chat_ctx.messages())
        prompt = sum(1 for _ in itertools.chain.from_iterable(text.split() for text in texts))
        return llm.CompletionUsage(completion_tokens=words, prompt_tokens=prompt, total_tokens=prompt + words)


def _tool_call(use: ToolUse) -> llm.FunctionToolCall:
    return llm.FunctionToolCall(
        name=use.tool, arguments=json.dumps(dict(use.arguments)), call_id=f"call_{uuid.uuid4().hex[:16]}"
    )
