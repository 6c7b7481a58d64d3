import asyncio

import numpy as np
import pytest

from agents.providers import local_stt, local_tts
from tests.e2e.conftest import AgentIn, LiveKit
from tests.e2e.fake_agent import DEADLINE_S, FakeAgent
from warm_transfer.stand.caller import conversation as conversation_module
from warm_transfer.stand.caller.caller import Caller
from warm_transfer.stand.caller.conversation import Conversation
from warm_transfer.stand.caller.downlink import RATE_HZ, Samples
from warm_transfer.stand.caller.microphone import resampled
from warm_transfer.stand.caller.scenarios import ScriptedCaller, load_scenario

GREETING = "Hello, this is Alex. How can I help you?"
ANYTHING_ELSE = "We are open until five. Is there anything else I can help you with?"
GOODBYE = "Thank you for calling. Goodbye."


def speech(text: str) -> Samples:
    silence = np.zeros(RATE_HZ, np.int16)
    words = resampled(local_tts.synthesize(text, "ada"), local_tts.SAMPLE_RATE_HZ)
    return np.concatenate([silence, words, silence])


def conversation(caller: Caller, script: ScriptedCaller) -> Conversation:
    return Conversation(
        caller,
        script,
        speak=lambda text: local_tts.synthesize(text, script.scenario.voice),
        speech_rate_hz=local_tts.SAMPLE_RATE_HZ,
        understand=local_stt.transcribe,
    )


async def answer_each_turn(agent: FakeAgent, caller: Caller) -> None:
    for words in (GREETING, ANYTHING_ELSE, GOODBYE):
        await agent.play("voice", speech(words), repeat=False)
        if words != GOODBYE:
            await asyncio.wait_for(agent.caller_spoke.wait(), DEADLINE_S)
            await asyncio.wait_for(agent.caller_is_quiet.wait(), DEADLINE_S)
            agent.caller_spoke.clear()


async def test_caller_understands_answers_and_hangs_up(livekit: LiveKit, agent_in: AgentIn) -> None:
    agent = await agent_in("talk")
    script = ScriptedCaller(load_scenario("none"))
    async with (
        Caller(url=livekit.url, token=livekit.token("talk", "caller")) as caller,
        asyncio.TaskGroup() as tasks,
    ):
        talk = conversation(caller, script)
        tasks.create_task(answer_each_turn(agent, caller))
        await talk.run(timeout_s=60)
        await asyncio.wait_for(agent.caller_left.wait(), DEADLINE_S)
    said = [turn.text for turn in talk.transcript if turn.speaker == "caller"]
    assert said == ["What are your opening hours?", "No, thank you. Goodbye."]
    heard = " ".join(turn.text.lower() for turn in talk.transcript if turn.speaker == "agent")
    assert "how can i help you" in heard
    assert "anything else" in heard
    assert script.is_done
    assert script.asked_again == 0


async def test_caller_who_hears_nothing_asks_and_gives_up(
    livekit: LiveKit, agent_in: AgentIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_module, "NUDGE_AFTER_S", 0.5)
    await agent_in("nobody")
    script = ScriptedCaller(load_scenario("none"))
    async with Caller(url=livekit.url, token=livekit.token("nobody", "caller")) as caller:
        talk = conversation(caller, script)
        await talk.run(timeout_s=30)
    assert [turn.text for turn in talk.transcript] == ["Hello? Are you still there?"] * 2
    assert not script.has_said_goodbye
