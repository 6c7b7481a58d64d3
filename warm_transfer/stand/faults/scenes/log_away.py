"""The call log can't be written: locked, its disk full, away while a call is recovered."""

import asyncio
import os
import resource
import signal
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psutil
from sqlalchemy.engine import make_url

from agents.prompts import load_phrases
from warm_transfer.stand.faults.evidence import Fault, UnmetError
from warm_transfer.stand.faults.stage import Scene, Stage
from warm_transfer.stand.faults.typed_call import WANTS_BILLING_NOW, TypedCall
from warm_transfer.transfer.terms import State

AWAY_S = 30.0
RECOVERED_S = 8.0
"""From the log's return to the voice: the recovery asks every half second, the new job takes 1 s."""
CONSULTED_S = 12.0
"""From the request to Agent B's first word, with a text consult; the log's own timeout of 5 s may be in it."""
SETTLED_S = 3.0
"""A second Agent A would be there by then."""
FULL_BYTES = 16 * 1024
"""A file that grows beyond is refused, as on a full disk: the log's, but not a job's buffer of a few events."""


def scenes() -> list[Scene]:
    """The log locked, and its disk full, while a transfer is made; the log away for 30 s during a recovery."""
    return [
        Scene(faults=(_LOCKED,), play=lambda stage: _transfer_without_log(stage, _LOCKED)),
        Scene(faults=(_FULL,), play=lambda stage: _transfer_without_log(stage, _FULL)),
        Scene(faults=(_AWAY,), play=_recover_without_log),
    ]


_ONCE = ("transfer_requested", "target_answered", "briefing_sent", "target_accepted", "caller_moved", "transfer_ended")
_LOCKED = Fault(name="call log locked", state=State.RINGING)
_FULL = Fault(name="call log's disk full", state=State.RINGING)
_AWAY = Fault(name=f"agent A's job killed, call log away for {AWAY_S:.0f} s", state=State.TALKING)


async def _transfer_without_log(stage: Stage, fault: Fault) -> None:
    """The caller comes to Agent B all the same, and afterwards the log has everything, in order."""
    crew = await stage.crew("text", CONSULT_MODE="text")
    async with stage.call(crew.agent_name) as call:
        await call.come_to(State.TALKING)
        async with _locked(stage) if fault is _LOCKED else _full(stage):
            strike = call.strike(fault, "Hello Susan, this is Ben. I see you were charged twice.", within_s=CONSULTED_S)
            await call.type(WANTS_BILLING_NOW)
            with strike.watched():
                await call.until_heard(strike, by="agent_b")
        with strike.watched():
            await call.until("transfer_ended", disposition="completed")
            await call.until_said("susan", speaker="agent_b")
            _check_once([event.type for event in await call.events()])


async def _recover_without_log(stage: Stage) -> None:
    """Nobody knows who recovers the call until the log is back; then one Agent A does."""
    async with stage.call() as call:
        await call.come_to(State.TALKING)
        pid = (await call.until("job_started")).payload["pid"]
        async with _locked(stage):
            strike = call.strike(_AWAY, load_phrases()["resumed"], within_s=AWAY_S + RECOVERED_S)
            os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(AWAY_S)
        with strike.watched():
            await call.until_heard(strike)
            await asyncio.sleep(SETTLED_S)
            await check_one_agent(call)


async def check_one_agent(call: TypedCall) -> None:
    """Refuse a call that was recovered twice, or whose Agent A is not there."""
    died = [event for event in await call.events() if event.type == "job_died"]
    agents = await call.agents()
    if len(agents) != 1 or len(died) != 1:
        raise UnmetError(f"{len(agents)} Agent As, {len(died)} recoveries")


def _check_once(types: Sequence[str]) -> None:
    wrong = [one for one in _ONCE if types.count(one) != 1]
    if wrong:
        raise UnmetError(f"not once in the log: {', '.join(wrong)}")


@asynccontextmanager
async def _locked(stage: Stage) -> AsyncIterator[None]:
    """Nobody else can write to the log."""
    file = make_url(stage.site.settings.call_log_url).database or ""
    connection = await asyncio.to_thread(sqlite3.connect, file, isolation_level=None, check_same_thread=False)
    try:
        await asyncio.to_thread(connection.execute, "PRAGMA busy_timeout = 10000")
        await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
        yield
    finally:
        await asyncio.to_thread(connection.close)


@asynccontextmanager
async def _full(stage: Stage) -> AsyncIterator[None]:
    """No job of the crew can make a file grow."""
    crew = await stage.crew("text", CONSULT_MODE="text")
    _limit(crew.worker.descendants(), FULL_BYTES)
    try:
        yield
    finally:
        _limit(crew.worker.descendants(), resource.RLIM_INFINITY)


def _limit(processes: list[psutil.Process], most_bytes: int) -> None:
    for process in processes:
        try:
            process.rlimit(psutil.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
        except psutil.NoSuchProcess:
            continue
