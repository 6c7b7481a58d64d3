"""A model that speaks in time or fails: a stall becomes an error, whatever provider or chain of them is inside."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from livekit.agents import APIConnectOptions, APITimeoutError, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.plugins import openai

MOST_RETRIES = 2
RETRY_INTERVAL_S = 0.5
"""LiveKit retries after 0.1 s, then after this: three quick failures leave most of 3 s for the answer."""
_ONCE = APIConnectOptions(max_retry=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a model has, and how often it may try in that time."""

    first_token_s: float
    next_token_s: float
    most_retries: int


class TimelyLLM(llm.LLM[Any]):
    """Another model with a deadline of `first_token_s` for its first token over all its tries, and for each next one.

    `next_token_s`: for each further one, if it is another time. What is late raises APITimeoutError and is not tried
    again: the caller has waited long enough. No try has a shorter limit of its own, else a model that always takes 2 s
    would never answer.
    """

    def __init__(
        self,
        inner: llm.LLM[Any],
        *,
        first_token_s: float,
        next_token_s: float | None = None,
        most_retries: int = MOST_RETRIES,
        also_closes: Sequence[llm.LLM[Any]] = (),
    ) -> None:
        """`also_closes`: members of an `inner` that leaves them open, as LiveKit's FallbackAdapter does."""
        super().__init__()
        self._inner = inner
        self.deadlines = Deadlines(
            first_token_s=first_token_s, next_token_s=next_token_s or first_token_s, most_retries=most_retries
        )
        self._also_closes = also_closes

    @property
    def model(self) -> str:
        """The inner model's name, for metrics."""
        return self._inner.model

    @property
    def provider(self) -> str:
        """The inner model's provider, for metrics."""
        return self._inner.provider

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
        """The stream of one answer; `conn_options` are this class' own, whoever asks."""
        return _TimelyStream(
            self,
            self._inner,
            self.deadlines,
            chat_ctx=chat_ctx,
            tools=tools or [],
            request={
                "parallel_tool_calls": parallel_tool_calls,
                "tool_choice": tool_choice,
                "extra_kwargs": extra_kwargs,
            },
        )

    def prewarm(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Connect before the first question."""
        self._inner.prewarm(loop=loop)

    async def aclose(self) -> None:
        """Close the inner model, too, and the client that it was given."""
        for model in (self._inner, *self._also_closes):
            await model.aclose()
            if isinstance(model, openai.LLM):
                await model._client.close()  # ours, so the plugin leaves it open; livekit-plugins-openai 1.8.9
        await super().aclose()


class _TimelyStream(llm.LLMStream):
    # As in LiveKit's own adapters: the inner request has the spans of the inference.
    _llm_request_span_name: ClassVar[str] = "timely_llm"
    _llm_attempt_span_name: ClassVar[str | None] = None
    _genai_operation_name: ClassVar[str | None] = None

    def __init__(
        self,
        outer: TimelyLLM,
        inner: llm.LLM[Any],
        deadlines: Deadlines,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        request: dict[str, Any],
    ) -> None:
        super().__init__(outer, chat_ctx=chat_ctx, tools=tools, conn_options=_ONCE)
        self._inner = inner
        self._deadlines = deadlines
        self._request = request

    async def _run(self) -> None:
        limits = self._deadlines
        # A client's time-out is for each read: the deadline below counts over all of them.
        options = APIConnectOptions(
            max_retry=limits.most_retries, retry_interval=RETRY_INTERVAL_S, timeout=limits.next_token_s
        )
        clock = asyncio.get_running_loop().time
        try:
            async with (
                asyncio.timeout(limits.first_token_s) as deadline,
                self._inner.chat(
                    chat_ctx=self._chat_ctx, tools=self._tools, conn_options=options, **self._request
                ) as stream,
            ):
                async for chunk in stream:
                    self._event_ch.send_nowait(chunk)
                    if chunk.has_response():
                        deadline.reschedule(clock() + limits.next_token_s)
        except TimeoutError as error:
            raise APITimeoutError(f"no token for {limits.first_token_s} s", retryable=False) from error
