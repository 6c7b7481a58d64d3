"""How an agent leaves a caller when its worker ends: to another worker's Agent A, or with a word to the caller."""

import asyncio
import logging

from livekit.agents import AgentSession

from agents.caller_line import SessionCallerLine
from agents.phrase_book import PhraseBook
from agents.successor import Successor
from warm_transfer.transfer import events
from warm_transfer.transfer.coordinator import CallOutcome, Coordinator
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.ports import TargetLine
from warm_transfer.transfer.terms import State

logger = logging.getLogger(__name__)

END_REASON = "the worker ended, and no other took the call"
PAUSE_S = 4.0
"""For what is just being said; most sentences take 3 s. Who takes over says again what was cut off."""
GOODBYE_S = 8.0
"""The longest of these phrases takes 5 s."""
TAIL_S = 0.5
"""The caller hears us that much later than we speak, on busy cores; the room goes with what was not heard."""


class Departure:
    """Agent A's: runs the coordinator until the call is over for this job, or its worker ends."""

    def __init__(
        self,
        told_to_hand_over: asyncio.Event,
        *,
        coordinator: Coordinator,
        target: TargetLine,
        successor: Successor,
        session: AgentSession[None],
        line: SessionCallerLine,
        book: PhraseBook,
    ) -> None:
        """`told_to_hand_over` is set again and again while the worker ends."""
        self._told = told_to_hand_over
        self._coordinator = coordinator
        self._target = target
        self._successor = successor
        self._session = session
        self._line = line
        self._book = book

    async def run(self) -> CallOutcome | None:
        """How the call ended for us, None if another worker's Agent A has it."""
        running = asyncio.create_task(self._coordinator.run())
        leaving = asyncio.create_task(self._hand_over_when_told())
        try:
            await asyncio.wait({running, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if running.done() or not await leaving:
                return await running
        finally:
            self._successor.stop()
            for task in (running, leaving):
                task.cancel()
            await asyncio.gather(running, leaving, return_exceptions=True)
        try:
            await self._target.close()  # the next Agent A makes a transfer that is under way anew
        except TargetUnavailableError as error:
            logger.warning("consult room not closed", extra={"why": error.sentence})
        return None

    async def _hand_over_when_told(self) -> bool:
        """Whether another worker's Agent A came; if not, the caller was told that the call must end, and it ends."""
        await self._told.wait()
        while self._coordinator.situation.state is State.MOVING:  # on the way to Agent B
            self._told.clear()
            await self._told.wait()
        await self._line.close_ears()
        await until_pause(self._session)
        if await self._successor.bring():
            return True
        await say_goodbye(self._session, self._book)
        self._coordinator.post(events.CallerLeft(END_REASON))
        return False


async def until_pause(session: AgentSession[None]) -> None:
    """Wait until the agent has finished what it is saying, not for long."""
    speech = session.current_speech
    if speech is None:
        return
    try:
        async with asyncio.timeout(PAUSE_S):
            await speech.wait_for_playout()
    except TimeoutError:
        logger.info("cut off in mid-speech by the end of the worker")


async def say_goodbye(session: AgentSession[None], book: PhraseBook, phrase: str = "call_must_end") -> None:
    """Tell the caller, in this fixed phrase, that the call must end; returns when that was heard."""
    try:
        await session.interrupt(force=True)
        async with asyncio.timeout(GOODBYE_S):
            await book.say(session, phrase, allow_interruptions=False)
            await asyncio.sleep(TAIL_S)
    except (RuntimeError, TimeoutError):  # the session gives up or swaps its agent
        logger.warning("end of the call not announced")
