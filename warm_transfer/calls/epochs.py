"""Which job owns a call: the one that claimed the highest epoch, and of several that try the first."""

from typing import Literal

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog


def claim_epoch(
    log: CallLog,
    call_id: str,
    epoch: int,
    *,
    role: Literal["agent_a", "agent_b"],
    identity: str,
    room: str,
    pid: int,
) -> bool:
    """Write that this job starts in the call with this epoch; False if another job did before. Blocks.

    Raises:
        LogUnavailableError: nobody can tell whose the epoch is.
    """
    started = {"role": role, "identity": identity, "room": room, "pid": pid, "epoch": epoch}
    stored = log.append(call_id, CallEvent.JOB_STARTED, started, event_id=f"epoch-{call_id[:40]}-{epoch}")
    return bool(stored.payload["identity"] == identity)
