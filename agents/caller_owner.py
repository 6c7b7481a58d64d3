"""Who has a caller whose Agent A died while an Agent B was about to speak in the same room: never both."""

import asyncio
import logging

from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.wire import AGENT_B_PREFIX, DESK_PREFIX, HAS_CALLER_ATTRIBUTE

logger = logging.getLogger(__name__)

POLL_S = 0.1
SHOW_OUT_S = 10.0
"""A server that can't remove anybody for so long has lost the call's connections, too."""


async def has_agent_b(rooms: Rooms, room: str, *, timeout_s: float) -> bool:
    """Whether the caller is Agent B's, which tells the room so; an Agent B that does not in time is shown out.

    It says nothing any more once it is shown out, even if it has begun meanwhile.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout_s
    while clock() < deadline + SHOW_OUT_S:
        try:
            targets = await _targets(rooms, room)
            if True in targets.values():
                return True
            if not targets:
                return False
            if clock() >= deadline:
                await asyncio.gather(*(rooms.remove(room, one) for one in targets))
        except TargetUnavailableError as error:
            logger.warning("room not seen", extra={"why": error.sentence})
        await asyncio.sleep(POLL_S)
    logger.error("nobody knows who has the caller", extra={"room": room})
    return False


async def _targets(rooms: Rooms, room: str) -> dict[str, bool]:
    """Those in the room who are an Agent B, or belong to one, and whether they say that they have the caller."""
    there = await rooms.attributes(room)
    return {
        identity: attributes.get(HAS_CALLER_ATTRIBUTE) == "1"
        for identity, attributes in there.items()
        if identity.startswith((AGENT_B_PREFIX, DESK_PREFIX))
    }
