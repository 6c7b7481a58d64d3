"""worker.py whose first Agent A of a call fails when the caller says a certain word: it raises, or loses its room."""

import asyncio
from typing import Any

from livekit import rtc
from livekit.agents import get_job_context, llm

import worker
from agents.caller_room_job import CallerRoomJob
from agents.departure import Departure
from agents.providers.local_llm import LocalLLM

FATAL_WORDS = ("kaboom", "offline")

_chat = LocalLLM.chat
_run_job = CallerRoomJob.run
_run_departure = Departure.run
_said = asyncio.Event()
_heard: list[str] = []
_epochs: list[int] = []


def _chat_and_note(self: LocalLLM, *, chat_ctx: llm.ChatContext, **options: Any) -> llm.LLMStream:
    said = " ".join(message.text_content or "" for message in chat_ctx.messages())
    if found := [word for word in FATAL_WORDS if word in said]:
        _heard.extend(found)
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
        if "offline" in _heard:  # as rtc.Room tells it when its reconnects have failed
            get_job_context().room.emit("disconnected", rtc.DisconnectReason.CONNECTION_TIMEOUT)
            return await running
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
