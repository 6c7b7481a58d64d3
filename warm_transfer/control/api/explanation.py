"""A transfer in words, from what the log has of it."""

from collections.abc import Sequence
from itertools import pairwise

from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.api.roster import Listed
from warm_transfer.control.api.views import state_of

_FOR_CALLER = {
    "offered": "Agent A has offered to connect you with {who}. Say yes, and you are connected.",
    "ringing": "{Who} is being called. Agent A stays with you until somebody takes the call.",
    "consulting": "{Who} is being told what you need, so that you do not have to say it again.",
    "moving": "You are being connected with {who} now.",
    "with_agent_b": "You are with {who}, who has been told what you need.",
}
_ENDED = "The transfer to {who} ended ({disposition}); Agent A goes on with the call."


def explain(call: CallSnapshot, roster: Sequence[Listed], *, for_caller: bool) -> str | None:
    """Where the transfer stands, for the caller; what it is about, for Agent B; None if there is none (yet)."""
    last = call.transfers[-1] if call.transfers else None
    if last is None:
        return None
    if not for_caller:
        return last.briefing.as_text(_answers(call)) if last.briefing else None
    listed = next((one for one in roster if one.id == last.target), None)
    who = f"{listed.name}, our {listed.title}" if listed else "a colleague"
    text = _FOR_CALLER.get(state_of(call), _ENDED)
    return text.format(who=who, Who=who[:1].upper() + who[1:], disposition=last.disposition or "withdrawn")


def _answers(call: CallSnapshot) -> list[tuple[str, str]]:
    """Questions and answers of the last consult, in pairs."""
    turns = [turn for turn in call.transfers[-1].consult if turn.kind != "heard"]
    pairs = pairwise(turns)
    return [(one.text, other.text) for one, other in pairs if (one.kind, other.kind) == ("question", "answer")]
