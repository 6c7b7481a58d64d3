"""The control API as a subprocess that answers while the context is open."""

import asyncio
import contextlib
import socket
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from warm_transfer.settings import load_settings
from warm_transfer.stand.server import free_port
from warm_transfer.stand.worker_process import ROOT
from warm_transfer.transfer.errors import StartError

_START_TIMEOUT_S = 30.0  # 2 s on 2 idle cores
_STOP_TIMEOUT_S = 10.0  # open requests and WebSockets get 5 s
_POLL_S = 0.1


class ControlProcess:
    """`python -m warm_transfer.control`, its output in `log_file`.

    Entering waits until it answers; StartError if it ends before, with its last line, or takes too long.
    """

    def __init__(self, *, log_file: Path, environment: Mapping[str, str]) -> None:
        """`environment`: the whole of it; a PORT that is taken is replaced by a free one."""
        self.log_file = log_file
        self._environment = dict(environment)
        settings = load_settings(environ=self._environment)
        port = settings.port if _is_free(settings.host, settings.port) else free_port()
        self._environment["PORT"] = str(port)
        self.url = f"http://{settings.host}:{port}"
        """Where the pages are."""
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        with self.log_file.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "warm_transfer.control"),
                cwd=ROOT,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,  # Ctrl-C reaches us first
            )
        try:
            await self._until_it_answers(self._process)
        except BaseException:
            await self._stop(self._process)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            await self._stop(self._process)

    async def _until_it_answers(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_TIMEOUT_S):
                while process.returncode is None:
                    if await asyncio.to_thread(_answers, self.url):
                        return
                    await asyncio.sleep(_POLL_S)
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").split("\n")
        said = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        raise StartError(f"The control API did not start ({said.strip()}): see {self.log_file}.")

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return False
    return True


def _answers(url: str) -> bool:
    """Whether it serves; what else is up or down is no question here."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
