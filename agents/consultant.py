"""How an AI Agent B decides in the consult: asks back, accepts or declines, by its model's tool calls."""

import json
import logging
from typing import Any

from livekit.agents import APIError, llm
from livekit.agents.llm import function_tool

from agents.prompts import load_phrases, load_prompt
from agents.roster import Specialist
from warm_transfer.transfer.wire import Accept, Decline, Question

logger = logging.getLogger(__name__)

MOST_QUESTIONS = 3
"""Each question keeps the caller waiting; whoever needs more should take the call and ask the caller."""


@function_tool
async def ask_agent_a(question: str) -> None:
    """Ask Agent A one thing about the caller that the briefing does not hold.

    Args:
        question: One short question.
    """


@function_tool
async def accept_transfer(first_words: str = "") -> None:
    """Take the caller: the matter is yours and you know enough to start.

    Args:
        first_words: What you say to the caller first, word for word.
    """


@function_tool
async def decline_transfer(reason: str) -> None:
    """Refuse the caller: the matter is not yours.

    Args:
        reason: One short sentence that Agent A can tell the caller.
    """


class Consultant:
    """Agent B's side of the consult protocol. The tools here only carry a decision; nothing happens in them."""

    def __init__(self, model: llm.LLM[Any], specialist: Specialist) -> None:
        self._model = model
        self._context = llm.ChatContext.empty()
        self._context.add_message(
            role="system",
            content=load_prompt(
                "agent_b_consult",
                name=specialist.name,
                title=specialist.title,
                specialist=load_prompt(specialist.prompt),
                needs=", ".join(specialist.needs) or "nothing",
            ),
        )
        self._questions = 0
        self.first_words = ""
        """What is said to the caller first, once the call was accepted; empty if the model gave none."""
        self._undecided = Decline(reason=load_phrases()["consult_failed.decline"])

    async def respond(self, said: str) -> Question | Accept | Decline:
        """Decide on what Agent A said: the briefing first, then each answer.

        A model that calls no tool, or a broken one, declines: nobody is connected by accident.
        """
        self._context.add_message(role="user", content=said)
        may_ask = self._questions < MOST_QUESTIONS
        tools: list[llm.Tool] = [accept_transfer, decline_transfer, *([ask_agent_a] if may_ask else [])]
        try:
            reply = await self._model.chat(chat_ctx=self._context, tools=tools, tool_choice="required").collect()
        except APIError:
            logger.warning("the model failed in the consult", exc_info=True)
            return self._undecided
        if not reply.tool_calls:
            return self._undecided
        return self._read(reply.tool_calls[0])

    def _read(self, call: llm.FunctionToolCall) -> Question | Accept | Decline:
        try:
            arguments = json.loads(call.arguments or "{}")
        except json.JSONDecodeError:
            arguments = {}
        if not isinstance(arguments, dict):
            arguments = {}
        match call.name:
            case "accept_transfer":
                self.first_words = str(arguments.get("first_words") or "").strip()
                return Accept()
            case "ask_agent_a" if str(arguments.get("question", "")).strip():
                self._questions += 1
                question = str(arguments["question"]).strip()
                self._context.add_message(role="assistant", content=question)
                return Question(text=question)
            case _:
                return Decline(reason=str(arguments.get("reason", "")).strip() or self._undecided.reason)
