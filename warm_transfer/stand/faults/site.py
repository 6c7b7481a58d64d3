"""What runs while faults are made: a server of its own, two workers, a watcher; each can be killed and replaced."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from warm_transfer.calls.log import CallLog
from warm_transfer.settings import Settings, load_settings
from warm_transfer.stand.faults.matrix import Kill
from warm_transfer.stand.faults.watcher_process import WatcherProcess
from warm_transfer.stand.server import LiveKitServer, free_port
from warm_transfer.stand.worker_process import WorkerProcess
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess

WORKERS = 3
"""So that the next can be killed while one starts: that takes 10 s beside a call on two cores."""
MOST_WATCHERS = 2
ARM_TTL_S = 12
"""A caller who consents at once is connected to an armed target; one who thinks for longer hears it ring."""


class FaultSite:
    """Up while the context is open; `mend` brings back what was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.log_file = folder / "calls.sqlite3"
        self._server = LiveKitServer(log_file=folder / "server.log", port=free_port())
        ports = [free_port() for _ in range(MOST_WATCHERS)]
        self._settings = self._own_settings(ports)
        self.settings = load_settings(env_file="/dev/null", environ=self._settings)
        self.access = ServerAccess.of(self.settings)
        self.log = CallLog(self.settings.call_log_url)
        self.live_calls = 0
        """How many are under way."""
        self._workers: list[WorkerProcess] = []
        self.watchers = [
            WatcherProcess(port=port, log_file=folder / f"watcher_{number}.log", environment=self.environment())
            for number, port in enumerate(ports, start=1)
        ]
        """The second one is started by who needs two."""
        self._stack = contextlib.AsyncExitStack()
        self._started = 0
        self._mending = asyncio.Lock()

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

    @property
    def can_lose_worker(self) -> bool:
        """Whether another worker stands by when one dies, and the watcher watches."""
        return sum(worker.is_running for worker in self._workers) > 1 and self.watchers[0].is_running

    def environment(self, **settings: str) -> dict[str, str]:
        """For a process of the site, with settings of its own (environment names)."""
        return {**os.environ, **self._settings, **settings}

    async def mend(self) -> None:
        """Start what is not there."""
        async with self._mending:
            await self._start_missing()

    async def _start_missing(self) -> None:
        if not self.watchers[0].is_running:
            await self.watchers[0].start()
        alive = [worker for worker in self._workers if worker.is_running]
        for dead in (worker for worker in self._workers if not worker.is_running):
            await dead.__aexit__(None, None, None)
        self._workers = alive
        while len(self._workers) < WORKERS:
            self._started += 1
            worker = WorkerProcess(
                log_file=self._folder / f"worker_{self._started}.log",
                environment=self.environment(),
            )
            self._workers.append(await worker.__aenter__())

    async def kill(self, kill: Kill, job_pid: int) -> None:
        """Kill it; `job_pid` is the job process that dies, or whose worker does."""
        match kill:
            case Kill.AGENT_A | Kill.AGENT_B:
                os.kill(job_pid, signal.SIGKILL)
            case Kill.WORKER:
                self.worker_of(job_pid).kill()
            case Kill.WATCHER:
                await self.watchers[0].kill()
            case Kill.SERVER:
                await self.restart_server()

    async def left_over(self) -> tuple[str, ...]:
        """Rooms that are still there when no call is."""
        async with Rooms(self.access) as rooms:
            return tuple(sorted(await rooms.names()))

    async def restart_server(self) -> None:
        """Kill -9, and start again at once."""
        await self._server.restart()

    def worker_of(self, pid: int) -> WorkerProcess:
        """The worker whose job this process is."""
        ancestors = {process.pid for process in psutil.Process(pid).parents()}
        return next(worker for worker in self._workers if worker.pid in ancestors)

    async def _end(self) -> None:
        for worker in self._workers:
            await worker.__aexit__(None, None, None)
        for watcher in self.watchers:
            await watcher.stop()

    def _own_settings(self, watcher_ports: Sequence[int]) -> dict[str, str]:
        fields = Settings.model_fields
        return {
            "LIVEKIT_URL": self._server.url,
            "LIVEKIT_API_KEY": fields["livekit_api_key"].default,
            "LIVEKIT_API_SECRET": fields["livekit_api_secret"].default.get_secret_value(),
            "AGENT_NAME": f"faults-{self._folder.name}",
            "CALL_LOG_URL": f"sqlite:///{self.log_file}",
            "UNWRITTEN_DIR": str(self._folder / "unwritten"),
            "WATCHERS": ",".join(f"127.0.0.1:{port}" for port in watcher_ports),
            "ARM_TTL_S": str(ARM_TTL_S),
            "CONSULT_MODE": "spoken",
            "LLM_PROVIDER": "local",
            "STT_PROVIDER": "local",
            "TTS_PROVIDER": "local",
        }
