"""worker.py whose Agent B has a model that fails for good on a word of the caller: its session gives up."""

from typing import Any

from livekit.agents import APIConnectOptions, APIError, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

import worker
from agents.providers.local_llm import LocalLLM

FATAL_WORD = "kaboom"

_chat = LocalLLM.chat


class _FailingStream(llm.LLMStream):
    """A provider that refuses."""

    async def _run(self) -> None:
        raise APIError("refused", retryable=False)


def _chat_or_fail(
    self: LocalLLM,
    *,
    chat_ctx: llm.ChatContext,
    tools: list[llm.Tool] | None = None,
    conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    **options: Any,
) -> llm.LLMStream:
    is_agent_b = "hand_back" in llm.ToolContext(tools or []).function_tools
    said = [message.text_content or "" for message in chat_ctx.messages() if message.role == "user"]
    if is_agent_b and said and FATAL_WORD in said[-1]:
        return _FailingStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)
    return _chat(self, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options, **options)


# Job processes import this module again, so that the failure is there too.
LocalLLM.chat = _chat_or_fail  # type: ignore[method-assign]

if __name__ == "__main__":
    worker.app()
