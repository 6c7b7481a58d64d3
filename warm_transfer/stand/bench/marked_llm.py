"""The local model, which notes when it calls a tool."""

from typing import Any

from livekit.agents import llm

from agents.providers.local_llm import LocalLLM
from agents.providers.local_llm.model import LocalLLMStream
from warm_transfer.stand.bench.marks import mark


class MarkedLLM(LocalLLM):
    """Notes the call as its answer is ready, which goes out at once."""

    def chat(self, **request: Any) -> llm.LLMStream:
        """The local model's answer."""
        stream = super().chat(**request)
        if isinstance(stream, LocalLLMStream):
            called = stream._reply.call
            mark(f"called {called.tool}" if called else "answered")
        return stream
