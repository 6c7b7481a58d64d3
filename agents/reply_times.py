"""How long a caller waited for an agent's answer, and for what: livekit-agents' own measures of one turn."""

from collections.abc import Mapping
from typing import Any

_PARTS = {"llm_ms": "llm_node_ttft", "tts_ms": "tts_node_ttfb", "total_ms": "e2e_latency"}


def reply_times(reply: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, int | None] | None:
    """The payload of `turn_timed` without its turn, in ms from the end of the caller's speech.

    `reply` and `asked` are the metrics of the agent's message and of the caller's before it. A part that was not
    measured is None: a fixed phrase has no LLM, a cached sound no TTS. None for what answers no speech.
    """
    if "e2e_latency" not in reply:
        return None
    times = {name: _ms(reply.get(key)) for name, key in _PARTS.items()}
    return {"stt_ms": _ms(asked.get("transcription_delay")), **times}


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
