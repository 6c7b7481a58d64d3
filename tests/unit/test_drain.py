"""A worker that is told to end lets its calls end, tells those that have not in time, and is not hurried."""

import asyncio
import signal
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from warm_transfer.control import drain as drain_module
from warm_transfer.control.drain import HAND_OVER, HAND_OVER_S, Drain
from warm_transfer.stand.soak.virtual_loop import VirtualLoop

TIMEOUT_S = 100.0


class Leaving:
    """A worker with one call, in virtual time, and what was done to it."""

    def __init__(self) -> None:
        self.is_idle = False
        self.told: list[float] = []
        self.done: list[tuple[float, str]] = []
        pool = SimpleNamespace(
            processes=[SimpleNamespace(pid=1, running_job="a call"), SimpleNamespace(pid=2, running_job=None)]
        )
        self.drain = Drain(cast(Any, SimpleNamespace(_proc_pool=pool)), self, timeout_s=TIMEOUT_S)
        self.drain._exit = lambda number, _: self._note(f"exit {number}")

    def refuse_new_calls(self) -> None:
        self._note("no new calls")

    def refuse_all(self) -> None:
        self._note("nothing")

    def kill(self, pid: int, number: int) -> None:
        assert (pid, number) == (1, HAND_OVER)
        self.told.append(asyncio.get_running_loop().time())

    async def until_ended(self) -> None:
        assert self.drain._draining is not None
        await self.drain._draining

    def _note(self, what: str) -> None:
        self.done.append((asyncio.get_running_loop().time(), what))


@pytest.fixture
def leaving(monkeypatch: pytest.MonkeyPatch) -> Leaving:
    worker = Leaving()
    monkeypatch.setattr(drain_module, "os", SimpleNamespace(kill=worker.kill))
    return worker


def in_virtual_time(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test)


def test_worker_ends_when_its_calls_have_and_nobody_is_told(leaving: Leaving) -> None:
    async def run() -> None:
        leaving.drain._note(signal.SIGTERM)
        await asyncio.sleep(20.1)
        assert leaving.done == [(0, "no new calls")]
        leaving.is_idle = True
        await leaving.until_ended()
        assert leaving.done[1:] == [(20.5, "nothing"), (20.5, f"exit {signal.SIGTERM}")]
        assert leaving.told == []

    in_virtual_time(run())


def test_second_signal_changes_nothing(leaving: Leaving) -> None:
    async def run() -> None:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            leaving.drain._note(number)
            await asyncio.sleep(5)
        assert leaving.done == [(0, "no new calls")]
        leaving.is_idle = True
        await leaving.until_ended()

    in_virtual_time(run())


def test_calls_that_go_on_are_told_again_and_again_before_the_deadline(leaving: Leaving) -> None:
    async def run() -> None:
        leaving.drain._note(signal.SIGTERM)
        await asyncio.sleep(TIMEOUT_S - HAND_OVER_S + 2.5)
        leaving.is_idle = True
        await leaving.until_ended()
        begin = TIMEOUT_S - HAND_OVER_S
        assert leaving.done[1] == (begin, "nothing")
        assert leaving.told == [begin, begin + 1, begin + 2]
        assert leaving.done[-1] == (begin + 3, f"exit {signal.SIGTERM}")

    in_virtual_time(run())


def test_calls_that_never_end_are_cut_at_the_deadline(leaving: Leaving) -> None:
    async def run() -> None:
        leaving.drain._note(signal.SIGTERM)
        await leaving.until_ended()
        assert leaving.done[-1] == (TIMEOUT_S, f"exit {signal.SIGTERM}")

    in_virtual_time(run())
