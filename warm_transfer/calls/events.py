"""What the jobs of a call remember: one event type per fact, with the keys of its payload."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

Payload = Mapping[str, Any]
"""A JSON object. Readers ignore keys that they do not know and do without keys that are missing."""


class CallEvent(StrEnum):
    """Every event that a job writes. Never rename a value: the log holds it.

    The text under each is its payload.
    """

    CALL_CREATED = "call_created"
    """caller_room, caller_identity, caller_name, by: the control API made the room; nobody may ever come"""
    CALL_STARTED = "call_started"
    """caller_room, caller_identity"""
    DISPATCHED_AGAIN = "dispatched_again"
    """room, caller_identity, role (agent_a, busy), by: nobody answered the caller, so `by` asked for this role"""
    JOB_STARTED = "job_started"
    """role (agent_a, agent_b, busy), identity, room, pid, epoch: an agent job took (part of) the call"""
    JOB_ENDED = "job_ended"
    """role, identity, pid"""
    JOB_DIED = "job_died"
    """role, identity, room, by, turn: its process is gone; `by` removes what is left of it and replaces it. Again with
    the next turn if that one could not"""
    RECOVERY_ENDED = "recovery_ended"
    """role, identity, room, by, turn, is_done: what a dead job left is seen to, or another is to try"""
    AGENT_LEFT = "agent_left"
    """role, identity: the agent's participant left its room; its job may still run"""
    CALLER_AWAY = "caller_away"
    """room, reason: no longer in the room, but awaited for the grace time"""
    CALLER_RETURNED = "caller_returned"
    """room: back within the grace time"""
    CALL_ENDED = "call_ended"
    """reason"""
    CALL_ERASED = "call_erased"
    """by, reason (asked, age): what was said is no longer in the log, and is not taken any more"""

    TURN_SPOKEN = "turn_spoken"
    """turn_id, speaker (caller, agent_a, agent_b), room, text, at (end of speech, seconds since the epoch)"""

    TURN_TIMED = "turn_timed"
    """turn_id (of the agent's answer), stt_ms, llm_ms, tts_ms, total_ms: how long the caller waited for it, and for
    what; null where it was not measured"""

    TOOL_CALLED = "tool_called"
    """tool, speaker (whose model called it), arguments (skill, reason, message; no other), is_refused, room"""

    TRANSFER_OFFERED = "transfer_offered"
    """transfer_id, skill, target, reason: Agent A asks the caller for consent"""
    TRANSFER_ARMED = "transfer_armed"
    """transfer_id, target, consult_room, final_room, move: target and rooms are made ready while the caller is asked;
    nothing of the call goes there"""
    TRANSFER_DISARMED = "transfer_disarmed"
    """transfer_id, reason: that is undone; without it consult_opened takes the same rooms over"""
    OFFER_WITHDRAWN = "offer_withdrawn"
    """transfer_id: the caller said no"""
    TRANSFER_REQUESTED = "transfer_requested"
    """transfer_id, target: consent is given to the offer"""
    ATTEMPT_BEGUN = "attempt_begun"
    """transfer_id, target, attempt: this target is called; the next one after another did not take the call"""
    ATTEMPT_ENDED = "attempt_ended"
    """transfer_id, target, disposition, reason: how that went"""
    CONSULT_OPENED = "consult_opened"
    """transfer_id, consult_room, final_room, move: the rooms are being made"""
    CALLER_HELD = "caller_held"
    """transfer_id: the hold phrase begins"""
    TARGET_RUNG = "target_rung"
    """transfer_id, target, attempt, consult_room, ring_timeout_s, skill, reason: a person is rung"""
    TARGET_ANSWERED = "target_answered"
    """transfer_id, identity: Agent B is in the consult room"""
    MORE_TIME_GIVEN = "more_time_given"
    """transfer_id, target, added_s: to answer, or to decide"""
    BRIEFING_SENT = "briefing_sent"
    """transfer_id, briefing: {caller_name, reason, tried, asked, facts: [{kind, value, turn_id, standing}], earlier,
    also, promises, mood, sources: [{text, turn_id}]}"""
    QUESTION_ASKED = "question_asked"
    """transfer_id, question: by Agent B"""
    QUESTION_ANSWERED = "question_answered"
    """transfer_id, answer: by Agent A"""
    CONSULT_HEARD = "consult_heard"
    """transfer_id, by, text: words of a spoken consult as they were recognized"""
    TARGET_ACCEPTED = "target_accepted"
    """transfer_id"""
    TARGET_DECLINED = "target_declined"
    """transfer_id, reason"""
    MOVE_BEGUN = "move_begun"
    """transfer_id, move, final_room"""
    CALLER_MOVED = "caller_moved"
    """transfer_id, final_room: proven by the caller's track in the final room"""
    MESSAGE_LEFT = "message_left"
    """transfer_id (null after a transfer), message, callback_number (digits, may be empty): to be passed on"""
    TRANSFER_ENDED = "transfer_ended"
    """transfer_id, disposition, reason"""
    CALLER_HANDED_BACK = "caller_handed_back"
    """transfer_id, identity, cause (asked, failed, drained), reason, skill (what the caller agreed to be connected with
    next, or null): Agent B begins to leave the caller to a new Agent A, whose job_started says that it has it"""
    NOTE_LEFT = "note_left"
    """transfer_id, by, text: by Agent B, on the call"""
    COMMAND_APPLIED = "command_applied"
    """command_id, command (its type): of the control API; what it led to carries the command_id, too"""
    COMMAND_REFUSED = "command_refused"
    """command_id, command, code, reason: it had no meaning now, and changed nothing"""
    PROVIDER_FAILED_OVER = "provider_failed_over"
    """kind (llm, stt, tts), provider, to (the next of the chain, null after the last): it failed or was late"""
    PROVIDER_RECOVERED = "provider_recovered"
    """kind, provider: it is the first of its chain to be asked again"""
    HAND_BACK_FAILED = "hand_back_failed"
    """transfer_id, identity: no Agent A came; the caller is still with Agent B"""
