"""The judge, in a process of its own that gives way: a minute of speech takes it half a minute of a core."""

import asyncio
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Self

from warm_transfer.stand.faults import judge
from warm_transfer.stand.faults.evidence import Strike
from warm_transfer.stand.faults.faulty_call import FaultyCall
from warm_transfer.stand.faults.judge import Judged
from warm_transfer.stand.faults.second_ear import SecondEar


class JudgeProcess:
    """One process that listens to one call after the other; ended when the context closes."""

    def __enter__(self) -> Self:
        # spawn: a fork would copy LiveKit's native threads' locks in whatever state they are.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    async def judge(self, call: FaultyCall) -> list[Judged]:
        """As `judge.judge`."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _judge, call)

    async def judge_strike(self, strike: Strike) -> Judged:
        """As `judge.judge_strike`."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _judge_strike, strike)


_ears: list[SecondEar] = []
"""The process's one."""


def _judge(call: FaultyCall) -> list[Judged]:
    return judge.judge(call, _ears[0])


def _judge_strike(strike: Strike) -> Judged:
    return judge.judge_strike(strike, _ears[0])


def _begin() -> None:
    """Ctrl-C reaches the whole group; the parent ends us when its calls have ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(19)
    _ears.append(SecondEar())
