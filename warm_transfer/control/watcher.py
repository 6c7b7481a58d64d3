"""Watches every job over its lifeline and every room, for calls whose worker dies and for those that none answers.

`python -m warm_transfer.control.watcher` runs one; two on different machines watch each other's blind spots, for a call
is recovered by whoever claims it first.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from warm_transfer.calls.log import CallLog
from warm_transfer.control.lifeline import GOODBYE, verify
from warm_transfer.control.recovery import LostJob, Recovery
from warm_transfer.control.unanswered import Unanswered
from warm_transfer.settings import Settings, load_settings
from warm_transfer.transfer.errors import (
    SettingsError,
    StartError,
    TargetUnavailableError,
    WarmTransferError,
    WireError,
)
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess

logger = logging.getLogger(__name__)

HELLO_TIMEOUT_S = 5.0
SILENCE_S = 15.0
"""Without a ping for this long a machine is gone; a process that dies closes its line at once."""
CHECK_S = 1.0
STALL_S = 3.0
"""A check that comes this late means that we were stopped ourselves: nobody else's silence counts then."""
RECONNECT_S = 0.3
"""A job notices at once that its line broke, and has another by then; who has none is asked in its room."""
ASK_AGAIN_S = 2.0
"""A job that lives but can't reach us is asked this often, and one whom nobody can ask has as long for another line."""


class Watcher:
    """Accepts lifelines while the context is open; `recover` gets each job that has none, said no goodbye and is dead.

    `is_alive` asks the job itself where it is; it may raise TargetUnavailableError, if nobody can.
    """

    def __init__(
        self,
        *,
        secret: str,
        host: str,
        port: int,
        is_alive: Callable[[LostJob], Awaitable[bool]],
        recover: Callable[[LostJob], Coroutine[Any, Any, None]],
    ) -> None:
        self._secret = secret
        self._host = host
        self._port = port
        self._is_alive = is_alive
        self._recover = recover
        self._tasks = asyncio.TaskGroup()
        self._lines: Counter[str] = Counter()
        """Open lines by identity."""
        self._missed: set[str] = set()
        """Identities without a line that are being asked."""
        self._heard: dict[asyncio.StreamWriter, float] = {}
        """When each line was last heard, by the loop's clock."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(self._watch, self._host, self._port)
        except OSError as error:
            raise StartError(f"port {self._port} on {self._host} is taken: choose another in WATCHERS") from error
        await self._tasks.__aenter__()
        self._checking = self._tasks.create_task(self._check())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in list(self._heard):
            writer.close()
        self._checking.cancel()
        await self._tasks.__aexit__(kind, error, trace)

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One job's line, from its hello to its end."""
        try:
            job = verify(await asyncio.wait_for(reader.readline(), HELLO_TIMEOUT_S), self._secret)
        except (WireError, TimeoutError, OSError, ValueError):
            logger.warning("a line was refused")
            writer.close()
            return
        self._lines[job.identity] += 1
        has_left = await self._follow(reader, writer)
        self._lines -= Counter([job.identity])  # a count of zero goes
        if has_left:
            self._missed.discard(job.identity)
        elif self._server.is_serving() and job.identity not in self._missed:
            self._missed.add(job.identity)
            self._tasks.create_task(self._miss(job))

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the job said goodbye."""
        clock = asyncio.get_running_loop().time
        self._heard[writer] = clock()
        last = b""
        with contextlib.suppress(OSError, ValueError):
            while line := await reader.readline():
                last, self._heard[writer] = line, clock()
        del self._heard[writer]
        writer.close()
        return last == GOODBYE

    async def _miss(self, job: LostJob) -> None:
        """Recover the job's call if it is dead; a line that broke, on its way or at our end, is no death."""
        try:
            await asyncio.sleep(RECONNECT_S)
            while not self._lines[job.identity] and job.identity in self._missed:
                if not await self._may_live(job):
                    await self._recover(job)
                    break
                await asyncio.sleep(ASK_AGAIN_S)
        except Exception:  # one call's trouble must not end the watch over all others
            logger.exception("a missed job was not looked after", extra={"identity": job.identity})
        finally:
            self._missed.discard(job.identity)

    async def _may_live(self, job: LostJob) -> bool:
        try:
            return await self._is_alive(job)
        except TargetUnavailableError as error:
            logger.warning("a job without a line can't be asked", extra={"why": error.sentence})
        await asyncio.sleep(ASK_AGAIN_S)
        return self._lines[job.identity] > 0

    async def _check(self) -> None:
        """Close the lines of machines that are gone; not for what we missed while we were stopped."""
        clock = asyncio.get_running_loop().time
        last = clock()
        while True:
            await asyncio.sleep(CHECK_S)
            now = clock()
            if now - last > STALL_S:
                self._heard = dict.fromkeys(self._heard, now)
            last = now
            for writer, heard in list(self._heard.items()):
                if now - heard > SILENCE_S:
                    writer.transport.abort()


async def watch(settings: Settings, host: str, port: int) -> None:
    """Run one watcher until it is told to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    by = f"watcher {socket.gethostname()} {os.getpid()} {secrets.token_hex(4)}"
    async with Rooms(ServerAccess.of(settings)) as rooms:
        with CallLog(settings.call_log_url) as log:
            recovery = Recovery(settings, log=log, rooms=rooms, by=by)
            secret = settings.livekit_api_secret.get_secret_value()
            async with Watcher(
                secret=secret,
                host=host,
                port=port,
                is_alive=lambda job: rooms.answers(job.room, job.identity),
                recover=recovery.recover,
            ) as watcher:
                sys.stderr.write(f"watching on {host}:{watcher.port}\n")
                async with asyncio.TaskGroup() as tasks:
                    looking = tasks.create_task(Unanswered(settings, log=log, rooms=rooms, by=by).watch())
                    await stop.wait()
                    looking.cancel()


def main(arguments: list[str] | None = None) -> int:
    """Watch on the first address of WATCHERS, or on the one that is given."""
    parser = argparse.ArgumentParser(prog="python -m warm_transfer.control.watcher", description=__doc__)
    parser.add_argument("--address", help="host:port to listen on; else the first of WATCHERS")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        settings = load_settings()
        if given.address:
            settings = Settings.model_validate(settings.model_dump() | {"watchers": given.address})
        if not settings.watcher_addresses:
            raise SettingsError("WATCHERS is not set: name the address to watch on, such as 127.0.0.1:7870")
        asyncio.run(watch(settings, *settings.watcher_addresses[0]))
    except (WarmTransferError, ValueError) as error:
        sys.stderr.write(f"{error.sentence if isinstance(error, WarmTransferError) else '--address is no host:port'}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
