"""The worker as a subprocess that is registered while the context is open and leaves nothing behind."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from warm_transfer.transfer.errors import StartError

ROOT = Path(__file__).parents[2]

NICENESS = 5
"""A real caller's device and server are other machines: on this one they must not wait for the agents' processes.

A session of its own would undo this: Linux shares the cores out between sessions, and a priority counts only within
one. Measured with sessions on two cores: the caller's and the server's threads, which need 1 ms of every 10, waited
300 to 760 ms at a time, and the caller lost music that had been sent; in one session 77 ms, and nothing lost.
"""

_REGISTERED = b"registered worker"  # logged by livekit-agents 1.8.9 once the server took it in
_START_TIMEOUT_S = 60.0  # 4 s on 2 idle cores; a first start compiles the packages' bytecode
_STOP_TIMEOUT_S = 15.0  # jobs get 10 s from livekit-agents to end
_GRACE_S = 1.0  # for descendants that end because the main process did
_KILL_TIMEOUT_S = 5.0
_LINE_LIMIT = 1 << 20  # a log line with a traceback or a prompt passes asyncio's default of 64 KiB


class WorkerProcess:
    """`python worker.py start` in a process group of its own, its output in `log_file`.

    Entering waits until it is registered; StartError if it ends before, with its last line, or takes too
    long. Leaving sends SIGTERM, then kills what is left of the group. `left_over` tells afterwards which
    descendants outlived it.
    """

    def __init__(
        self,
        *,
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = ("worker.py", "start"),
        start_timeout_s: float = _START_TIMEOUT_S,
        stop_timeout_s: float = _STOP_TIMEOUT_S,
    ) -> None:
        """`environment`: the whole of it, None for this process's own; `arguments`: of the interpreter."""
        self.log_file = log_file
        self.left_over: tuple[int, ...] = ()
        self._environment = environment
        self._arguments = arguments
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._registered = asyncio.Event()
        self._last_line = "it said nothing"
        self._worker: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the worker's main process, None before it was started."""
        return self._worker.pid if self._worker else None

    @property
    def is_running(self) -> bool:
        """Whether the main process lives."""
        return self._worker is not None and self._worker.returncode is None

    def kill(self) -> None:
        """Kill -9 of the main process alone; its jobs see that it is gone and end."""
        if self._worker is not None:
            self._worker.kill()

    def descendants(self) -> list[psutil.Process]:
        """Every process below the worker that lives now: its fork server, idle processes and jobs."""
        if self.pid is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).children(recursive=True)
        return []

    async def __aenter__(self) -> Self:
        # A pipe of our own: asyncio's PIPE makes Process.wait() wait for the descendants that hold it, too.
        read_end, write_end = os.pipe()
        self._reader = asyncio.create_task(self._follow(read_end), name="worker log")
        try:
            self._worker = await self._start(write_end)
        finally:
            os.close(write_end)
        try:
            await self._wait_until_registered(self._reader)
        except BaseException:
            await self._stop(self._worker)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._worker is not None:
            await self._stop(self._worker)

    async def _wait_until_registered(self, ended: asyncio.Task[None]) -> None:
        registered = asyncio.create_task(self._registered.wait(), name="worker registered")
        try:
            await asyncio.wait({registered, ended}, timeout=self._start_timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            registered.cancel()
        if self._registered.is_set():
            return
        what = "ended at start" if ended.done() else f"did not register within {self._start_timeout_s:.0f} s"
        raise StartError(f"The worker {what} ({self._last_line}): see {self.log_file}.")

    async def _start(self, output: int) -> asyncio.subprocess.Process:
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._arguments,
            cwd=ROOT,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,  # Ctrl-C reaches us first, and killpg reaches all of its processes
        )
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, worker.pid, NICENESS)
        return worker

    async def _follow(self, output: int) -> None:
        """Copy the output to the log file until it ends, watching for the registration."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        lines = asyncio.StreamReader(limit=_LINE_LIMIT)
        with os.fdopen(output, "rb", buffering=0) as pipe, self.log_file.open("wb", buffering=0) as log:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), pipe)
            with contextlib.closing(transport):
                async for line in lines:
                    log.write(line)
                    self._note(line)

    def _note(self, line: bytes) -> None:
        if text := line.decode(errors="replace").strip():
            self._last_line = text
        if _REGISTERED in line:
            self._registered.set()

    async def _stop(self, worker: asyncio.subprocess.Process) -> None:
        family = self.descendants()
        with contextlib.suppress(ProcessLookupError):
            worker.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(worker.wait(), self._stop_timeout_s)
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=_GRACE_S)
        self.left_over = tuple(process.pid for process in alive)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        await worker.wait()
        await asyncio.to_thread(psutil.wait_procs, alive, timeout=_KILL_TIMEOUT_S)
        await self._end_reader()

    async def _end_reader(self) -> None:
        if self._reader is None:
            return
        # It ends by itself when the last process of the group closes the pipe.
        await asyncio.wait({self._reader}, timeout=_KILL_TIMEOUT_S)
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
