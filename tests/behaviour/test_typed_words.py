"""What a caller types while the session swaps its agent is answered by the new one."""

import asyncio

import pytest
from livekit.agents import NOT_GIVEN, Agent, AgentSession, room_io
from livekit.agents.llm import ChatMessage
from livekit.agents.voice import ConversationItemAddedEvent

from agents.house import MOST_TYPED, take_text
from tests.behaviour.faulty_models import ANSWER, FaultyLLM, FaultyTTS, Loudspeaker
from tests.fakes import settle


class Named(Agent):
    """Says who answers."""

    def __init__(self, answer: str) -> None:
        super().__init__(instructions=answer, llm=FaultyLLM("answers"))


def typed(text: str) -> room_io.TextInputEvent:
    return room_io.TextInputEvent(text=text, info=None, participant=None)


class Call:
    def __init__(self) -> None:
        self.speaker = Loudspeaker()
        self.on_hold, self.agent_a = Named("on hold"), Named("Agent A")
        self.session: AgentSession[None] = AgentSession(
            stt=NOT_GIVEN, tts=FaultyTTS(), vad=None, session_close_transcript_timeout=0.0
        )
        self.session.output.audio = self.speaker
        self.answered = asyncio.Event()
        self.session.on("conversation_item_added", self._note)

    def _note(self, event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, ChatMessage) and event.item.text_content == ANSWER:
            self.answered.set()

    def said(self, agent: Agent) -> list[tuple[str, str]]:
        messages = [item for item in agent.chat_ctx.items if isinstance(item, ChatMessage)]
        return [(one.role, one.text_content or "") for one in messages if one.role != "system"]


@pytest.mark.parametrize("may_be_cut_off", [True, False])
async def test_words_typed_during_a_swap_are_answered_by_the_new_agent(may_be_cut_off: bool) -> None:
    call = Call()
    async with call.session:
        await call.session.start(call.on_hold)
        call.speaker.is_slow = True
        call.session.say("Thank you for waiting.", allow_interruptions=may_be_cut_off)
        await settle()
        call.session.update_agent(call.agent_a)
        await settle()
        taking = asyncio.create_task(take_text(call.session, typed("Are you there?")))
        await settle()
        call.speaker.is_slow = False
        call.speaker.play()
        await taking
        await asyncio.wait_for(call.answered.wait(), 5)
        assert call.said(call.agent_a)[-2:] == [("user", "Are you there?"), ("assistant", ANSWER)]
        assert ("user", "Are you there?") not in call.said(call.on_hold)


async def test_words_are_answered_by_the_agent_who_is_there() -> None:
    call = Call()
    async with call.session:
        await call.session.start(call.on_hold)
        await take_text(call.session, typed("x" * (MOST_TYPED + 1)))
        await asyncio.wait_for(call.answered.wait(), 5)
        assert call.said(call.on_hold)[0] == ("user", "x" * MOST_TYPED)
