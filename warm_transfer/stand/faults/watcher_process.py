"""The watcher as a subprocess: killed, paused and started again while faults are made."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from warm_transfer.stand.worker_process import ROOT

POLL_S = 0.1


class WatcherProcess:
    """Watches on a port of loopback from `start` to `stop`."""

    def __init__(self, *, port: int, log_file: Path, environment: Mapping[str, str]) -> None:
        self.address = f"127.0.0.1:{port}"
        self._port = port
        self._log_file = log_file
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether it lives, paused or not."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, and wait until it takes lines."""
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "warm_transfer.control.watcher", "--address", self.address),
                cwd=ROOT,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        while self.is_running and not await self._is_watching():  # noqa: ASYNC110 - another process
            await asyncio.sleep(POLL_S)

    async def kill(self) -> None:
        """Kill -9."""
        if self._process is not None and self.is_running:
            self._process.kill()
            await self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: its lines stay open, and nothing is read."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        """End it, paused or not."""
        if self._process is not None and self.is_running:
            self.resume()
            self._process.terminate()
            await self._process.wait()

    async def _is_watching(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        writer.close()
        return True
