"""The turns of a call as they are finished, and answers looked up in them."""

import json
import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from livekit.agents import APIError, llm

from agents.prompts import load_phrases, load_prompt
from agents.reply_times import reply_times
from warm_transfer.calls.events import CallEvent
from warm_transfer.transfer.briefing import Speaker, Turn
from warm_transfer.transfer.ports import Record
from warm_transfer.transfer.understanding.checking import is_supported
from warm_transfer.transfer.understanding.orders import without_orders
from warm_transfer.transfer.understanding.privacy import MASKED_BY_DEFAULT, PrivateKind, masked_turns
from warm_transfer.transfer.understanding.transcript import transcript_text

logger = logging.getLogger(__name__)

_TOLD = ("skill", "reason", "message")
"""Arguments of our tools that the call log masks; a callback number is kept with the message alone."""


class Transcript:
    """Implements the Conversation port, one per call and job.

    Turns are numbered in the order they are finished, after the job's epoch: unique in a call of several jobs.
    """

    def __init__(self, *, room: str, agent: Speaker, epoch: int, model: llm.LLM[Any], record: Record) -> None:
        self._room = room
        self._epoch = epoch
        self._agent = agent
        self._model = model
        self._record = record
        self._turns: list[Turn] = []
        self._asked: llm.MetricsReport = {}
        """Of the caller's last message, until it is answered."""
        self.on_caller_turn: Callable[[Turn], None] | None = None
        self.withheld: Callable[[], Collection[PrivateKind]] = lambda: MASKED_BY_DEFAULT
        """What the target that asks now is not told."""

    def add_message(self, message: llm.ChatMessage) -> None:
        """Take one finished message of the session; those of other roles are no turns."""
        text = message.text_content or ""
        if message.role == "user":
            self._asked = message.metrics
            self.add("caller", text)
        elif message.role == "assistant" and (turn := self.add(self._agent, text)):
            if times := reply_times(message.metrics, self._asked):
                self._record(CallEvent.TURN_TIMED, {"turn_id": turn.turn_id, **times})
            self._asked = {}

    def add(self, speaker: Speaker, said: str) -> Turn | None:
        """Take what somebody finished saying, if it is not empty."""
        text = said.strip()
        if not text:
            return None
        turn = Turn(turn_id=f"t{self._epoch}_{len(self._turns) + 1}", speaker=speaker, text=text, at=time.time())
        self._turns.append(turn)
        self._record(
            CallEvent.TURN_SPOKEN,
            {"turn_id": turn.turn_id, "speaker": speaker, "room": self._room, "text": text, "at": turn.at},
        )
        if speaker == "caller" and self.on_caller_turn is not None:
            self.on_caller_turn(turn)
        return turn

    def note_tool(self, name: str, arguments: str, *, is_refused: bool) -> None:
        """Write which tool the model called; of its `arguments`, a JSON object, those that can be masked."""
        try:
            given = json.loads(arguments)
        except ValueError:  # a model may write anything
            given = {}
        told = {key: given[key] for key in _TOLD if isinstance(given, dict) and isinstance(given.get(key), str)}
        self._record(
            CallEvent.TOOL_CALLED,
            {
                "tool": name,
                "speaker": self._agent,
                "arguments": told,
                "is_refused": is_refused,
                "room": self._room,
            },
        )

    def restore(self, turns: Sequence[Turn]) -> None:
        """Take the turns that an earlier job wrote; they are in the log already."""
        self._turns.extend(turns)

    def turns(self) -> Sequence[Turn]:
        """All finished turns, oldest first."""
        return tuple(self._turns)

    async def answer(self, question: str) -> str:
        """Agent A's answer to the target, from the transcript alone; a fixed one if the model fails or has none.

        The model does not get what is withheld from the target, so that no question brings it out.
        """
        context = llm.ChatContext.empty()
        turns = masked_turns(without_orders(self._turns), self.withheld())
        transcript = transcript_text(turns)
        context.add_message(role="system", content=load_prompt("agent_a_consult", transcript=transcript))
        context.add_message(role="user", content=question)
        try:
            reply = await self._model.chat(chat_ctx=context).collect()
        except APIError:
            logger.warning("the model failed at a question", exc_info=True)
            return load_phrases()["consult_failed.answer"]
        answer = reply.text.strip()
        return answer if answer and is_supported(answer, turns) else load_phrases()["consult_failed.answer"]
