"""Faults beside the kills: one file per kind, each scene one call in which one or more of them strike."""

from warm_transfer.stand.faults.scenes import dispatch, drain, leaving, log_away, models, watchers
from warm_transfer.stand.faults.stage import Scene


def scenes() -> list[Scene]:
    """All of them, the long ones first: who plays several at once is done sooner."""
    return [scene for part in (log_away, models, watchers, drain, dispatch, leaving) for scene in part.scenes()]
