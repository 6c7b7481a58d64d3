"""An OpenAI client that tells a provider nothing of ours but the request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai

_LIMITS = httpx2.Limits(max_connections=50, max_keepalive_connections=50, keepalive_expiry=120)
_TIMEOUT = httpx2.Timeout(connect=15.0, read=5.0, write=5.0, pool=5.0)


async def _forget_our_ids(request: httpx2.Request) -> None:
    """Take off what livekit-agents 1.8.9 adds to every chat request inside a job: ids of room, job, agent and session.

    `get_inference_headers` (livekit/agents/inference/_utils.py) is meant for LiveKit's own gateway; the OpenAI plugin's
    stream inherits it (inference/llm.py), after any header that its user gives.
    """
    for name in [name for name in request.headers if name.lower().startswith("x-livekit-")]:
        del request.headers[name]


def discreet_client(base_url: str, api_key: str) -> openai.AsyncClient:
    """As the plugin makes its own, without redirects: another host would get the caller's words."""
    transport = httpx2.AsyncClient(timeout=_TIMEOUT, limits=_LIMITS, event_hooks={"request": [_forget_our_ids]})
    return openai.AsyncClient(api_key=api_key, base_url=base_url, max_retries=0, http_client=transport)


@asynccontextmanager
async def closing_client(model: Any) -> AsyncIterator[Any]:
    """The model, closed with its HTTP client: plugins of 1.8.9 leave that of an STT, and one they were given, open."""
    async with model:
        yield model
    client = getattr(model, "_client", None)
    if isinstance(client, openai.AsyncClient):
        await client.close()
