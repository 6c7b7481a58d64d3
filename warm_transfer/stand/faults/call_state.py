"""In which state of the table a call is, as far as its log tells."""

from collections.abc import Sequence

from warm_transfer.calls.folding import fold
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.calls.snapshots import CallSnapshot, TransferSnapshot
from warm_transfer.transfer.terms import State


def state_of(events: Sequence[LoggedEvent]) -> State | None:
    """The state after these events, ENDED for a caller who is with Agent B; None before the caller said anything."""
    if not events:
        return None
    call = fold(events)
    if call.ended_at is not None:
        return None
    if call.is_with_agent_b:
        return State.ENDED
    if not call.transfers or _is_over(call.transfers[-1]):
        return State.TALKING if _was_heard(call) else None
    return _under_way(call.transfers[-1])


def is_armed(events: Sequence[LoggedEvent]) -> bool:
    """Whether the target of an offered transfer is ready already, so that it would answer at once."""
    call = fold(events)
    return bool(call.transfers) and call.transfers[-1].is_armed


def _was_heard(call: CallSnapshot) -> bool:
    return any(turn.speaker == "caller" for turn in call.transcript)


def _is_over(transfer: TransferSnapshot) -> bool:
    return transfer.disposition is not None or transfer.times.withdrawn is not None


def _under_way(transfer: TransferSnapshot) -> State:
    if transfer.times.requested is None:
        return State.OFFERED
    if not transfer.attempts or transfer.attempts[-1].answered_at is None:
        return State.RINGING
    return State.CONSULTING if transfer.times.move_begun is None else State.MOVING
