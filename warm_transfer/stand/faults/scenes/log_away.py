"""The call log can't be written: locked, its disk full, its folder gone; also while a job dies and is recovered."""

import asyncio
import json
import os
import resource
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import psutil

from agents.prompts import load_phrases
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.stand.faults.evidence import Fault, UnmetError
from warm_transfer.stand.faults.remembered import FACTS, WANTS_BILLING_NOW
from warm_transfer.stand.faults.stage import Crew, Scene, Stage
from warm_transfer.stand.faults.typed_call import TypedCall
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

Outage = Callable[[Crew], AbstractAsyncContextManager[None]]


def scenes() -> list[Scene]:
    """A transfer without the log, in every way; a job that dies without it, soon after it went and long before."""
    return [Scene(faults=(_GONE, _LOCKED, _FULL, _DIED, _AWAY), play=_lose_log, is_alone=False)]


_IN_ORDER = ("transfer_requested", "target_answered", "target_accepted", "caller_moved", "transfer_ended")
_LOCKED = Fault(name="call log locked", state=State.RINGING)
_GONE = Fault(name="call log's folder gone", state=State.RINGING)
_FULL = Fault(name="call log's disk full", state=State.RINGING)
_DIED = Fault(name="agent A's job killed with words that the log could not take", state=State.TALKING)
_AWAY = Fault(name=f"agent A's job killed, call log away for {AWAY_S:.0f} s", state=State.TALKING)


async def _lose_log(stage: Stage) -> None:
    crew = await stage.crew("log_away", has_own_log=True, CONSULT_MODE="text")
    await _transfer_without_log(stage, crew, _GONE, _gone)
    await _transfer_without_log(stage, crew, _LOCKED, _locked)
    await _transfer_without_log(stage, crew, _FULL, _full)
    await _die_without_log(stage, crew)
    await _recover_without_log(stage, crew)


async def _transfer_without_log(stage: Stage, crew: Crew, fault: Fault, outage: Outage) -> None:
    """The caller comes to Agent B all the same, and afterwards the log has everything, in order."""
    async with stage.call(crew) as call:
        await call.come_to(State.TALKING)
        async with outage(crew):
            strike = call.strike(fault, "Hello Susan, this is Ben. I see you were charged twice.", within_s=CONSULTED_S)
            await call.type(WANTS_BILLING_NOW)
            with strike.watched():
                await call.until_heard(strike, by="agent_b")
                # Once Agent A's job has ended its worker, whom a full disk of its jobs does not concern, writes for it.
                events = await call.events()
                has_ended = any(event.type == "job_ended" for event in events)
                if not has_ended and any(event.type in _IN_ORDER for event in events):
                    raise UnmetError("the log was not away")
        with strike.watched():
            await call.until("transfer_ended", disposition="completed")
            await call.until_said("susan", speaker="agent_b")
            events = await call.events()
            _check_order(events)
            _check_kept_once(events)


async def _die_without_log(stage: Stage, crew: Crew) -> None:
    """What was said while the log was away is in it afterwards, although the job that heard it is dead."""
    async with stage.call(crew) as call:
        await call.come_to(State.TALKING)
        pid = (await call.until("job_started")).payload["pid"]
        async with _locked(crew):
            await call.tell_who()
            strike = call.strike(_DIED, load_phrases()["resumed"], within_s=SETTLED_S + RECOVERED_S)
            os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(SETTLED_S)
        with strike.watched():
            await call.until_heard(strike)
            await call.use_facts()
            _check_kept_once(await call.events())


async def _recover_without_log(stage: Stage, crew: Crew) -> None:
    """Nobody knows who recovers the call until the log is back; then one Agent A does."""
    async with stage.call(crew) as call:
        await call.come_to(State.TALKING)
        await call.tell_who()
        pid = (await call.until("job_started")).payload["pid"]
        async with _locked(crew):
            strike = call.strike(_AWAY, load_phrases()["resumed"], within_s=AWAY_S + RECOVERED_S)
            os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(AWAY_S)
        with strike.watched():
            await call.until_heard(strike)
            await asyncio.sleep(SETTLED_S)
            await check_one_agent(call)
            await call.use_facts()


async def check_one_agent(call: TypedCall) -> None:
    """Refuse a call that was recovered twice, or whose Agent A is not there."""
    died = [event for event in await call.events() if event.type == "job_died"]
    agents = await call.agents()
    if len(agents) != 1 or len(died) != 1:
        raise UnmetError(f"{len(agents)} Agent As, {len(died)} recoveries")


def _check_order(events: Sequence[LoggedEvent]) -> None:
    """Refuse a transfer that is not told in the order in which it went."""
    told = [event for event in events if event.type in _IN_ORDER]
    if [event.type for event in told] != list(_IN_ORDER):
        raise UnmetError(f"told as {', '.join(event.type for event in told)}")
    if [event.at for event in told] != sorted(event.at for event in told):
        raise UnmetError("its moments are not in order")


def _check_kept_once(events: Sequence[LoggedEvent]) -> None:
    """Refuse words of the caller that are missing, and anything that is there twice."""
    turns = [event.payload for event in events if event.type == "turn_spoken"]
    told = [turn for turn in turns if turn["speaker"] == "caller" and FACTS["caller_name"] in turn["text"]]
    if len(told) != 1:
        raise UnmetError(f"what the caller told is {len(told)} times in the log")
    counted = Counter((event.type, event.at, json.dumps(event.payload, sort_keys=True)) for event in events)
    if twice := [what for (what, _, _), times in counted.items() if times > 1]:
        raise UnmetError(f"twice in the log: {', '.join(twice)}")


@asynccontextmanager
async def _locked(crew: Crew) -> AsyncIterator[None]:
    """Nobody else can write to the log."""
    connection = await asyncio.to_thread(sqlite3.connect, crew.log_file, isolation_level=None, check_same_thread=False)
    try:
        await asyncio.to_thread(connection.execute, "PRAGMA busy_timeout = 10000")
        await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
        yield
    finally:
        await asyncio.to_thread(connection.close)


@asynccontextmanager
async def _gone(crew: Crew) -> AsyncIterator[None]:
    """As a volume that is not mounted: the log's folder is no folder any more."""
    folder = crew.log_file.parent
    kept = folder.with_name(f"{folder.name}_kept")
    folder.rename(kept)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        kept.rename(folder)


@asynccontextmanager
async def _full(crew: Crew) -> AsyncIterator[None]:
    """No job of the crew can make a file grow; SQLite's WAL is long, and who reads it keeps it from beginning anew."""
    reader = await asyncio.to_thread(sqlite3.connect, crew.log_file, isolation_level=None, check_same_thread=False)
    try:
        await asyncio.to_thread(_lengthen, reader)
        _limit(crew.worker.descendants(), FULL_BYTES)
        yield
    finally:
        _limit(crew.worker.descendants(), resource.RLIM_INFINITY)
        await asyncio.to_thread(reader.close)


def _lengthen(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # a WAL that is in the database whole begins anew all the same
    connection.execute("CREATE TABLE IF NOT EXISTS filler (bytes BLOB)")
    connection.execute("INSERT INTO filler VALUES (zeroblob(?))", (4 * FULL_BYTES,))
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM events").fetchall()


def _limit(processes: list[psutil.Process], most_bytes: int) -> None:
    for process in processes:
        try:
            process.rlimit(psutil.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
        except psutil.NoSuchProcess:
            continue
