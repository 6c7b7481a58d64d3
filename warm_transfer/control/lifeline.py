"""A job's line to the watchers: an open connection that the kernel closes the moment the process dies."""

import asyncio
import contextlib
import logging
from dataclasses import asdict
from types import TracebackType
from typing import Self

import jwt

from warm_transfer.control.recovery import LostJob
from warm_transfer.settings import Settings
from warm_transfer.transfer.errors import WireError

logger = logging.getLogger(__name__)

PING_S = 1.0
RETRY_S = 0.5
"""Between two tries to reach a watcher. A line that held for longer is replaced at once: 0.3 s are waited for it."""
GOODBYE_S = 0.5
PING, GOODBYE = b"ping\n", b"goodbye\n"
_ALGORITHM = "HS256"


class Lifeline:
    """Holds a line to every watcher of the settings while the context is open; a watcher that is away does no harm."""

    def __init__(self, settings: Settings, job: LostJob) -> None:
        self._addresses = settings.watcher_addresses
        self._hello = sign(job, settings.livekit_api_secret.get_secret_value())
        self._is_done = False
        self._lines: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._lines = [asyncio.create_task(self._hold(*one), name="lifeline") for one in self._addresses]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # No goodbye from a job that was cut short: by its worker's death, the end of a drain, or a bug.
        self._is_done = kind is None
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _hold(self, host: str, port: int) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            begun = clock()
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(host, port)
                await self._ping(reader, writer)
            if clock() - begun < RETRY_S:
                await asyncio.sleep(RETRY_S)

    async def _ping(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say who we are, then ping until the line breaks; a watcher says nothing, so that what comes is the end."""
        broken = asyncio.ensure_future(reader.read(1))
        try:
            writer.write(self._hello + b"\n")
            while not broken.done():
                await writer.drain()
                await asyncio.wait({broken}, timeout=PING_S)
                writer.write(PING)
        except asyncio.CancelledError:
            if self._is_done:
                with contextlib.suppress(OSError, TimeoutError):
                    writer.write(GOODBYE)
                    await asyncio.wait_for(writer.drain(), GOODBYE_S)
            raise
        finally:
            broken.cancel()
            await asyncio.gather(broken, return_exceptions=True)
            writer.close()


def sign(job: LostJob, secret: str) -> bytes:
    """A job's first line: who it is, signed, for what it says gets a participant removed."""
    return jwt.encode(asdict(job), secret, algorithm=_ALGORITHM).encode()


def verify(line: bytes, secret: str) -> LostJob:
    """The job that this first line names.

    Raises:
        WireError: it is not signed by us, or not a job.
    """
    try:
        return LostJob(**jwt.decode(line.strip(), secret, algorithms=[_ALGORITHM]))
    except (jwt.InvalidTokenError, TypeError, ValueError) as error:
        raise WireError("not a job of ours") from error
