"""Writes the events of one call to the log without ever holding the call up."""

import asyncio
import json
import logging
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from warm_transfer.calls.events import CallEvent, Payload
from warm_transfer.calls.log import LoggedEvent, LogUnavailableError

logger = logging.getLogger(__name__)

_FIRST_RETRY_S = 0.1
_LONGEST_RETRY_S = 5.0  # an operator who mends the log sees it fill within this time
_EXIT_TIMEOUT_S = 5.0  # LiveKit gives a job's entrypoint 15 s to end


class EventLog(Protocol):
    """Where a recorder writes: `CallLog`, or a fake."""

    def append(
        self, call_id: str, type: CallEvent | str, payload: Payload, *, event_id: str | None, at: float | None
    ) -> LoggedEvent:
        """Write one event; LogUnavailableError means later, and a retry of an event_id changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unwritten:
    event_id: str
    type: CallEvent
    payload: dict[str, Any]
    at: float


class CallRecorder:
    """The memory of one job's part of one call: `record` returns at once, one task writes in order.

    Enter it for the length of the job, and record from the event loop's thread only. While the log can't be
    written the events wait in memory, in order and with their ids, and are retried; what is still unwritten
    at the exit's deadline is lost and counted in an error log. A buffer file for a long outage belongs where
    `_give_up` is.
    """

    def __init__(
        self,
        log: EventLog,
        call_id: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        exit_timeout_s: float = _EXIT_TIMEOUT_S,
    ) -> None:
        self._log = log
        self._call_id = call_id
        self._clock = clock
        self._sleep = sleep
        self._exit_timeout_s = exit_timeout_s
        self._unwritten: deque[_Unwritten] = deque()
        self._has_unwritten = asyncio.Event()
        self._all_written = asyncio.Event()
        self._all_written.set()
        self._writer: asyncio.Task[None] | None = None

    def record(self, type: CallEvent, payload: Payload, *, at: float | None = None) -> str:
        """Queue one event and give its event_id; `at` defaults to now. The payload is copied.

        Never blocks and never raises: a payload that is not JSON is dropped with an error log.
        """
        event_id = uuid.uuid4().hex
        try:
            copied = json.loads(json.dumps(payload, allow_nan=False))
        except (TypeError, ValueError):
            logger.exception("event dropped: its payload is not JSON", extra=self._where(type))
            return event_id
        moment = self._clock() if at is None else at
        self._unwritten.append(_Unwritten(event_id=event_id, type=type, payload=copied, at=moment))
        self._all_written.clear()
        self._has_unwritten.set()
        return event_id

    async def flush(self, timeout_s: float) -> bool:
        """Wait until all that was recorded is written; False if `timeout_s` passed before."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._all_written.wait()
        except TimeoutError:
            return False
        return True

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._write_all(), name=f"call recorder {self._call_id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.flush(self._exit_timeout_s)
        finally:
            if self._writer is not None:
                self._writer.cancel()
                await asyncio.wait([self._writer])
            self._give_up()

    async def _write_all(self) -> None:
        while True:
            await self._has_unwritten.wait()
            while self._unwritten:
                await self._write(self._unwritten[0])
                self._unwritten.popleft()
            self._has_unwritten.clear()
            self._all_written.set()

    async def _write(self, event: _Unwritten) -> None:
        """Write one event, however long it takes; the ones behind it wait."""
        retry_s = _FIRST_RETRY_S
        while not await self._is_settled(event):
            await self._sleep(retry_s)
            retry_s = min(2 * retry_s, _LONGEST_RETRY_S)

    async def _is_settled(self, event: _Unwritten) -> bool:
        """Try to write: False if it is worth another try."""
        try:
            await asyncio.to_thread(
                self._log.append,
                self._call_id,
                event.type,
                event.payload,
                event_id=event.event_id,
                at=event.at,
            )
        except LogUnavailableError as error:
            logger.warning("call log unavailable", extra={**self._where(event.type), "cause": str(error.__cause__)})
            return False
        except Exception:  # the edge between a call and its memory: one refused event must not stop the rest
            logger.exception("event dropped: the call log refused it", extra=self._where(event.type))
        return True

    def _give_up(self) -> None:
        if self._unwritten:
            lost = {"call_id": self._call_id, "events": len(self._unwritten)}
            logger.error("events lost: the call log could not be written in time", extra=lost)

    def _where(self, type: CallEvent) -> dict[str, str]:
        return {"call_id": self._call_id, "event_type": str(type)}
