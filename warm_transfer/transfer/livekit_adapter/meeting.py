"""Agent A and one person in one room: what is spoken and written to the person in a consult."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from livekit import rtc

from warm_transfer.transfer.livekit_adapter.target_line import FAREWELL_S
from warm_transfer.transfer.ports import ConsultVoice
from warm_transfer.transfer.wire import CHAT_TOPIC, Answer, Brief, Dismiss

logger = logging.getLogger(__name__)

LISTENING_S = 2.0
"""For the person to hear our track: 0.2 s. Who can't be heard by it reads the briefing."""

Shown = Brief | Answer | Dismiss
"""What a person is shown."""
Show = Callable[[Shown], Awaitable[None]]
Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Starts a task of the consult; its failure ends the attempt."""


class Meeting:
    """Speaks one turn at a time, each cut off by the next; shows every turn as well."""

    def __init__(self, room: rtc.Room, person: str, *, voice: ConsultVoice, show: Show, start: Start) -> None:
        self.room = room
        self.person = person
        self._voice = voice
        self._show = show
        self._start = start
        self._speech: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Publish our track; returns when the person hears it, or could have."""
        await self._voice.attach(self.room, self.person)
        try:
            async with asyncio.timeout(LISTENING_S):
                for publication in self.room.local_participant.track_publications.values():
                    await publication.wait_for_subscription()
        except TimeoutError:
            logger.warning("the person does not hear us")

    async def tell(self, message: Brief | Answer, spoken: str) -> None:
        """Show a turn and begin to speak it; it cuts off what is being said: the person asked into it."""
        await self._show(message)
        self.hush()
        self._speech = self._start(self._say_after(self._speech, spoken))

    async def part(self, message: Dismiss) -> None:
        """Show the farewell, and say it in time if it has words; a person who can't be told must not keep us."""
        self.hush()
        told = [self._show(message)]
        if message.text and self.person in self.room.remote_participants:
            told.append(asyncio.wait_for(self._say_after(self._speech, message.text), FAREWELL_S))
        for failure in await asyncio.gather(*told, return_exceptions=True):
            if failure is not None:
                logger.info("target not told", extra={"why": repr(failure)})

    def hush(self) -> None:
        """Fall silent."""
        if self._speech is not None:
            self._speech.cancel()

    async def end(self) -> None:
        """Stop speaking and listening."""
        await self._voice.detach()

    async def _say_after(self, before: asyncio.Task[None] | None, text: str) -> None:
        if before is not None:
            await asyncio.wait({before})  # it is being cut off
        await self._voice.say(text)


def as_chat(room: rtc.Room, person: str) -> Show:
    """Shows turns as typed messages, which every LiveKit client has."""

    async def show(message: Shown) -> None:
        text = message.briefing.as_text() if isinstance(message, Brief) else message.text
        if text:
            await room.local_participant.send_text(text, topic=CHAT_TOPIC, destination_identities=[person])

    return show
