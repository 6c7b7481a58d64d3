"""Who of the people on the roster is at a desk and free: kept beside the call log, for control and every worker."""

import time
from collections.abc import Mapping
from typing import Literal

from sqlalchemy import Column, Connection, Float, MetaData, String, Table, insert, select, update
from sqlalchemy.schema import CreateTable

from warm_transfer.calls.log import CallLog

Presence = Literal["available", "away", "busy"]

_TABLE = Table(
    "presence",
    MetaData(),
    Column("roster_id", String(64), primary_key=True),
    Column("said", String(16), nullable=False),  # what the desk says of itself
    Column("said_until", Float(53), nullable=False),
    Column("engaged_by", String(128), nullable=False),  # the call that rings there, or is there
    Column("engaged_until", Float(53), nullable=False),
)
_DESK = _TABLE.c


class PresenceBoard:
    """What each desk says of itself, and whether a call has it. Nothing here lasts unless it is said again.

    The desk's word comes from the control API, the engagement from the workers; moments are seconds since the epoch
    by the writers' clocks. Methods block, and raise LogUnavailableError when the database can't be used now.
    """

    def __init__(self, log: CallLog) -> None:
        self._log = log

    def put(self, roster_id: str, presence: Presence, ttl_s: float) -> None:
        """Keep what a desk says, for so long."""
        with self._log.writing() as connection:
            self._make(connection, roster_id)
            said = {"said": presence, "said_until": time.time() + ttl_s}
            connection.execute(update(_TABLE).where(_DESK.roster_id == roster_id).values(said))

    def read(self) -> Mapping[str, Presence]:
        """By roster id; who is not in it is away."""
        with self._log.writing() as connection:
            connection.execute(CreateTable(_TABLE, if_not_exists=True))
            rows = connection.execute(select(_TABLE)).all()
        now = time.time()
        return {row.roster_id: _presence(row.said, row.said_until, row.engaged_until, now) for row in rows}

    def engage(self, roster_id: str, call_id: str, for_s: float) -> Presence:
        """Have a desk that is available for one call alone, or go on having it.

        Returns:
            "available" if it is this call's now, else what it is.
        """
        now = time.time()
        with self._log.writing() as connection:
            self._make(connection, roster_id)
            row = connection.execute(select(_TABLE).where(_DESK.roster_id == roster_id)).one()
            is_ours = row.engaged_by == call_id and row.engaged_until > now
            presence = _presence(row.said, row.said_until, row.engaged_until, now)
            if not is_ours and presence != "available":
                return presence
            engaged = {"engaged_by": call_id, "engaged_until": now + for_s}
            connection.execute(update(_TABLE).where(_DESK.roster_id == roster_id).values(engaged))
        return "available"

    def release(self, roster_id: str, call_id: str) -> None:
        """Let a desk go; nothing, if it is another call's."""
        with self._log.writing() as connection:
            self._make(connection, roster_id)
            ours = update(_TABLE).where(_DESK.roster_id == roster_id, _DESK.engaged_by == call_id)
            connection.execute(ours.values(engaged_until=0.0))

    def _make(self, connection: Connection, roster_id: str) -> None:
        """Have a row for this desk, away until it says otherwise."""
        connection.execute(CreateTable(_TABLE, if_not_exists=True))
        if connection.execute(select(_DESK.roster_id).where(_DESK.roster_id == roster_id)).one_or_none() is None:
            nobody = {"said": "away", "said_until": 0.0, "engaged_by": "", "engaged_until": 0.0}
            connection.execute(insert(_TABLE).values(roster_id=roster_id, **nobody))


def _presence(said: str, said_until: float, engaged_until: float, now: float) -> Presence:
    if said_until <= now or said == "away":
        return "away"
    return "busy" if said == "busy" or engaged_until > now else "available"
