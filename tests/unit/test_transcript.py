"""What a job writes of its turns: how long the caller waited as livekit-agents measured it, and the tools called."""

from typing import Any

from livekit.agents import llm

from agents.providers.local_llm import LocalLLM
from agents.reply_times import reply_times
from agents.transcript import Transcript
from warm_transfer.calls.events import CallEvent


def test_times_are_milliseconds_of_the_reply_and_of_what_was_asked() -> None:
    times = reply_times(
        {"e2e_latency": 0.8124, "llm_node_ttft": 0.2, "tts_node_ttfb": 0.15}, {"transcription_delay": 0.06}
    )
    assert times == {"stt_ms": 60, "llm_ms": 200, "tts_ms": 150, "total_ms": 812}


def test_part_that_was_not_measured_is_none() -> None:
    assert reply_times({"e2e_latency": 0.5}, {}) == {"stt_ms": None, "llm_ms": None, "tts_ms": None, "total_ms": 500}


def test_what_answers_no_speech_has_no_times() -> None:
    assert reply_times({"llm_node_ttft": 0.2}, {"transcription_delay": 0.06}) is None


def test_timed_turn_is_the_agents_and_a_question_counts_once() -> None:
    written: list[tuple[CallEvent, dict[str, Any]]] = []
    transcript = Transcript(
        room="r",
        agent="agent_a",
        epoch=1,
        model=LocalLLM(),
        record=lambda kind, payload: written.append((kind, dict(payload))),
    )
    context = llm.ChatContext.empty()
    asked = context.add_message(role="user", content="My bill is wrong.")
    asked.metrics = {"transcription_delay": 0.05}
    transcript.add_message(asked)
    for text in ("I am sorry.", "What is your account number?"):
        reply = context.add_message(role="assistant", content=text)
        reply.metrics = {"e2e_latency": 0.7}
        transcript.add_message(reply)
    timed = [payload for kind, payload in written if kind is CallEvent.TURN_TIMED]
    assert [(one["turn_id"], one["stt_ms"], one["total_ms"]) for one in timed] == [
        ("t1_2", 50, 700),
        ("t1_3", None, 700),
    ]


def test_tool_that_a_model_calls_is_written_without_what_can_not_be_masked() -> None:
    written: list[tuple[CallEvent, dict[str, Any]]] = []
    transcript = Transcript(
        room="r",
        agent="agent_a",
        epoch=1,
        model=LocalLLM(),
        record=lambda kind, payload: written.append((kind, dict(payload))),
    )
    transcript.note_tool(
        "leave_message", '{"message": "call me", "callback_number": "5551234567", "skill": 7}', is_refused=False
    )
    transcript.note_tool("offer_transfer", "no JSON", is_refused=True)
    transcript.note_tool("transfer_call", "[]", is_refused=False)
    assert [(payload["tool"], payload["arguments"], payload["is_refused"]) for _, payload in written] == [
        ("leave_message", {"message": "call me"}, False),
        ("offer_transfer", {}, True),
        ("transfer_call", {}, False),
    ]
    assert {kind for kind, _ in written} == {CallEvent.TOOL_CALLED}
