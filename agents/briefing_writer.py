"""Writes the briefing with the call's model while the caller decides; what the model writes is checked."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Any, Self

from livekit.agents import APIError, llm
from livekit.agents.llm import function_tool
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.prompts import load_prompt
from agents.providers.local_llm import LocalLLM
from agents.roster import Roster
from warm_transfer.transfer.briefing import Briefing, Fact, Source, Turn
from warm_transfer.transfer.ports import Conversation
from warm_transfer.transfer.terms import Offer
from warm_transfer.transfer.understanding.checking import checked
from warm_transfer.transfer.understanding.drafting import draft_briefing
from warm_transfer.transfer.understanding.orders import without_orders
from warm_transfer.transfer.understanding.privacy import PrivateKind, masked_turns
from warm_transfer.transfer.understanding.transcript import transcript_text

logger = logging.getLogger(__name__)


class _Statement(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    turn_id: str


class _WrittenFact(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: str
    value: str
    turn_id: str


class _Written(BaseModel):
    """What the model must give."""

    model_config = ConfigDict(extra="forbid")

    reason: str
    asked: _Statement
    tried: list[_Statement] = []
    also: list[_Statement] = []
    promises: list[_Statement] = []
    mood: str = ""
    facts: list[_WrittenFact] = []

    def as_briefing(self) -> Briefing:
        """Still unchecked."""
        statements = [self.asked, *self.tried, *self.also, *self.promises]
        return Briefing(
            caller_name=None,
            reason=self.reason,
            asked=self.asked.text,
            tried=tuple(one.text for one in self.tried),
            also=tuple(one.text for one in self.also),
            promises=tuple(one.text for one in self.promises),
            mood=self.mood,
            facts=tuple(Fact(kind=one.kind, value=one.value, turn_id=one.turn_id) for one in self.facts),
            sources=tuple(Source(text=one.text, turn_id=one.turn_id) for one in statements),
        )


@function_tool(
    raw_schema={
        "name": "write_briefing",
        "description": "Give the briefing.",
        "parameters": _Written.model_json_schema(),
    }
)
async def write_briefing(raw_arguments: dict[str, object]) -> None:
    """Only carries the briefing; nothing happens in it."""


class BriefingWriter:
    """Implements the BriefingDesk port. Enter it for the length of the call; it ends what is still being written.

    The deadline runs from the first `prepare` for an offer, so that a model that is late costs the hold nothing: the
    briefing made by rules goes instead. The local model has nothing to add to the rules, and is not asked.
    """

    def __init__(self, model: llm.LLM[Any], conversation: Conversation, roster: Roster, *, deadline_s: float) -> None:
        self._model = model
        self._conversation = conversation
        self._roster = roster
        self._deadline_s = deadline_s
        self._asks_model = model.provider != LocalLLM().provider
        self._drafts: dict[str, tuple[float, asyncio.Task[Briefing | None]]] = {}
        """By target: when it is due, and what the model writes for it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [task for _, task in self._drafts.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def prepare(self, offer: Offer) -> None:
        """Let the model write from what was said until now, unless it does so already for this offer."""
        key = f"{offer.transfer_id} {offer.target}"
        if self._asks_model and key not in self._drafts:
            due = asyncio.get_running_loop().time() + self._deadline_s
            turns = self._known_to(offer.target)
            self._drafts[key] = (due, asyncio.create_task(self._ask(turns)))

    async def write(self, offer: Offer) -> Briefing:
        """The model's briefing, checked against all that was said since, or else the one by rules."""
        turns = self._known_to(offer.target)
        by_rules = draft_briefing(turns, reason=offer.reason, withheld=self._roster.masks_for(offer.target))
        if not self._asks_model:
            return by_rules
        self.prepare(offer)
        due, draft = self._drafts[f"{offer.transfer_id} {offer.target}"]
        await asyncio.wait({draft}, timeout=max(due - asyncio.get_running_loop().time(), 0))
        written = draft.result() if draft.done() and not draft.cancelled() else None
        if written is None:
            logger.info("briefing made by rules", extra={"is_late": not draft.done()})
            return by_rules
        return checked(written, turns, by_rules=by_rules)

    def _known_to(self, target: str) -> Sequence[Turn]:
        kinds: Collection[PrivateKind] = self._roster.masks_for(target)
        return masked_turns(without_orders(self._conversation.turns()), kinds)

    async def _ask(self, turns: Sequence[Turn]) -> Briefing | None:
        """What the model writes, None if it fails or writes something else."""
        context = llm.ChatContext.empty()
        context.add_message(role="system", content=load_prompt("briefing", transcript=transcript_text(turns)))
        context.add_message(role="user", content="Write the briefing.")
        try:
            reply = await self._model.chat(chat_ctx=context, tools=[write_briefing], tool_choice="required").collect()
            return next((_read(call) for call in reply.tool_calls if call.name == "write_briefing"), None)
        except (APIError, ValidationError) as error:
            logger.warning("the model wrote no briefing", extra={"why": type(error).__name__})  # no words of the call
            return None


def _read(call: llm.FunctionToolCall) -> Briefing:
    return _Written.model_validate_json(call.arguments or "{}").as_briefing()
