"""worker.py whose first Agent A of a call has a bug: its job raises when the caller says a certain word."""

import asyncio
from typing import Any

from livekit.agents import llm

import worker
from agents.caller_room_job import CallerRoomJob
from agents.departure import Departure
from agents.providers.local_llm import LocalLLM

FATAL_WORD = "kaboom"

_chat = LocalLLM.chat
_run_job = CallerRoomJob.run
_run_departure = Departure.run
_said = asyncio.Event()
_epochs: list[int] = []


def _chat_and_note(self: LocalLLM, *, chat_ctx: llm.ChatContext, **options: Any) -> llm.LLMStream:
    if any(FATAL_WORD in (message.text_content or "") for message in chat_ctx.messages()):
        _said.set()
    return _chat(self, chat_ctx=chat_ctx, **options)


async def _run_and_note(self: CallerRoomJob) -> None:
    _epochs.append(self._job.epoch)
    await _run_job(self)


async def _raise_when_said(self: Departure) -> Any:
    running = asyncio.create_task(_run_departure(self))
    saying = asyncio.create_task(_said.wait())
    await asyncio.wait({running, saying}, return_when=asyncio.FIRST_COMPLETED)
    if _said.is_set() and _epochs == [1]:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        raise RuntimeError("a bug")
    saying.cancel()
    return await running


# Job processes import this module again, so that the bug is there too.
LocalLLM.chat = _chat_and_note  # type: ignore[method-assign]
CallerRoomJob.run = _run_and_note  # type: ignore[method-assign]
Departure.run = _raise_when_said  # type: ignore[method-assign]

if __name__ == "__main__":
    worker.app()
