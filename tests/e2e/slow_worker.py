"""worker.py whose Agent B is slow to speak: its voice begins later than a move may take."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

from livekit import rtc
from livekit.agents import Agent, ModelSettings

import worker
from agents.agent_b import AgentB

FIRST_WORD_S = 6.5


async def _speak_late(
    self: AgentB, text: AsyncIterable[str], model_settings: ModelSettings
) -> AsyncIterator[rtc.AudioFrame]:
    await asyncio.sleep(FIRST_WORD_S)
    async for frame in Agent.default.tts_node(self, text, model_settings):
        yield frame


# Job processes import this module again, so that the delay is there too.
AgentB.tts_node = _speak_late  # type: ignore[assignment]

if __name__ == "__main__":
    worker.app()
