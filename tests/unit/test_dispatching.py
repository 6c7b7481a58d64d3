"""A job is asked for until it is there, each time for the same while, and no longer than needed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from warm_transfer.stand.soak.virtual_loop import VirtualLoop
from warm_transfer.transfer.dispatching import dispatch_until
from warm_transfer.transfer.errors import TargetUnavailableError


class Server:
    """A server whose worker takes the dispatch of this number, and is there 0.5 s later."""

    def __init__(self, *, takes: int, is_away: bool = False) -> None:
        self._takes = takes
        self._is_away = is_away
        self._has_come = asyncio.Event()
        self.asked_at: list[float] = []

    async def dispatch(self) -> None:
        loop = asyncio.get_running_loop()
        self.asked_at.append(loop.time())
        if self._is_away:
            raise TargetUnavailableError("away")
        if len(self.asked_at) == self._takes:
            loop.call_later(0.5, self._has_come.set)

    async def ask(self, most: int = 3) -> bool:
        return await dispatch_until(self._has_come.wait, self.dispatch, timeout_s=2, most=most)


def in_virtual_time(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test)


@pytest.mark.parametrize("takes", [1, 2, 3])
def test_job_is_asked_for_until_it_is_there(takes: int) -> None:
    async def run() -> None:
        server = Server(takes=takes)
        assert await server.ask()
        assert server.asked_at == [0, 2, 4][:takes]
        assert asyncio.get_running_loop().time() == server.asked_at[-1] + 0.5

    in_virtual_time(run())


def test_job_that_never_comes_is_given_up_after_so_many_times() -> None:
    async def run() -> None:
        server = Server(takes=9)
        assert not await server.ask(most=2)
        assert server.asked_at == [0, 2]
        assert asyncio.get_running_loop().time() == 4

    in_virtual_time(run())


def test_server_that_is_away_is_asked_no_faster() -> None:
    async def run() -> None:
        server = Server(takes=1, is_away=True)
        assert not await server.ask()
        assert server.asked_at == [0, 2, 4]

    in_virtual_time(run())
