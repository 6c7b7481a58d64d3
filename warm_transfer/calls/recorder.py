"""Writes the events of one call to the log without ever holding the call up."""

import asyncio
import json
import logging
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol, Self

from warm_transfer.calls.events import CallEvent, Payload
from warm_transfer.calls.log import LoggedEvent, LogUnavailableError
from warm_transfer.calls.masking import PayloadMask
from warm_transfer.calls.spool import SpoolFile, UnwrittenEvent
from warm_transfer.calls.spooler import Spooler

logger = logging.getLogger(__name__)

_FIRST_RETRY_S = 0.1
_LONGEST_RETRY_S = 5.0  # an operator who mends the log sees it fill within this time
_SLOW_WRITE_S = 0.5  # a write takes about 1 ms; one that waits for a lock may wait 5 s before it fails
_EXIT_TIMEOUT_S = 5.0  # LiveKit gives a job's entrypoint 15 s to end


class EventLog(Protocol):
    """Where a recorder writes: `CallLog`, or a fake."""

    def append(
        self,
        call_id: str,
        type: CallEvent | str,
        payload: Payload,
        *,
        event_id: str | None,
        at: float | None,
        private: Payload | None,
    ) -> LoggedEvent:
        """Write one event; LogUnavailableError means later, and a retry of an event_id changes nothing."""


class CallRecorder:
    """The memory of one job's part of one call: `record` returns at once, one task writes in order.

    Enter it for the length of the job, and record from the event loop's thread only. While the log can't be
    written the events wait in memory, in order and with their ids, and are retried. Meanwhile they are in the
    spool file, too, which outlives the process: it is removed when the log has them all, and left to the replay
    if it has not at the exit's deadline. What could not be spooled either is lost then, and counted in an error
    log.
    """

    def __init__(
        self,
        log: EventLog,
        call_id: str,
        *,
        spool: SpoolFile | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        slow_write_s: float = _SLOW_WRITE_S,
        exit_timeout_s: float = _EXIT_TIMEOUT_S,
    ) -> None:
        self._log = log
        self._call_id = call_id
        self._mask = PayloadMask()
        self._clock = clock
        self._sleep = sleep
        self._slow_write_s = slow_write_s
        self._exit_timeout_s = exit_timeout_s
        self._unwritten: deque[UnwrittenEvent] = deque()
        self._spooler = Spooler(spool, self._unwritten)
        self._has_unwritten = asyncio.Event()
        self._all_written = asyncio.Event()
        self._all_written.set()
        self._tasks: list[asyncio.Task[None]] = []

    def record(self, type: CallEvent, payload: Payload, *, at: float | None = None) -> str:
        """Queue one event and give its event_id; `at` defaults to now. The payload is copied.

        Private words are masked in what everybody may read, and kept for the jobs of this call.

        Never blocks and never raises: a payload that is not JSON is dropped with an error log.
        """
        event_id = uuid.uuid4().hex
        try:
            copied = json.loads(json.dumps(payload, allow_nan=False))
        except (TypeError, ValueError):
            logger.exception("event dropped: its payload is not JSON", extra=self._where(str(type)))
            return event_id
        moment = self._clock() if at is None else at
        public = self._mask(copied)
        event = UnwrittenEvent(
            call_id=self._call_id,
            event_id=event_id,
            type=str(type),
            payload=public,
            at=moment,
            private=None if public == copied else copied,
        )
        self._unwritten.append(event)
        self._all_written.clear()
        self._has_unwritten.set()
        self._spooler.note_change()
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
        writer = asyncio.create_task(self._write_all(), name=f"call recorder {self._call_id}")
        spooler = asyncio.create_task(self._spooler.run(), name=f"call spooler {self._call_id}")
        self._tasks = [writer, spooler]
        return self

    async def __aexit__(self, *_: object) -> None:
        writer, _spooler = self._tasks
        try:
            await self.flush(self._exit_timeout_s)
        finally:
            writer.cancel()
            self._spooler.end()
            await asyncio.wait(self._tasks)
            self._report_unwritten()

    async def _write_all(self) -> None:
        while True:
            await self._has_unwritten.wait()
            while self._unwritten:
                await self._write(self._unwritten[0])
                self._unwritten.popleft()
            self._has_unwritten.clear()
            self._all_written.set()
            self._spooler.note_change()

    async def _write(self, event: UnwrittenEvent) -> None:
        """Write one event, however long it takes; the ones behind it wait."""
        retry_s = _FIRST_RETRY_S
        while not await self._is_settled(event):
            self._spooler.note_log_away()
            await self._sleep(retry_s)
            retry_s = min(2 * retry_s, _LONGEST_RETRY_S)

    async def _is_settled(self, event: UnwrittenEvent) -> bool:
        """Try to write: False if it is worth another try."""
        # A process that is killed while SQLite waits for the lock must not lose the events of that time.
        slow = asyncio.get_running_loop().call_later(self._slow_write_s, self._spooler.note_log_away)
        try:
            await asyncio.to_thread(
                self._log.append,
                event.call_id,
                event.type,
                event.payload,
                event_id=event.event_id,
                at=event.at,
                private=event.private,
            )
        except LogUnavailableError as error:
            logger.warning("call log unavailable", extra={**self._where(event.type), "cause": str(error.__cause__)})
            return False
        except Exception:  # the edge between a call and its memory: one refused event must not stop the rest
            logger.exception("event dropped: the call log refused it", extra=self._where(event.type))
        finally:
            slow.cancel()
        return True

    def _report_unwritten(self) -> None:
        lost = len(self._spooler.missing())
        if lost:
            extra = {"call_id": self._call_id, "events": lost}
            logger.error("events lost: the call log could not be written in time", extra=extra)
        if left := len(self._unwritten) - lost:
            logger.warning("events left to the replay", extra={"call_id": self._call_id, "events": left})

    def _where(self, type: str) -> dict[str, str]:
        return {"call_id": self._call_id, "event_type": type}
