"""What of a call is still there after the caller hung up."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from warm_transfer.stand.caller.downlink import CallClock
from warm_transfer.stand.demo.room_watch import RoomWatch

GRACE_S = 3.0
"""After the caller's client signalled the end nothing may be left."""
_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOver:
    """Rooms, participants and job processes of a call, as last seen."""

    rooms: tuple[str, ...]
    participants: tuple[str, ...]
    job_processes: tuple[int, ...]
    """Pids that live; a zombie, which only waits to be reaped, does not."""
    seen_after_ms: int
    """When this was seen, after the caller's client signalled the end."""

    @property
    def is_nothing(self) -> bool:
        """Whether the call left nothing behind."""
        return not (self.rooms or self.participants or self.job_processes)


async def wait_until_gone(watch: RoomWatch, pids: Iterable[int], clock: CallClock, ended_at_s: float) -> LeftOver:
    """What is left as soon as that is nothing, at the latest `GRACE_S` after the end."""
    job_pids = tuple(pids)
    while True:
        people = await watch.look()
        left = LeftOver(
            rooms=tuple(people) if people is not None else ("unknown: the server did not answer",),
            participants=tuple(sorted(who for room in (people or {}).values() for who in room)),
            job_processes=tuple(pid for pid in job_pids if is_alive(pid)),
            seen_after_ms=round((clock.now_s() - ended_at_s) * 1000),
        )
        if left.is_nothing or left.seen_after_ms >= GRACE_S * 1000:
            return left
        await asyncio.sleep(_POLL_S)


def is_alive(pid: int) -> bool:
    """Whether a process with that pid runs."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
