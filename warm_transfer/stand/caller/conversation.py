"""The person behind the synthetic caller: hears the agent out, understands, answers, hangs up."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from warm_transfer.stand.caller.caller import Caller
from warm_transfer.stand.caller.downlink import RATE_HZ, Samples
from warm_transfer.stand.caller.ear import Utterance
from warm_transfer.stand.caller.scenarios import ScriptedCaller

GOODBYE_TIMEOUT_S = 6.0
"""How long a caller who said goodbye waits for an answer before hanging up."""
NUDGE_AFTER_S = 12.0
"""Silence, without even music, after which a person asks whether somebody is there."""

_LISTEN_S = 0.5  # how often a caller who hears nothing looks at the clock

Speak = Callable[[str], Samples]
"""Text to int16[n_samples] at `speech_rate_hz`; CPU-bound, called in a thread."""
Understand = Callable[[Samples, int], str]
"""int16[n_samples] and a rate in Hz to text; CPU-bound, called in a thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One turn of the call as the caller knows it."""

    speaker: Literal["caller", "agent"]
    identity: str
    """Of the agent's participant, "" for the caller."""
    room: str
    text: str
    start_s: float
    """Place in the recordings."""
    end_s: float


class Conversation:
    """Plays a script on a caller that is in its room, until it is done, has given up, or the room is gone."""

    def __init__(
        self,
        caller: Caller,
        script: ScriptedCaller,
        *,
        speak: Speak,
        speech_rate_hz: int,
        understand: Understand,
        on_spoken: Callable[[Spoken], None] | None = None,
        think: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`think` is awaited before each answer: a pause, in which more may be heard, and then that is answered."""
        self.transcript: list[Spoken] = []
        self._caller = caller
        self._script = script
        self._speak = speak
        self._speech_rate_hz = speech_rate_hz
        self._understand = understand
        self._on_spoken = on_spoken
        self._think = think

    async def run(self, timeout_s: float) -> None:
        """Hold the conversation, then hang up; TimeoutError if it has no end by then."""
        over = asyncio.create_task(self._caller.is_over.wait(), name="call is over")
        talking = asyncio.create_task(self._talk(), name="caller talks")
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.wait({over, talking}, return_when=asyncio.FIRST_COMPLETED)
            if talking.done():
                talking.result()
        finally:
            for task in (over, talking):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._caller.hang_up()

    async def _talk(self) -> None:
        while not self._script.is_done:
            try:
                heard = await self._listen()
                if self._think is not None:
                    await self._think()
                    if self._is_spoken_to:
                        heard = await self._listen()
                reply = self._script.answer(heard)
            except TimeoutError:
                if self._script.has_said_goodbye:
                    return
                reply = self._script.nudge()
                if reply is None:
                    return
            if reply is not None:
                await self._say(reply)

    async def _listen(self) -> str:
        """All that was said until nobody speaks any more; TimeoutError after a long silence."""
        patience_s = GOODBYE_TIMEOUT_S if self._script.has_said_goodbye else NUDGE_AFTER_S
        texts = [await self._transcribe(await self._next_utterance(patience_s))]
        while self._is_spoken_to:
            with contextlib.suppress(TimeoutError):
                texts.append(await self._transcribe(await self._next_utterance(patience_s)))
        return " ".join(texts)

    @property
    def _is_spoken_to(self) -> bool:
        return self._caller.is_hearing or not self._caller.utterances.empty()

    async def _next_utterance(self, patience_s: float) -> Utterance:
        began_s = self._caller.clock.now_s()
        while True:
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(self._caller.utterances.get(), _LISTEN_S)
            waited_s = self._caller.clock.now_s() - began_s
            if min(waited_s, self._caller.silent_for_s) > patience_s:
                raise TimeoutError

    async def _transcribe(self, utterance: Utterance) -> str:
        text = await asyncio.to_thread(self._understand, utterance.samples, RATE_HZ)
        self._note(
            Spoken(
                speaker="agent",
                identity=utterance.identity,
                room=utterance.room,
                text=text,
                start_s=utterance.start_s,
                end_s=utterance.end_s,
            )
        )
        return text

    async def _say(self, text: str) -> None:
        samples = await asyncio.to_thread(self._speak, text)
        start_s, end_s = await self._caller.say(text, samples, self._speech_rate_hz)
        self._note(
            Spoken(speaker="caller", identity="", room=self._caller.room, text=text, start_s=start_s, end_s=end_s)
        )

    def _note(self, spoken: Spoken) -> None:
        self.transcript.append(spoken)
        if self._on_spoken is not None:
            self._on_spoken(spoken)
