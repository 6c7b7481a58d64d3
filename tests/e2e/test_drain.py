"""A worker is told to end in mid-call: the call goes on with another one, or the caller is told that it ends."""

import asyncio
import itertools
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import DEADLINE_S, PlacedCall, Site, running_site

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOON = "32"
"""DRAIN_TIMEOUT_S that leaves 2 s for the second signal before calls are handed over."""


def end_twice(site: Site) -> None:
    """A supervisor that repeats itself."""
    assert site.worker.pid is not None
    os.kill(site.worker.pid, signal.SIGTERM)
    asyncio.get_running_loop().call_later(0.5, os.kill, site.worker.pid, signal.SIGTERM)


async def until_ended(site: Site) -> None:
    """Wait until the worker's process is gone."""
    async with asyncio.timeout(DEADLINE_S):
        while site.worker.is_running:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def agents_in(call: PlacedCall) -> list[str]:
    return [who for who in await call.roles_in(call.caller.room) if who.startswith("agent_")]


def worker_of(call: PlacedCall) -> psutil.Process:
    """The main process above the latest job of the call."""
    pid = [event.payload["pid"] for event in call.events() if event.type == "job_started"][-1]
    return next(one for one in psutil.Process(pid).parents() if "worker.py" in one.cmdline())


def workers(
    livekit: LiveKit, folder: Path, *, consult_mode: str = "text"
) -> Callable[[], AbstractAsyncContextManager[Site]]:
    """Makes workers that share a name and a log."""
    name, numbers = f"test-{secrets.token_hex(4)}", itertools.count()
    log_url = f"sqlite:///{folder}/calls.sqlite3"
    return lambda: running_site(
        livekit,
        folder / str(next(numbers)),
        CALL_LOG_URL=log_url,
        AGENT_NAME=name,
        DRAIN_TIMEOUT_S=SOON,
        IDLE_PROCESSES="1",
        CONSULT_MODE=consult_mode,
    )


async def test_call_goes_on_with_another_worker(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> None:
    worker = workers(livekit, tmp_path_factory.mktemp("drain"))
    async with worker() as site, site.call() as call:
        await call.until_said("how can i help")
        await call.type("My name is Susan Clark, I was charged twice.")
        await call.until_said("account number")
        async with worker() as other:
            end_twice(site)
            await call.until_said("cut off for a moment")
            assert await agents_in(call) == ["agent_a"]
            await until_ended(site)
            assert worker_of(call).pid == other.worker.pid
            await call.type("It is 445566.")
            await call.until("transfer_offered")  # with no question for the name again
            assert {"job_died", "call_ended"}.isdisjoint(call.types())
            await call.caller.hang_up()
            await call.until_nothing_is_left()


@pytest.mark.long
async def test_worker_that_ends_still_makes_the_transfers_of_its_calls(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with running_site(livekit, tmp_path_factory.mktemp("alone")) as site, site.call() as call:
        await call.until_said("how can i help")
        end_twice(site)
        await call.ask_for_billing()
        await call.until("transfer_ended", disposition="completed")
        await call.until_said("susan", speaker="agent_b")
        assert site.worker.is_running
        await call.caller.hang_up()
        await call.until_nothing_is_left()
        await until_ended(site)


@pytest.mark.long
async def test_caller_with_agent_b_goes_on_with_another_worker(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    worker = workers(livekit, tmp_path_factory.mktemp("drain_b"))
    async with worker() as site, site.call() as call:
        await call.ask_for_billing()
        await call.until("transfer_ended", disposition="completed")
        await call.until_said("susan", speaker="agent_b")
        async with worker() as other:
            end_twice(site)
            await call.until_said("dropped out")
            assert await agents_in(call) == ["agent_a"]
            await until_ended(site)
            assert worker_of(call).pid == other.worker.pid
            await call.type("What are your opening hours?")
            await call.until_said("monday")
            await call.caller.hang_up()
            await call.until_nothing_is_left()


@pytest.mark.long
async def test_held_caller_goes_on_with_another_worker(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    worker = workers(livekit, tmp_path_factory.mktemp("drain_held"), consult_mode="spoken")  # takes 15 s and more
    async with worker() as site, site.call() as call, worker() as other:
        await call.ask_for_billing()
        await call.until("target_answered")
        end_twice(site)
        await call.until_said("i am connecting you again")
        await call.until("transfer_ended", disposition="completed")
        await until_ended(site)
        assert worker_of(call).pid == other.worker.pid
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_caller_whom_no_worker_takes_is_told(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> None:
    worker = workers(livekit, tmp_path_factory.mktemp("told"))
    async with worker() as site, site.call() as call:
        await call.until_said("how can i help")
        while not call.caller.utterances.empty():
            call.caller.utterances.get_nowait()
        end_twice(site)
        await asyncio.wait_for(call.caller.utterances.get(), DEADLINE_S)  # and hears it
        ended = await call.until("call_ended")
        assert "worker ended" in ended.payload["reason"]
        await call.until_said("must end now")
        await call.until_nothing_is_left()
        await until_ended(site)
