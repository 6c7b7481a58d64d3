"""Whether the log of a random call tells what happened: one end of each transfer and attempt, at once, the right one.

A lost event or command seldom strands a caller, for a deadline ends every wait: here it shows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from warm_transfer.stand.soak.arming_check import AT_ONCE_S, is_arming_sound
from warm_transfer.stand.soak.plan import CallPlan
from warm_transfer.stand.soak.sim_target import SimTarget
from warm_transfer.stand.soak.world import Logged, World
from warm_transfer.transfer.terms import WAIT_S, Deadline, Disposition

_NEVER_BY_ITSELF = {
    Disposition.DECLINED,
    Disposition.BUSY,
    Disposition.VOICEMAIL,
    Disposition.TARGET_LEFT,
    Disposition.UNAVAILABLE,
    Disposition.COMPLETED,
    Disposition.FAILED,
}
"""Nothing but what the target did may lead to these, and to the last one a bug of ours alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    target: str
    transfer: str
    begun_at: float
    ended_at: float
    disposition: Disposition

    def outlived(self, at_s: float | None) -> bool:
        """Whether that happened, and this went on for more than a moment."""
        return at_s is not None and at_s < self.ended_at - AT_ONCE_S


def is_log_sound(world: World, plan: CallPlan, deadlines: Mapping[Deadline, float]) -> bool:
    """Whether everything that was logged is so, and nothing is missing."""
    told = [(one.kind, one.payload.get("transfer_id")) for one in world.records]
    requested = [transfer for kind, transfer in told if kind == "transfer_requested"]
    ended = [transfer for kind, transfer in told if kind == "transfer_ended" and transfer in requested]
    kinds = [kind for kind, _ in told if kind in ("attempt_begun", "attempt_ended")]
    if requested != ended or kinds != ["attempt_begun", "attempt_ended"] * (len(kinds) // 2):
        return False
    attempts = list(_attempts(world.records))
    if {one.transfer for one in attempts} != set(requested):
        return False
    targets = {(one.offer.transfer_id, one.offer.target): one for one in world.targets}
    for attempt in attempts:
        target = targets.get((attempt.transfer, attempt.target))
        if not (_is_end_right(attempt, target, deadlines) and (target is None or _is_served(attempt, target))):
            return False
    return _are_ends_passed_on(world.records, attempts) and is_arming_sound(world, plan, deadlines[Deadline.ARM])


def _attempts(records: Sequence[Logged]) -> Iterator[_Attempt]:
    of_attempts = [one for one in records if one.kind in ("attempt_begun", "attempt_ended")]
    for begun, ended in zip(of_attempts[::2], of_attempts[1::2], strict=True):
        yield _Attempt(
            target=begun.payload["target"],
            transfer=str(begun.payload["transfer_id"]),
            begun_at=begun.at_s,
            ended_at=ended.at_s,
            disposition=Disposition(ended.payload["disposition"]),
        )


def _is_end_right(attempt: _Attempt, target: SimTarget | None, deadlines: Mapping[Deadline, float]) -> bool:
    """Whether it ended by what came first, and at once; if nothing came, by a deadline."""
    facts = [] if target is None else [one for one in target.facts if one.at_s <= attempt.ended_at]
    if facts:
        return attempt.disposition is facts[0].disposition and attempt.ended_at <= facts[0].at_s + AT_ONCE_S
    if target is None or attempt.disposition in _NEVER_BY_ITSELF:
        return attempt.disposition not in _NEVER_BY_ITSELF
    if attempt.outlived(target.accepted_at):
        is_failed_move = attempt.disposition is Disposition.MOVE_FAILED and not target.plan.arrives_in_time
        return is_failed_move or attempt.disposition is Disposition.CALLER_LEFT
    return attempt.disposition is not Disposition.NO_ANSWER or _is_time_up(attempt, target, deadlines)


def _is_time_up(attempt: _Attempt, target: SimTarget, deadlines: Mapping[Deadline, float]) -> bool:
    """Whether the target had all its time, what it asked for included, and no more."""
    if target.answered_at is None or target.answered_at > attempt.ended_at:
        since, allowed = attempt.begun_at, deadlines[Deadline.RING] + target.waits_ringing * WAIT_S
    else:
        since, allowed = target.answered_at, deadlines[Deadline.CONSULT] + target.waits_consulting * WAIT_S
    return abs(attempt.ended_at - since - allowed) < AT_ONCE_S


def _is_served(attempt: _Attempt, target: SimTarget) -> bool:
    """Whether it was briefed, and its questions were answered."""
    is_briefed = target.briefed.is_set() or not target.plan.takes_briefing
    return (is_briefed or not attempt.outlived(target.answered_at)) and not attempt.outlived(target.asked_at)


def _are_ends_passed_on(records: Sequence[Logged], attempts: Sequence[_Attempt]) -> bool:
    """Whether every transfer ended as its last attempt did."""
    last = {one.transfer: one.disposition.value for one in attempts}
    ends = [one for one in records if one.kind == "transfer_ended" and one.payload["transfer_id"] in last]
    return all(last[one.payload["transfer_id"]] == one.payload["disposition"] for one in ends)
