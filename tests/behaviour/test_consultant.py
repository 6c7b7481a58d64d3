"""How an AI Agent B decides in the consult, also when its model does not."""

import dataclasses
from typing import Any

from livekit.agents import APIConnectionError, llm

from agents.consultant import MOST_QUESTIONS, Consultant
from agents.providers.local_llm import LocalLLM
from agents.roster import Specialist, load_roster
from warm_transfer.transfer.briefing import Briefing, Fact
from warm_transfer.transfer.wire import Accept, Decline, Question

BRIEFING = Briefing(caller_name="Susan Clark", reason="Charged twice.", tried=(), asked="I was charged twice", facts=())


def specialist(*needs: str) -> Specialist:
    billing = load_roster().get("billing")
    assert billing is not None
    return dataclasses.replace(billing, needs=needs)


class BrokenLLM(LocalLLM):
    """A model whose provider is down."""

    def chat(self, **_: Any) -> llm.LLMStream:
        raise APIConnectionError


async def test_accepts_when_nothing_is_missing() -> None:
    briefing = dataclasses.replace(BRIEFING, facts=(Fact(kind="account_number", value="902107", turn_id="t1_2"),))
    assert await Consultant(LocalLLM(), specialist("account_number")).respond(briefing.as_text()) == Accept()


async def test_asks_once_for_what_is_missing_and_then_accepts() -> None:
    consultant = Consultant(LocalLLM(), specialist("account_number"))
    question = await consultant.respond(BRIEFING.as_text())
    assert isinstance(question, Question)
    assert "account number" in question.text
    assert await consultant.respond("The caller didn't say.") == Accept()


async def test_asks_no_more_than_it_may() -> None:
    needs = [f"fact_{letter}" for letter in "abcdef"]
    consultant = Consultant(LocalLLM(), specialist(*needs))
    said, asked = BRIEFING.as_text(), 0
    while isinstance(await consultant.respond(said), Question):
        said, asked = "The caller didn't say.", asked + 1
    assert asked <= MOST_QUESTIONS


async def test_model_that_is_down_declines() -> None:
    reply = await Consultant(BrokenLLM(), specialist()).respond(BRIEFING.as_text())
    assert isinstance(reply, Decline)
