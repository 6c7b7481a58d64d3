"""Whose a dead job's recovery is: one at a time, by the call log, and another's if that one can't do it."""

import asyncio
import contextlib
import secrets
from typing import Any

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog, LoggedEvent, LogUnavailableError

LOG_RETRY_S = 0.5
LOG_OUTAGE_S = 60.0
"""A recovery waits this long for the log: without it nobody knows whether somebody else recovers the call already."""
FOLLOW_S = 0.3
"""Between two looks at what another's claim came to."""
HEAD_START_S = 1.0
"""For the others to claim what one could not do; one tries again itself if nobody does."""


class RecoveryClaim:
    """One candidate's way to a recovery that is made once.

    A claim holds for `lease_s`; whoever finds nothing done by then, or is told so before, may claim the next turn. A
    holder that is late does no harm: its job and the other's have the same epoch, and one of them leaves unheard.
    """

    def __init__(self, log: CallLog, *, call_id: str, job: dict[str, Any], by: str, lease_s: float) -> None:
        """`job` is the dead one: role, identity, room. `by` is who claims."""
        self._log = log
        self._call_id = call_id
        self._job = job
        self._by = f"{by} {secrets.token_hex(4)}"  # who is told of the same death twice is two candidates
        self._lease_s = lease_s
        self.turn = 0

    async def take(self) -> bool:
        """Claim the next turn; False if another has it.

        Raises:
            TimeoutError: the log was away for LOG_OUTAGE_S.
        """
        self.turn += 1
        return await self._holder() == self._by

    async def is_done(self) -> bool:
        """Whether this turn's holder does it; False once it could not, or its lease is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._lease_s + FOLLOW_S):
                while True:
                    with contextlib.suppress(LogUnavailableError):
                        for told in await asyncio.to_thread(self._log.events, self._call_id):
                            if self._is_end(told):
                                return bool(told.payload["is_done"])
                    await asyncio.sleep(FOLLOW_S)
        return False

    async def end(self, *, is_done: bool) -> None:
        """Say what our turn came to; if the log does not take that, the others wait for the end of the lease."""
        payload = self._job | {"by": self._by, "turn": self.turn, "is_done": is_done}
        with contextlib.suppress(LogUnavailableError):
            await asyncio.to_thread(self._log.append, self._call_id, CallEvent.RECOVERY_ENDED, payload)
        if not is_done:
            await asyncio.sleep(HEAD_START_S)

    async def _holder(self) -> object:
        """Who has this turn: who writes the claim first."""
        number = "" if self.turn == 1 else str(self.turn)
        payload = self._job | {"by": self._by, "turn": self.turn}
        event_id = f"died{number}-{self._call_id[:18]}-{self._job['identity'][:36]}"
        async with asyncio.timeout(LOG_OUTAGE_S):
            while True:
                try:
                    stored = await asyncio.to_thread(
                        self._log.append, self._call_id, CallEvent.JOB_DIED, payload, event_id=event_id
                    )
                except LogUnavailableError:
                    await asyncio.sleep(LOG_RETRY_S)
                else:
                    return stored.payload["by"]

    def _is_end(self, told: LoggedEvent) -> bool:
        payload = told.payload
        is_ours = told.type == CallEvent.RECOVERY_ENDED and payload["identity"] == self._job["identity"]
        return is_ours and (payload["is_done"] or payload["turn"] == self.turn)
