"""Faults beside the kills: one file per kind, each scene one call in which one or more of them strike."""

from warm_transfer.stand.faults.scenes import dispatch, drain, leaving, log_away, models, watchers
from warm_transfer.stand.faults.stage import Scene


def scenes() -> list[Scene]:
    """All of them."""
    return [scene for part in (models, leaving, log_away, watchers, drain, dispatch) for scene in part.scenes()]
