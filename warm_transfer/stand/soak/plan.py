"""What will happen in one random call, drawn before it begins: a seed reproduces it."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from warm_transfer.transfer.terms import Move

Pickup = Literal["answers", "busy", "voicemail", "declines"]
Decision = Literal["accept", "decline", "silence", "leave", "voicemail"]
MoveResult = Literal["arrives", "refused", "never", "late", "hang_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPlan:
    """What one target does; times in seconds."""

    open_s: float
    """How long making rooms and calling takes."""
    is_reachable: bool
    answers_after_s: float | None
    """None: never."""
    pickup: Pickup
    """What it says when it is there."""
    waits: int
    """How often it asks for more time before it answers, and again before it decides."""
    takes_briefing: bool
    questions: int
    thinks_s: float
    """Before each question and the decision."""
    decision: Decision
    repeats_itself: bool
    """Says its decision twice."""
    move: MoveResult
    move_s: float
    proof_s: float
    """From the caller's arrival until Agent A knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPlan:
    """One transfer that the caller agrees to."""

    after_s: float
    """Talk with Agent A before it."""
    targets: tuple[TargetPlan, ...]
    asks_twice: bool
    """The model calls the transfer tool twice."""
    cancels_after_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """One call."""

    move: Move
    transfers: tuple[TransferPlan, ...]
    hangs_up_after_s: float | None
    """None: only when everything is said."""


def draw(random: Random) -> CallPlan:
    """Draw a call; about half of all targets take it."""
    return CallPlan(
        move=random.choice(list(Move)),
        transfers=tuple(_transfer(random) for _ in range(random.choice((0, 1, 1, 1, 2, 3)))),
        hangs_up_after_s=random.choice((None, None, random.uniform(0, 60), random.uniform(0, 200))),
    )


def _transfer(random: Random) -> TransferPlan:
    return TransferPlan(
        after_s=random.uniform(0, 20),
        targets=tuple(_target(random) for _ in range(random.choice((1, 1, 2, 3)))),
        asks_twice=random.random() < 0.2,
        cancels_after_s=random.choice((None, None, random.uniform(0, 40))),
    )


def _target(random: Random) -> TargetPlan:
    return TargetPlan(
        open_s=random.choice((0.1, 0.1, random.uniform(0, 20))),
        is_reachable=random.random() < 0.9,
        answers_after_s=random.choice((None, *[random.uniform(0, 2)] * 4, random.uniform(0, 30))),
        pickup="answers" if random.random() < 0.85 else random.choice(("busy", "voicemail", "declines")),
        waits=random.choice((0, 0, 0, 1, 3)),
        takes_briefing=random.random() < 0.95,
        questions=random.choice((0, 0, 1, 3)),
        thinks_s=random.choice((0.01, random.uniform(0, 5), random.uniform(0, 40))),
        decision=random.choice(("accept", "accept", "accept", "decline", "silence", "leave", "voicemail")),
        repeats_itself=random.random() < 0.2,
        move=random.choice(("arrives", "arrives", "arrives", "refused", "never", "late", "hang_up")),
        move_s=random.uniform(0, 3),
        proof_s=random.choice((0.01, random.uniform(0, 1), random.uniform(0, 8))),
    )
