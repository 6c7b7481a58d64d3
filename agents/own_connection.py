"""What a job does whose own connection to its room is lost: it dies, so that its call is another job's at once."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from livekit import rtc

logger = logging.getLogger(__name__)

_REMOVED = rtc.DisconnectReason.PARTICIPANT_REMOVED
_ENDED = (
    rtc.DisconnectReason.CLIENT_INITIATED,
    rtc.DisconnectReason.ROOM_DELETED,
    rtc.DisconnectReason.ROOM_CLOSED,
    _REMOVED,
)


class ConnectionLostError(Exception):
    """A job is out of its room, which may be there still, with the caller in it."""


def is_lost(reason: object) -> bool:
    """Whether a room's `disconnected` tells of our own loss rather than that the room, or our part in it, is over."""
    return reason not in _ENDED


@contextlib.contextmanager
def dying_without_connection(room: rtc.Room, *, is_removal_a_loss: bool) -> Iterator[None]:
    """Cut the enclosed work short when this room's connection is lost for good.

    `is_removal_a_loss`: who removes this job has taken it for dead, and looks after the caller.

    Raises:
        ConnectionLostError: it was.
    """
    task = asyncio.current_task()
    lost: list[object] = []

    def note_end(reason: object) -> None:
        is_loss = is_lost(reason) or (is_removal_a_loss and reason == _REMOVED)
        if is_loss and task is not None and not lost:
            logger.error("own connection lost", extra={"room": room.name, "reason": reason})
            lost.append(reason)
            task.cancel()

    room.on("disconnected", note_end)
    try:
        yield
    except asyncio.CancelledError:
        if lost and task is not None and task.uncancel() == 0:
            raise ConnectionLostError("the connection to the room is lost") from None
        raise
    finally:
        room.off("disconnected", note_end)
