"""Part 6: what grows with the call log, and what it costs to tell many who watch."""

import asyncio
import random
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import read_call
from warm_transfer.calls.log import CallLog
from warm_transfer.control.api.socket import LIVE_S
from warm_transfer.settings import load_settings
from warm_transfer.stand.bench.fan_out import fan_out, first_snapshot_ms
from warm_transfer.stand.bench.figures import Findings
from warm_transfer.stand.bench.past_calls import add_past_calls, call_id
from warm_transfer.stand.bench.workplace import Workplace
from warm_transfer.stand.control_process import ControlProcess
from warm_transfer.stand.server import free_port

_SIZES = (100, 1_000, 10_000, 100_000)
_QUICK_SIZES = (100, 300)
_TIMES = 20
_CLIENTS = (1, 10, 100)


async def growth(work: Workplace) -> Findings:
    """A log of finished calls, from a hundred to a hundred thousand; no server, no worker."""
    findings = Findings(part="growth")
    await work.close_site()
    findings.note_load()
    folder = work.folder / "growth"
    folder.mkdir(parents=True)
    with CallLog(f"sqlite:///{folder}/calls.sqlite3") as log:
        there = 0
        for size in _QUICK_SIZES if work.is_quick else _SIZES:
            await asyncio.to_thread(add_past_calls, log, folder / "calls.sqlite3", there, size)
            there = size
            work.say(f"{size} calls in the log")
            await asyncio.to_thread(_log_rows, findings, log, size)
            await _api_rows(work, findings, folder, size)
        await _fan_out_rows(work, findings, folder, log)
    findings.notes.append("calls of 20 events each; SQLite; 'look' is what a page or a job asks for and waits for")
    findings.note_load()
    return findings


def _log_rows(findings: Findings, log: CallLog, size: int) -> None:
    draw = random.Random(size)
    known = [call_id(draw.randrange(size)) for _ in range(_TIMES)]
    payload = {"turn_id": "t1", "speaker": "caller", "room": "caller-1", "text": "Hm.", "at": 0.0}
    looks: Sequence[tuple[str, Callable[[int], object]]] = (
        ("append an event", lambda at: log.append("bench-live", CallEvent.TURN_SPOKEN, payload)),
        ("read and fold one call (snapshot)", lambda at: read_call(log, known[at])),
        ("newest page of the history, ids", lambda at: log.call_ids(50)),
        ("a page deep in the history, ids", lambda at: log.call_ids(50, before=known[at])),
        ("the feed's look for news", lambda at: log.tail(log.head(), 500)),
        ("ids of live calls", lambda at: log.live_call_ids(time.time() - LIVE_S)),
    )
    for name, look in looks:
        findings.add(f"{size} calls in the log: {name}", "ms (log)", [_ms(look, at) for at in range(_TIMES)])


def _ms(look: Callable[[int], object], at: int) -> float:
    began_s = time.perf_counter()
    look(at)
    return (time.perf_counter() - began_s) * 1000


async def _api_rows(work: Workplace, findings: Findings, folder: Path, size: int) -> None:
    """What the control API takes, over HTTP and its WebSocket."""
    async with _control(folder) as control:
        paths = {
            "history page by the API": "/api/calls?limit=20",
            "one call by the API": f"/api/calls/{call_id(size // 2)}",
            "messages by the API": "/api/messages",
        }
        for name, path in paths.items():
            taken = [await asyncio.to_thread(_get_ms, control.url + path) for _ in range(_TIMES)]
            findings.add(f"{size} calls in the log: {name}", "ms (API)", taken)
        taken = [await first_snapshot_ms(control.url) for _ in range(_TIMES)]
        findings.add(f"{size} calls in the log: a page's first snapshot (WebSocket)", "ms (API)", taken)


async def _fan_out_rows(work: Workplace, findings: Findings, folder: Path, log: CallLog) -> None:
    async with _control(folder) as control:
        for clients in _CLIENTS[:2] if work.is_quick else _CLIENTS:
            taken = await fan_out(control.url, log, clients=clients, events=5 if work.is_quick else 50)
            findings.add(f"event in the log, heard by each of {clients} WebSocket clients", "ms (fan-out)", taken)
            work.say(f"fan-out to {clients}")


def _control(folder: Path) -> ControlProcess:
    settings = load_settings(env_file="/dev/null", environ={})
    environment = {
        "PATH": "/usr/bin:/bin",
        "CALL_LOG_URL": f"sqlite:///{folder}/calls.sqlite3",
        "UNWRITTEN_DIR": str(folder / "unwritten"),
        "HOST": settings.host,
        "PORT": str(free_port()),
        "MOST_CONNECTIONS": "1000",
        "REQUESTS_PER_MINUTE": "100000",
        "RETAIN_DAYS": "0",
    }
    return ControlProcess(log_file=folder / "control.log", environment=environment)


def _get_ms(url: str) -> float:
    began_s = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as answer:
        answer.read()
    return (time.perf_counter() - began_s) * 1000
