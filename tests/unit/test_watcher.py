"""A line that ends without a goodbye is a death; everything else is none."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from warm_transfer.control import watcher as watcher_module
from warm_transfer.control.lifeline import RETRY_S, Lifeline, sign
from warm_transfer.control.recovery import LostJob
from warm_transfer.control.watcher import Watcher
from warm_transfer.settings import Settings
from warm_transfer.transfer.errors import StartError, TargetUnavailableError

SECRET = "a secret of at least thirty-two bytes"
JOB = LostJob(
    call_id="call",
    role="agent_a",
    identity="agent_a-1",
    room="caller-1",
    consult_room=None,
    caller_identity="caller",
)
SOON_S = 5.0


class Deaths:
    """Whom a watcher missed, and what it is told of who lives."""

    def __init__(self) -> None:
        self.jobs: asyncio.Queue[LostJob] = asyncio.Queue()
        self.living: set[str] = set()
        self.is_server_away = False

    async def is_alive(self, job: LostJob) -> bool:
        if self.is_server_away:
            raise TargetUnavailableError("the LiveKit server is away")
        return job.identity in self.living

    async def recover(self, job: LostJob) -> None:
        self.jobs.put_nowait(job)


@asynccontextmanager
async def watching(deaths: Deaths, port: int = 0) -> AsyncIterator[Watcher]:
    async with Watcher(
        secret=SECRET, host="127.0.0.1", port=port, is_alive=deaths.is_alive, recover=deaths.recover
    ) as watcher:
        yield watcher


def settings(*watchers: Watcher, secret: str = SECRET) -> Settings:
    addresses = ",".join(f"127.0.0.1:{one.port}" for one in watchers)
    return Settings(watchers=addresses, livekit_api_secret=SecretStr(secret))


async def is_watched(watcher: Watcher) -> None:
    async with asyncio.timeout(SOON_S):
        while not watcher._lines.get(JOB.identity):  # noqa: ASYNC110 - the other end of a socket
            await asyncio.sleep(0.01)


async def nobody_is_missed(deaths: Deaths) -> bool:
    await asyncio.sleep(3 * watcher_module.RECONNECT_S)
    return deaths.jobs.empty()


async def test_job_that_ends_by_itself_is_not_missed() -> None:
    deaths = Deaths()
    async with watching(deaths) as watcher:
        async with Lifeline(settings(watcher), JOB):
            await is_watched(watcher)
        assert await nobody_is_missed(deaths)


async def test_job_that_is_cut_short_is_missed_by_every_watcher() -> None:
    one, two = Deaths(), Deaths()
    async with watching(one) as first, watching(two) as second:
        with contextlib.suppress(asyncio.CancelledError):
            async with Lifeline(settings(first, second), JOB):
                await is_watched(first)
                await is_watched(second)
                raise asyncio.CancelledError  # as a job whose worker died
        for deaths in (one, two):
            assert await asyncio.wait_for(deaths.jobs.get(), SOON_S) == JOB


async def test_killed_process_is_missed() -> None:
    deaths = Deaths()
    async with watching(deaths) as watcher:
        script = (
            "import socket, sys, time; line = socket.create_connection(('127.0.0.1', int(sys.argv[1])));"
            "line.sendall(sys.argv[2].encode() + b'\\n'); time.sleep(60)"
        )
        hello = sign(JOB, SECRET).decode()
        process = await asyncio.create_subprocess_exec("python3", "-c", script, str(watcher.port), hello)
        await is_watched(watcher)
        process.kill()
        assert await asyncio.wait_for(deaths.jobs.get(), SOON_S) == JOB
        await process.wait()


async def test_line_that_breaks_under_a_live_job_is_back_before_anybody_is_asked() -> None:
    deaths = Deaths()
    async with watching(deaths) as watcher, Lifeline(settings(watcher), JOB):
        await is_watched(watcher)
        await asyncio.sleep(RETRY_S)  # a line that has held for a while
        for writer in list(watcher._heard):
            writer.transport.abort()
        assert await nobody_is_missed(deaths)
        assert watcher._lines[JOB.identity] == 1


async def break_for_good(watcher: Watcher) -> None:
    """A job's line ends, and the job can't get another."""
    _, writer = await asyncio.open_connection("127.0.0.1", watcher.port)
    writer.write(sign(JOB, SECRET) + b"\n")
    await is_watched(watcher)
    writer.transport.abort()


async def test_job_without_a_line_is_not_missed_while_it_answers_in_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "ASK_AGAIN_S", 0.2)
    deaths = Deaths()
    deaths.living.add(JOB.identity)
    async with watching(deaths) as watcher:
        await break_for_good(watcher)
        assert await nobody_is_missed(deaths)
        deaths.living.clear()
        assert await asyncio.wait_for(deaths.jobs.get(), SOON_S) == JOB


async def test_job_that_nobody_can_ask_has_longer_for_another_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "ASK_AGAIN_S", 1.5)
    deaths = Deaths()
    deaths.is_server_away = True
    async with watching(deaths) as watcher:
        await break_for_good(watcher)
        assert await nobody_is_missed(deaths)
        async with Lifeline(settings(watcher), JOB):
            await is_watched(watcher)
            await asyncio.sleep(1.5)
            assert deaths.jobs.empty()
    async with watching(deaths) as watcher:
        await break_for_good(watcher)
        assert await asyncio.wait_for(deaths.jobs.get(), SOON_S) == JOB


async def test_recovery_that_fails_ends_no_watch() -> None:
    deaths = Deaths()
    missed = deaths.recover

    async def fail_once(job: LostJob) -> None:
        deaths.recover = missed  # type: ignore[method-assign]
        raise RuntimeError("a bug")

    deaths.recover = fail_once  # type: ignore[method-assign]
    async with Watcher(
        secret=SECRET, host="127.0.0.1", port=0, is_alive=deaths.is_alive, recover=lambda job: deaths.recover(job)
    ) as watcher:
        await break_for_good(watcher)
        await asyncio.sleep(3 * watcher_module.RECONNECT_S)
        await break_for_good(watcher)
        assert await asyncio.wait_for(deaths.jobs.get(), SOON_S) == JOB
        assert watcher._lines == {}


async def test_job_finds_a_watcher_that_was_started_again() -> None:
    deaths = Deaths()
    async with watching(deaths) as first:
        port, known = first.port, settings(first)
        line = Lifeline(known, JOB)
        await line.__aenter__()
        await is_watched(first)
    async with watching(deaths, port) as second:
        await is_watched(second)
        await line.__aexit__(None, None, None)
        assert await nobody_is_missed(deaths)


async def test_line_that_is_not_signed_by_us_is_refused() -> None:
    deaths = Deaths()
    async with watching(deaths) as watcher:
        with contextlib.suppress(asyncio.CancelledError):
            async with Lifeline(settings(watcher, secret="another secret of thirty-two bytes!"), JOB):
                await asyncio.sleep(0.2)
                raise asyncio.CancelledError
        assert await nobody_is_missed(deaths)
        assert watcher._lines == {}


async def test_machine_that_falls_silent_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "SILENCE_S", 0.3)
    monkeypatch.setattr(watcher_module, "CHECK_S", 0.05)
    deaths = Deaths()
    async with watching(deaths) as watcher:
        _, writer = await asyncio.open_connection("127.0.0.1", watcher.port)
        writer.write(sign(JOB, SECRET) + b"\n")  # and then no ping
        assert await asyncio.wait_for(deaths.jobs.get(), SOON_S) == JOB
        writer.close()


async def test_watcher_that_was_stopped_itself_misses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "SILENCE_S", 1.5)
    monkeypatch.setattr(watcher_module, "STALL_S", 0.5)
    monkeypatch.setattr(watcher_module, "CHECK_S", 0.05)
    deaths = Deaths()
    async with watching(deaths) as watcher, Lifeline(settings(watcher), JOB):
        await is_watched(watcher)
        time.sleep(2.0)  # noqa: ASYNC251 - the whole event loop, as under SIGSTOP
        assert await nobody_is_missed(deaths)


async def test_taken_port_is_one_clear_sentence() -> None:
    async with watching(Deaths()) as watcher:
        with pytest.raises(StartError, match="taken"):
            async with watching(Deaths(), watcher.port):
                pass
