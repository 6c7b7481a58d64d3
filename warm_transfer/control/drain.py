"""How a worker leaves: it takes no new calls, lets live ones end, and before its deadline has them handed over.

The worker's main process tells its job processes by a signal: LiveKit's own line to them carries nothing of ours, and
this one works without the server.
"""

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from livekit.agents import AgentServer

logger = logging.getLogger(__name__)

HAND_OVER = signal.SIGUSR2
"""SIGUSR1 is LiveKit's: a stack trace."""
HAND_OVER_S = 30.0
"""Before the deadline: 5 s for a move to end, 4 s for what is just being said, 2 s for the log, 9 s for another
worker's agent, 8 s for a goodbye."""
POLL_S = 0.5
TELL_S = 1.0
"""From one time to the next that a job is told: one that can't be handed over in a move can a moment later."""
EXIT_S = 1
"""For LiveKit's own drain, once ours is over."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Intake(Protocol):
    """What takes jobs for the worker."""

    @property
    def is_idle(self) -> bool:
        """No job runs, and none is about to."""

    def refuse_new_calls(self) -> None:
        """Take only what live calls need."""

    def refuse_all(self) -> None:
        """Take nothing any more."""


class Drain:
    """Takes the place of LiveKit's signal handling, whose second signal cuts every live call.

    LiveKit's own drain would refuse Agent Bs of live calls, too, so it begins when ours is over. `_proc_pool` and the
    order of LiveKit's exit are not public: pinned with livekit-agents 1.8.9, and tested.
    """

    def __init__(self, server: AgentServer, intake: Intake, *, timeout_s: float) -> None:
        self._server = server
        self._intake = intake
        self._timeout_s = timeout_s
        self._draining: asyncio.Task[None] | None = None
        self._exit: Callable[[int, Any], Any] | int | None = None
        """LiveKit's own handler."""

    def await_signal(self) -> None:
        """Drain at the first SIGTERM or SIGINT from now on; to be called on the worker's event loop."""
        self._exit = signal.getsignal(signal.SIGTERM)
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._note, number)

    def _note(self, number: int) -> None:
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain(), name="drain")
        else:
            logger.warning("already draining: this signal changes nothing", extra={"signal": number})

    async def _drain(self) -> None:
        """Wait for the calls to end, tell those that have not, and then let LiveKit end the process."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._let_calls_end()
                await self._hand_over()
        except TimeoutError:
            logger.error("the drain's deadline cuts live calls")
        finally:
            if callable(self._exit):
                self._exit(signal.SIGTERM, None)

    async def _let_calls_end(self) -> None:
        logger.info("no new calls", extra={"timeout_s": self._timeout_s})
        self._intake.refuse_new_calls()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s - HAND_OVER_S):
                while not self._intake.is_idle:  # noqa: ASYNC110 - nothing tells of a job that is accepted and never runs
                    await asyncio.sleep(POLL_S)

    async def _hand_over(self) -> None:
        self._intake.refuse_all()
        while not self._intake.is_idle:
            self._tell_jobs()
            await asyncio.sleep(TELL_S)

    def _tell_jobs(self) -> None:
        for process in self._server._proc_pool.processes:
            pid = getattr(process, "pid", None)
            if process.running_job is not None and pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, HAND_OVER)


def ignore_hand_over() -> None:
    """Let a process that has no call yet live when it is told; for a process' start."""
    if _is_main_thread():
        signal.signal(HAND_OVER, signal.SIG_IGN)


@contextlib.contextmanager
def told_to_hand_over() -> Iterator[asyncio.Event]:
    """An event that is set each time that the worker tells this job to hand its call over."""
    told = asyncio.Event()
    if not _is_main_thread():  # the console's job
        yield told
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(HAND_OVER, told.set)
    try:
        yield told
    finally:
        loop.remove_signal_handler(HAND_OVER)
        ignore_hand_over()


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
