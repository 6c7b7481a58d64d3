"""Who writes the briefing with a model: what is late or nonsense is replaced, and what is private never gets there."""

import asyncio
import json
from typing import Any

import pytest
from livekit.agents import APIConnectionError, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agents.briefing_writer import BriefingWriter
from agents.providers.local_llm import LocalLLM
from agents.roster import load_roster
from tests.fakes import FakeConversation
from tests.unit.test_consent import call
from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.terms import Offer

OFFER = Offer(transfer_id="1", target="billing", skill="billing", reason="The caller was charged twice.")
TURNS = call("My name is Maria Lopez. I was charged twice, card 4111 1111 1111 1111.")
WRITTEN = {
    "reason": "The caller was charged twice.",
    "asked": {"text": "I was charged twice", "turn_id": "t1"},
    "mood": "upset",
    "facts": [{"kind": "account_number", "value": "999999", "turn_id": "t1"}],
}


class WritingLLM(LocalLLM):
    """A remote model that calls `write_briefing` with these arguments, after this event."""

    def __init__(self, arguments: str, *, after: asyncio.Event | None = None, fails: bool = False) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._arguments, self._after, self._fails = arguments, after, fails

    @property
    def provider(self) -> str:
        return "remote"

    def chat(self, *, chat_ctx: llm.ChatContext, **_: Any) -> llm.LLMStream:
        self.asked.append(" ".join(message.text_content or "" for message in chat_ctx.messages()))
        if self._fails:
            raise APIConnectionError
        return _WrittenStream(self, self._arguments, self._after, chat_ctx)


class _WrittenStream(llm.LLMStream):
    def __init__(self, model: LocalLLM, arguments: str, after: asyncio.Event | None, ctx: llm.ChatContext) -> None:
        super().__init__(model, chat_ctx=ctx, tools=[], conn_options=DEFAULT_API_CONNECT_OPTIONS)
        self._arguments, self._after = arguments, after

    async def _run(self) -> None:
        if self._after is not None:
            await self._after.wait()
        use = llm.FunctionToolCall(name="write_briefing", arguments=self._arguments, call_id="1")
        delta = llm.ChoiceDelta(role="assistant", tool_calls=[use])
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))


def writer(model: llm.LLM[Any], *more: Turn, deadline_s: float = 5.0) -> BriefingWriter:
    return BriefingWriter(model, FakeConversation([*TURNS, *more]), load_roster(), deadline_s=deadline_s)


async def test_models_briefing_goes_checked() -> None:
    async with writer(WritingLLM(json.dumps(WRITTEN))) as desk:
        desk.prepare(OFFER)
        told = await desk.write(OFFER)
    assert told.mood == "upset"
    assert told.caller_name == "Maria Lopez"
    assert told.fact("account_number") is None


async def test_model_that_is_late_is_not_awaited_beyond_its_deadline() -> None:
    async with writer(WritingLLM(json.dumps(WRITTEN), after=asyncio.Event()), deadline_s=0.01) as desk:
        told = await desk.write(OFFER)
    assert told.mood == ""
    assert told.reason == OFFER.reason


@pytest.mark.parametrize("nonsense", ["{", "[]", '{"reason": 1}', json.dumps({**WRITTEN, "more": 1})])
async def test_nonsense_is_replaced(nonsense: str) -> None:
    async with writer(WritingLLM(nonsense)) as desk:
        assert (await desk.write(OFFER)).mood == ""


async def test_model_that_is_down_is_replaced() -> None:
    async with writer(WritingLLM("", fails=True)) as desk:
        assert (await desk.write(OFFER)).reason == OFFER.reason


async def test_model_never_gets_what_the_target_may_not_know() -> None:
    model = WritingLLM(json.dumps(WRITTEN))
    async with writer(model) as desk:
        told = await desk.write(OFFER)
    assert "4111" not in model.asked[0]
    assert "4111" not in told.as_text()


async def test_it_is_written_once_per_target_while_the_caller_decides() -> None:
    model = WritingLLM(json.dumps(WRITTEN))
    async with writer(model) as desk:
        desk.prepare(OFFER)
        desk.prepare(OFFER)
        await desk.write(OFFER)
    assert len(model.asked) == 1


async def test_local_model_is_not_asked() -> None:
    async with writer(LocalLLM()) as desk:
        assert (await desk.write(OFFER)).reason == OFFER.reason
