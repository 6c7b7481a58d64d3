"""Keeps a recorder's unwritten events in its spool file while the log is away, without holding the event loop up."""

import asyncio
import logging
from collections import deque
from itertools import takewhile

from warm_transfer.calls.spool import SpoolFile, UnwrittenEvent

logger = logging.getLogger(__name__)


class Spooler:
    """The one task that touches a job's file: `run` it, and `end` it rather than cancel it.

    `unwritten` is the recorder's own queue, oldest first. Without a file the events are in memory alone.
    """

    def __init__(self, file: SpoolFile | None, unwritten: deque[UnwrittenEvent]) -> None:
        self._file = file
        self._unwritten = unwritten
        self._last_spooled: UnwrittenEvent | None = None
        self._is_log_away = False
        self._is_ending = False
        self._has_failed = False
        self._is_due = asyncio.Event()

    def note_log_away(self) -> None:
        """Spool from now on, until nothing is unwritten."""
        self._is_log_away = True
        self._is_due.set()

    def note_change(self) -> None:
        """Look at the queue again: it has got an event, or has become empty."""
        if self._is_log_away:
            self._is_due.set()

    def end(self) -> None:
        """Let `run` spool what is unwritten now and return; cancelled, its thread would still have the file."""
        self._is_ending = True
        self._is_due.set()

    def missing(self) -> list[UnwrittenEvent]:
        """The unwritten events that are in no file, in order."""
        newer = takewhile(lambda event: event is not self._last_spooled, reversed(self._unwritten))
        return list(newer)[::-1]

    async def run(self) -> None:
        """Follow the queue until `end`; the file is removed when all is written, else left to the replay."""
        is_last = False
        while not is_last:
            await self._is_due.wait()
            self._is_due.clear()
            is_last = self._is_ending
            if self._file is not None:
                await self._bring_up_to_date(self._file)
        if self._file is not None:
            self._file.close()

    async def _bring_up_to_date(self, file: SpoolFile) -> None:
        try:
            if self._unwritten:
                await self._append_missing(file)
            else:
                self._is_log_away = False
                await asyncio.to_thread(file.remove)
        except OSError as error:
            self._report(error)
        else:
            self._has_failed = False

    async def _append_missing(self, file: SpoolFile) -> None:
        if missing := self.missing():  # one that gets written meanwhile does no harm in the file
            await asyncio.to_thread(file.append, missing)
            self._last_spooled = missing[-1]

    def _report(self, error: OSError) -> None:
        """Say it once and not with every event: the disk may stay full for the whole call."""
        if not self._has_failed:
            where = {"call_id": self._unwritten[0].call_id if self._unwritten else "", "cause": str(error)}
            logger.error("unwritten events can't be spooled, memory alone has them", extra=where)
        self._has_failed = True
