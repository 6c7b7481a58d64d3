"""What will happen in one random call, drawn before it begins: a seed reproduces it."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from warm_transfer.transfer.terms import Move

IN_TIME_S = 4.0
"""MOVE_TIMEOUT_S is 5."""
Pickup = Literal["answers", "busy", "voicemail", "declines", "leaves"]
Decision = Literal["accept", "decline", "silence", "leave", "voicemail"]
Arming = Literal["ready", "fails", "leaves", "not_armable"]
MoveResult = Literal["arrives", "refused", "unreachable", "never", "late", "hang_up", "target_leaves"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPlan:
    """What one target does; times in seconds."""

    arming: Arming
    """What becomes of making it ready ahead."""
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

    @property
    def arrives_in_time(self) -> bool:
        """Whether a caller who is moved comes to this target, with time to spare."""
        return self.move == "arrives" and self.move_s + self.proof_s < IN_TIME_S


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPlan:
    """One transfer that the caller is offered."""

    after_s: float
    """Talk with Agent A before it."""
    targets: tuple[TargetPlan, ...]
    is_armed: bool
    """Whether Agent A has the first target made ready while it asks for consent."""
    answers_after_s: float
    """How long the caller thinks about the offer."""
    agrees: bool
    changes_mind: bool
    """Agent A has offered something else before."""
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
        is_armed=random.random() < 0.7,
        answers_after_s=random.choice((0.0, 0.0, random.uniform(0, 3), random.uniform(0, 45))),
        agrees=random.random() < 0.85,
        changes_mind=random.random() < 0.1,
        asks_twice=random.random() < 0.2,
        cancels_after_s=random.choice((None, None, random.uniform(0, 40))),
    )


def _target(random: Random) -> TargetPlan:
    return TargetPlan(
        arming=random.choice(("ready", "ready", "ready", "fails", "leaves", "not_armable")),
        open_s=random.choice((0.1, 0.1, random.uniform(0, 20))),
        is_reachable=random.random() < 0.9,
        answers_after_s=random.choice((None, *[random.uniform(0, 2)] * 4, random.uniform(0, 30))),
        pickup="answers" if random.random() < 0.85 else random.choice(("busy", "voicemail", "declines", "leaves")),
        waits=random.choice((0, 0, 0, 1, 3)),
        takes_briefing=random.random() < 0.95,
        questions=random.choice((0, 0, 1, 3)),
        thinks_s=random.choice((0.01, random.uniform(0, 5), random.uniform(0, 40))),
        decision=random.choice(("accept", "accept", "accept", "decline", "silence", "leave", "voicemail")),
        repeats_itself=random.random() < 0.2,
        move=random.choice(("arrives",) * 5 + ("refused", "unreachable", "never", "late", "hang_up", "target_leaves")),
        move_s=random.uniform(0, 3),
        proof_s=random.choice((0.01, random.uniform(0, 1), random.uniform(0, 8))),
    )
