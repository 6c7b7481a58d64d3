"""Whether a target was made ready for each offer that asks for it, and taken over or undone, once and in time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from warm_transfer.stand.soak.plan import CallPlan, TargetPlan, TransferPlan
from warm_transfer.stand.soak.sim_target import LEAVES_AFTER_S
from warm_transfer.stand.soak.world import Logged, World

AT_ONCE_S = 1.0
"""Within which the coordinator acts; requests take a twentieth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offered:
    """One offer that was answered, with the moments that the log has of it."""

    plan: TransferPlan
    offered_at: float
    answered_at: float
    armed_at: float | None
    undone_at: float | None
    is_taken_over: bool

    @property
    def target(self) -> TargetPlan:
        return self.plan.targets[0]


def is_arming_sound(world: World, plan: CallPlan, ttl_s: float) -> bool:
    """Whether nothing was undone twice, and all of every offer was as it should be; `ttl_s`: the deadline for it."""
    kinds = [one.kind for one in world.records if one.kind in ("transfer_armed", "transfer_disarmed")]
    if ("transfer_disarmed", "transfer_disarmed") in pairwise(kinds):
        return False
    # Where the caller can't be moved there are no rooms to make ready.
    return not plan.move.has_final_room or all(_is_sound(one, ttl_s) for one in _offers(world, plan.transfers))


def _offers(world: World, transfers: Sequence[TransferPlan]) -> Iterator[_Offered]:
    for number, plan in enumerate(transfers):
        name = f"t{number}"
        offered_at = _moment(world.records, name, "transfer_offered")
        answered_at = _moment(world.records, name, "transfer_requested", "transfer_withdrawn")
        if offered_at is None or answered_at is None or answered_at < offered_at + AT_ONCE_S:
            continue
        yield _Offered(
            plan=plan,
            offered_at=offered_at,
            answered_at=answered_at,
            armed_at=_moment(world.records, name, "transfer_armed"),
            undone_at=_moment(world.records, name, "transfer_disarmed"),
            is_taken_over=any(one.is_ready and one.offer.transfer_id == name for one in world.targets),
        )


def _moment(records: Sequence[Logged], transfer: str, *kinds: str) -> float | None:
    return next((one.at_s for one in records if one.kind in kinds and one.payload["transfer_id"] == transfer), None)


def _is_sound(offer: _Offered, ttl_s: float) -> bool:
    is_due = offer.plan.is_armed and offer.target.arming != "not_armable"
    if offer.armed_at is None or not is_due:
        return is_due == (offer.armed_at is not None)
    due_at = offer.armed_at + min(_lasts_s(offer.target), ttl_s)
    if not offer.plan.agrees:
        due_at = min(due_at, offer.answered_at)
    if due_at <= offer.answered_at:
        return offer.undone_at is not None and offer.undone_at <= due_at + AT_ONCE_S
    is_ready = offer.answered_at > offer.armed_at + offer.target.open_s + AT_ONCE_S
    return not is_ready or (offer.is_taken_over and offer.undone_at is None)


def _lasts_s(target: TargetPlan) -> float:
    """From the begin of arming until it is to be undone, if nobody answers."""
    match target.arming:
        case "fails":
            return target.open_s
        case "leaves":
            return target.open_s + LEAVES_AFTER_S
        case _:
            return float("inf")
