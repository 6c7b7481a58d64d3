"""Writes into the call log what jobs left in the spool because they ended or were killed while the log was away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO

from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.calls.recorder import EventLog
from warm_transfer.calls.spool import claimed, read_event, set_aside, spooled_files

logger = logging.getLogger(__name__)

_BUSY_S = 0.1
"""Between two looks at a file that is locked: one replay takes about 1 ms per event."""
_INTERVAL_S = 5.0  # as a recorder's longest retry: one listing of a folder that is nearly always empty


class Replay:
    """Of one folder into one log. Several may run at once, also in other processes: each file has its lock."""

    def __init__(
        self, folder: Path, log: EventLog, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._folder = folder
        self._log = log
        self._sleep = sleep
        self._given_up: set[Path] = set()

    async def run(self) -> None:
        """Write what is left, now and every few seconds, until cancelled."""
        while True:
            try:
                await self.write_left()
            except Exception:  # the edge of the process: whatever it is, the next files may work
                logger.exception("replay of unwritten events failed")
            await self._sleep(_INTERVAL_S)

    async def write_left(self) -> None:
        """Write the files of all dead jobs, in order; stops at once while the log is away."""
        for path in await asyncio.to_thread(spooled_files, self._folder):
            if path in self._given_up:
                continue
            try:
                await asyncio.to_thread(self._replay, path)
            except LogUnavailableError as error:
                logger.warning("call log unavailable", extra={"file": path.name, "cause": str(error.__cause__)})
                return
            except OSError:
                self._given_up.add(path)  # until the next start: once in the log is enough
                logger.exception("unwritten events can't be read or removed", extra={"file": path.name})

    async def write_call(self, call_id: str, *, timeout_s: float) -> None:
        """Write what dead jobs of one call left; waits for another replay that does, but not for a job that lives.

        Which of the two has a file locked can't be told, so it waits no longer than `timeout_s`.

        Raises:
            LogUnavailableError: the log can't take it now.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while left := await asyncio.to_thread(spooled_files, self._folder, call_id):
                    for path in left:
                        await asyncio.to_thread(self._replay, path)
                    if not any(path.exists() for path in left):
                        return
                    await self._sleep(_BUSY_S)
        except TimeoutError:
            logger.info("unwritten events of a living job", extra={"call_id": call_id})
        except OSError:
            logger.exception("unwritten events can't be read or removed", extra={"call_id": call_id})

    def _replay(self, path: Path) -> None:
        """Write one file and remove it; a retried event_id changes nothing, so it may be cut short anywhere."""
        with claimed(path) as file:
            if file is None:
                return
            refused = self._write(file, path.name)
            if refused:
                kept = set_aside(path)
                logger.error("events refused, kept aside", extra={"file": kept.name, "events": refused})
            else:
                path.unlink()

    def _write(self, file: BinaryIO, name: str) -> int:
        """Write every line; gives how many were refused for good."""
        *lines, unfinished = file.read().split(b"\n")
        if unfinished:
            logger.error("event lost: its job ended while it wrote the line", extra={"file": name})
        refused = [number for number, line in enumerate(lines, 1) if not self._is_written(line, name, number)]
        logger.info("unwritten events written", extra={"file": name, "events": len(lines) - len(refused)})
        return len(refused)

    def _is_written(self, line: bytes, name: str, number: int) -> bool:
        where = {"file": name, "line": number}
        try:
            event = read_event(line)
        except ValueError:  # not its text: it may repeat what was said
            logger.error("event skipped: the line is damaged", extra=where)
            return False
        try:
            self._log.append(
                event.call_id, event.type, event.payload, event_id=event.event_id, at=event.at, private=event.private
            )
        except LogUnavailableError:
            raise
        except Exception:  # as in the recorder: one refused event must not stop the rest
            logger.exception("event skipped: the call log refused it", extra=where)
            return False
        return True
