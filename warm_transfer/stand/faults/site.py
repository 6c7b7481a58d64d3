"""What runs while faults are made: a server of its own, two workers, a watcher; each can be killed and replaced."""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from warm_transfer.calls.log import CallLog
from warm_transfer.settings import Settings, load_settings
from warm_transfer.stand.faults.matrix import Kill
from warm_transfer.stand.server import LiveKitServer, free_port
from warm_transfer.stand.worker_process import ROOT, WorkerProcess
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess

WORKERS = 2


class FaultSite:
    """Up while the context is open; `mend` brings back what was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = LiveKitServer(log_file=folder / "server.log", port=free_port())
        self._watcher_port = free_port()
        self.settings = load_settings(env_file="/dev/null", environ=self._environment())
        self.access = ServerAccess.of(self.settings)
        self.log = CallLog(self.settings.call_log_url)
        self._workers: list[WorkerProcess] = []
        self._watcher: asyncio.subprocess.Process | None = None
        self._stack = contextlib.AsyncExitStack()
        self._started = 0

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._server)
        self._stack.callback(self.log.close)
        self._stack.push_async_callback(self._end)
        try:
            await self.mend()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def mend(self) -> None:
        """Start what is not there."""
        if self._watcher is None or self._watcher.returncode is not None:
            self._watcher = await self._start_watcher()
        alive = [worker for worker in self._workers if worker.is_running]
        for dead in (worker for worker in self._workers if not worker.is_running):
            await dead.__aexit__(None, None, None)
        self._workers = alive
        while len(self._workers) < WORKERS:
            self._started += 1
            worker = WorkerProcess(
                log_file=self._folder / f"worker_{self._started}.log",
                environment={**os.environ, **self._environment()},
                arguments=("worker.py", "start"),
            )
            self._workers.append(await worker.__aenter__())

    async def kill(self, kill: Kill, pids: Mapping[str, int]) -> None:
        """Kill it; `pids` are the call's latest job processes by role, of which the last one has the caller."""
        match kill:
            case Kill.AGENT_A | Kill.AGENT_B:
                os.kill(pids[kill.name.lower()], signal.SIGKILL)
            case Kill.WORKER:
                self._worker_of(pids[list(pids)[-1]]).kill()
            case Kill.WATCHER:
                if self._watcher is not None:
                    self._watcher.kill()
                    await self._watcher.wait()
            case Kill.SERVER:
                await self._server.restart()

    def _worker_of(self, pid: int) -> WorkerProcess:
        ancestors = {process.pid for process in psutil.Process(pid).parents()}
        return next(worker for worker in self._workers if worker.pid in ancestors)

    async def _start_watcher(self) -> asyncio.subprocess.Process:
        with (self._folder / "watcher.log").open("ab") as log:
            watcher = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "warm_transfer.control.watcher"),
                cwd=ROOT,
                env={**os.environ, **self._environment()},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        while watcher.returncode is None and not await self._is_watching():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
        return watcher

    async def _is_watching(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._watcher_port)
        except OSError:
            return False
        writer.close()
        return True

    async def _end(self) -> None:
        for worker in self._workers:
            await worker.__aexit__(None, None, None)
        if self._watcher is not None and self._watcher.returncode is None:
            self._watcher.terminate()
            await self._watcher.wait()

    def _environment(self) -> dict[str, str]:
        fields = Settings.model_fields
        return {
            "LIVEKIT_URL": self._server.url,
            "LIVEKIT_API_KEY": fields["livekit_api_key"].default,
            "LIVEKIT_API_SECRET": fields["livekit_api_secret"].default.get_secret_value(),
            "AGENT_NAME": f"faults-{self._name}",
            "CALL_LOG_URL": f"sqlite:///{self._folder}/calls.sqlite3",
            "UNWRITTEN_DIR": str(self._folder / "unwritten"),
            "WATCHERS": f"127.0.0.1:{self._watcher_port}",
            "CONSULT_MODE": "spoken",
            "LLM_PROVIDER": "local",
            "STT_PROVIDER": "local",
            "TTS_PROVIDER": "local",
        }

    @property
    def _name(self) -> str:
        return self._folder.name or secrets.token_hex(4)
