"""Keeps a call from going round: how often it may be transferred, and to whom it may not go next."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopGuard:
    """What the transfers of a call so far allow."""

    most_transfers: int
    completed: int = 0
    """How often the caller was moved to a target."""
    handed_back_by: str | None = None
    """Roster id of the target that the caller comes from, None if that is nobody or it failed."""

    @property
    def is_spent(self) -> bool:
        """Whether the call may not be transferred any more."""
        return self.completed >= self.most_transfers

    def allowed(self, targets: Sequence[str]) -> tuple[str, ...]:
        """Those of the targets (roster ids) that may be called now, in their order."""
        return () if self.is_spent else tuple(one for one in targets if one != self.handed_back_by)
