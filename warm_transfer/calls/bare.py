"""What stays of an event when its call is erased: that it happened and when, who took part, how it went; no word."""

import re
from collections.abc import Mapping
from typing import Any

from warm_transfer.calls.events import CallEvent, Payload

# Ids, names of our own making, numbers, and words of closed sets.
_KEPT = frozenset(
    {
        *("agent_a", "attempt", "by", "caller_identity", "caller_room", "cause", "code", "command", "command_id"),
        *("consult_room", "disposition", "epoch", "final_room", "identity", "move", "role", "room", "skill", "speaker"),
        *("target", "transfer_id", "turn_id", "pid", "added_s", "ring_timeout_s", "turn", "is_done"),
        *("stt_ms", "llm_ms", "tts_ms", "total_ms", "tool", "is_refused"),
    }
)
_KEPT_REASONS = frozenset({CallEvent.CALL_ENDED, CallEvent.CALLER_AWAY, CallEvent.CALL_ERASED})
"""Whose `reason` is one of a few words of ours; a decline's or an offer's is what somebody said."""


def bare_payload(type: str, payload: Payload) -> Mapping[str, Any]:
    """The payload without what was said; what a newer version writes is taken for something that was said."""
    kept = _KEPT | {"reason"} if type in _KEPT_REASONS else _KEPT
    return {key: value for key, value in payload.items() if key in kept and not _is_personal(value)}


def _is_personal(value: object) -> bool:
    """Whether a phone number is in it: LiveKit makes identities and rooms of callers by phone from theirs."""
    return isinstance(value, str) and re.search(r"\+\d{5,}", value) is not None
