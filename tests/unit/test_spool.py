"""Events of a call outlive a log that is away: a real SQLite file under another connection's lock, real processes."""

import asyncio
import fcntl
import json
import logging
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from warm_transfer.calls.events import CallEvent, Payload
from warm_transfer.calls.log import CallLog, LoggedEvent, LogUnavailableError
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.calls.replay import Replay
from warm_transfer.calls.spool import SpoolFile, UnwrittenEvent, spooled_files
from warm_transfer.settings import Settings
from worker import build_server

ROOT = Path(__file__).resolve().parents[2]
TURN = CallEvent.TURN_SPOKEN
PROMPT_S = 10.0  # never reached unless the code under test hangs

JOB = """
import asyncio, sys, time
from pathlib import Path
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.calls.spool import SpoolFile

class Told(SpoolFile):
    def append(self, events):
        super().append(events)
        for event in events:
            print(event.payload["text"], event.event_id, event.at, flush=True)

async def job(url, folder):
    async with CallRecorder(CallLog(url, busy_timeout_s=0.01), "call", spool=Told(folder, "call")) as recorder:
        for number in range(5):
            recorder.record(CallEvent.TURN_SPOKEN, {"text": str(number)}, at=100.0 + number)
        await asyncio.Event().wait()

asyncio.run(job(sys.argv[1], Path(sys.argv[2])))
"""


@pytest.fixture(autouse=True)
def _log_is_on() -> Iterator[None]:
    """The soak's runs silence logging for the rest of the process."""
    level = logging.root.manager.disable
    logging.disable(logging.NOTSET)
    yield
    logging.disable(level)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "unwritten"


@pytest.fixture
def log(path: Path) -> Iterator[CallLog]:
    with CallLog(f"sqlite:///{path}", busy_timeout_s=0.01) as opened:
        opened.append("earlier call", TURN, {})
        yield opened


class Locked:
    """Another connection's exclusive transaction, as long as the block or until `release`."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def release(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Locked":
        self._connection.execute("BEGIN EXCLUSIVE")
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class ToldFile(SpoolFile):
    """A real file that tells what has happened to it; fails at the first `failures` appends."""

    def __init__(self, folder: Path, call_id: str = "call", *, failures: int = 0) -> None:
        super().__init__(folder, call_id)
        self.appended: list[str] = []
        self.failures = failures
        self._loop = asyncio.get_running_loop()
        self._is_removed = asyncio.Event()
        self._has_changed = asyncio.Event()

    def append(self, events: Sequence[UnwrittenEvent]) -> None:
        if self.failures:
            self.failures -= 1
            self._loop.call_soon_threadsafe(self._has_changed.set)
            raise OSError(28, "No space left on device")
        super().append(events)
        self.appended += [event.payload["text"] for event in events]
        self._loop.call_soon_threadsafe(self._has_changed.set)

    def remove(self) -> None:
        super().remove()
        self._loop.call_soon_threadsafe(self._is_removed.set)

    async def until(self, texts: list[str]) -> None:
        async with asyncio.timeout(PROMPT_S):
            while self.appended != texts:
                await self._has_changed.wait()
                self._has_changed.clear()

    async def until_removed(self) -> None:
        async with asyncio.timeout(PROMPT_S):
            await self._is_removed.wait()

    async def until_failed(self) -> None:
        async with asyncio.timeout(PROMPT_S):
            await self._has_changed.wait()
        self._has_changed.clear()


class RefusingLog:
    """A log that refuses one text for good, and is away for another."""

    def __init__(self, log: CallLog, *, refuse: str = "", away_for: str = "") -> None:
        self._log, self._refuse, self._away_for = log, refuse, away_for

    def append(
        self,
        call_id: str,
        type: CallEvent | str,
        payload: Payload,
        *,
        event_id: str | None,
        at: float | None,
        private: Payload | None,
    ) -> LoggedEvent:
        if payload["text"] == self._away_for:
            raise LogUnavailableError("not now")
        if payload["text"] == self._refuse:
            raise ValueError("no such text")
        return self._log.append(call_id, type, payload, event_id=event_id, at=at, private=private)


async def forever(_: float) -> None:
    await asyncio.Event().wait()


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process may grow beyond this many bytes: as on a disk that fills up, a part is written first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def event(text: str, *, call_id: str = "call", at: float = 1.0) -> UnwrittenEvent:
    return UnwrittenEvent(call_id=call_id, event_id=f"{call_id}-{text}", type=TURN, payload={"text": text}, at=at)


def leave(folder: Path, *events: UnwrittenEvent, call_id: str = "call") -> Path:
    """The file of a dead job."""
    before = set(spooled_files(folder))
    file = SpoolFile(folder, call_id)
    file.append(events)
    file.close()
    (path,) = set(spooled_files(folder)) - before
    return path


def texts(log: CallLog, call_id: str = "call") -> list[str]:
    return [logged.payload["text"] for logged in log.events(call_id)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_log_that_comes_back_gets_all_events_in_order_and_the_file_goes(
    log: CallLog, path: Path, folder: Path
) -> None:
    is_released = asyncio.Event()

    async def until_released(_: float) -> None:
        await is_released.wait()

    file = ToldFile(folder)
    async with CallRecorder(log, "call", spool=file, sleep=until_released) as recorder:
        with Locked(path):
            ids = [recorder.record(TURN, {"text": text}, at=float(text)) for text in "123"]
            await file.until(["1", "2", "3"])
            ids.append(recorder.record(TURN, {"text": "4"}, at=4.0))
            await file.until(["1", "2", "3", "4"])
        assert len(spooled_files(folder)) == 1
        is_released.set()
        await file.until_removed()
        assert names(folder) == []
    written = [(logged.event_id, logged.call_seq, logged.at) for logged in log.events("call")]
    assert written == [(event_id, number, float(number)) for number, event_id in enumerate(ids, 1)]


async def test_call_whose_log_is_there_makes_no_file(log: CallLog, folder: Path) -> None:
    async with CallRecorder(log, "call", spool=SpoolFile(folder, "call")) as recorder:
        recorder.record(TURN, {"text": "1"})
    assert texts(log) == ["1"]
    assert spooled_files(folder) == []
    assert "unwritten" not in names(folder.parent)


async def test_event_after_an_outage_goes_to_the_log_alone(log: CallLog, path: Path, folder: Path) -> None:
    lock = Locked(path)
    file = ToldFile(folder)

    async def release_once_spooled(_: float) -> None:
        await file.until(["1"])
        lock.release()

    async with CallRecorder(log, "call", spool=file, sleep=release_once_spooled) as recorder:
        with lock:
            recorder.record(TURN, {"text": "1"})
            await file.until_removed()
        recorder.record(TURN, {"text": "2"})
    assert texts(log) == ["1", "2"]
    assert file.appended == ["1"]


async def test_second_outage_spools_only_what_is_unwritten_then(log: CallLog, path: Path, folder: Path) -> None:
    is_released = asyncio.Event()

    async def until_released(_: float) -> None:
        await is_released.wait()

    file = ToldFile(folder)
    async with CallRecorder(log, "call", spool=file, sleep=until_released, exit_timeout_s=0) as recorder:
        with Locked(path):
            recorder.record(TURN, {"text": "1"})
            await file.until(["1"])
        is_released.set()
        await file.until_removed()
        is_released.clear()
        lock = Locked(path)
        with lock:
            recorder.record(TURN, {"text": "2"})
            await file.until(["1", "2"])
            (left,) = spooled_files(folder)
            assert [json.loads(line)["payload"]["text"] for line in left.read_text().splitlines()] == ["2"]


async def test_log_away_at_the_exit_leaves_the_file_to_the_replay(
    log: CallLog, path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Locked(path):
        spool = SpoolFile(folder, "call")
        async with CallRecorder(log, "call", spool=spool, sleep=forever, exit_timeout_s=0) as recorder:
            ids = [recorder.record(TURN, {"text": text}) for text in "12"]
    assert "events lost" not in caplog.text
    await Replay(folder, log).write_left()
    assert [logged.event_id for logged in log.events("call")] == ids
    assert names(folder) == []


async def test_write_that_hangs_is_spooled_before_it_fails(log: CallLog, folder: Path) -> None:
    is_open = threading.Event()

    class HangingLog:
        def append(
            self,
            call_id: str,
            type: CallEvent | str,
            payload: Payload,
            *,
            event_id: str | None,
            at: float | None,
            private: Payload | None,
        ) -> LoggedEvent:
            is_open.wait(PROMPT_S)
            return log.append(call_id, type, payload, event_id=event_id, at=at, private=private)

    file = ToldFile(folder)
    async with CallRecorder(HangingLog(), "call", spool=file, slow_write_s=0) as recorder:
        recorder.record(TURN, {"text": "1"})
        await file.until(["1"])
        is_open.set()
    assert texts(log) == ["1"]
    assert names(folder) == []


async def test_spool_that_fails_once_keeps_the_order_later(
    log: CallLog, path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = ToldFile(folder, failures=2)
    with Locked(path):
        async with CallRecorder(log, "call", spool=file, sleep=forever, exit_timeout_s=0) as recorder:
            recorder.record(TURN, {"text": "1"})
            await file.until_failed()
            recorder.record(TURN, {"text": "2"})
            await file.until_failed()
            recorder.record(TURN, {"text": "3"})
            await file.until(["1", "2", "3"])
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "unwritten events can't be spooled, memory alone has them"
    ]


async def test_folder_that_cannot_be_made_leaves_the_events_in_memory_and_says_so(
    log: CallLog, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    lock = Locked(path)

    async def release(_: float) -> None:
        lock.release()

    spool = SpoolFile(tmp_path / "file" / "unwritten", "call")
    with lock:
        async with CallRecorder(log, "call", spool=spool, sleep=release) as recorder:
            recorder.record(TURN, {"text": "1"})
    assert texts(log) == ["1"]
    assert "can't be spooled" in caplog.text


async def test_exit_counts_only_what_neither_log_nor_file_has(
    log: CallLog, path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = ToldFile(folder)
    with Locked(path):
        async with CallRecorder(log, "call", spool=file, sleep=forever, exit_timeout_s=0) as recorder:
            recorder.record(TURN, {"text": "1"})
            await file.until(["1"])
            file.failures = 9
            recorder.record(TURN, {"text": "2"})
    counted = {record.message: vars(record)["events"] for record in caplog.records if "events" in vars(record)}
    assert counted == {
        "events lost: the call log could not be written in time": 1,
        "events left to the replay": 1,
    }


@contextmanager
def living_job(url: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    command = [sys.executable, "-c", JOB, url, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as job:
        try:
            assert job.stdout is not None
            yield job, job.stdout
        finally:
            job.kill()


def test_killed_process_loses_nothing_of_what_it_recorded(log: CallLog, path: Path, folder: Path) -> None:
    with Locked(path), living_job(f"sqlite:///{path}", folder) as (job, said):
        told = [said.readline().split() for _ in range(5)]
        living = spooled_files(folder)
        asyncio.run(Replay(folder, log).write_left())
        assert len(living) == 1
        assert spooled_files(folder) == living
    assert job.returncode == -signal.SIGKILL
    assert texts(log) == []
    for _ in range(2):
        asyncio.run(Replay(folder, log).write_left())
    written = [[logged.payload["text"], logged.event_id, str(logged.at)] for logged in log.events("call")]
    assert written == told
    assert [text for text, *_ in written] == ["0", "1", "2", "3", "4"]
    assert names(folder) == []


async def test_file_of_a_living_job_is_left_alone(log: CallLog, folder: Path) -> None:
    file = SpoolFile(folder, "call")
    file.append([event("1")])
    replay = Replay(folder, log)
    await replay.write_left()
    assert texts(log) == []
    file.close()
    await replay.write_left()
    assert texts(log) == ["1"]


async def test_events_that_are_in_the_log_already_are_not_written_twice(log: CallLog, folder: Path) -> None:
    log.append("call", TURN, {"text": "1"}, event_id="call-1", at=1.0)
    leave(folder, event("1"), event("2"))
    await Replay(folder, log).write_left()
    assert texts(log) == ["1", "2"]


async def test_files_are_written_from_the_oldest_event_on(log: CallLog, folder: Path) -> None:
    for text, at in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        leave(folder, event(text, at=at))
    await Replay(folder, log).write_left()
    assert texts(log) == ["a", "b", "c"]


async def test_replay_stops_at_an_event_while_the_log_is_away_and_goes_on_there(log: CallLog, folder: Path) -> None:
    leave(folder, event("1"), event("2"), event("3"))
    await Replay(folder, RefusingLog(log, away_for="2")).write_left()
    assert texts(log) == ["1"]
    await Replay(folder, log).write_left()
    assert texts(log) == ["1", "2", "3"]
    assert names(folder) == []


async def test_unfinished_last_line_is_skipped_with_an_error_without_its_words(
    log: CallLog, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = leave(folder, event("1"), event("my secret"))
    left.write_bytes(left.read_bytes()[:-9])
    leave(folder, event("next", at=2.0))
    await Replay(folder, log).write_left()
    assert texts(log) == ["1", "next"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "secret" not in caplog.text
    assert names(folder) == []


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"", b"[]", b'{"call_id": "call"}'])
async def test_damaged_line_does_not_stop_the_next_and_its_file_is_kept_aside(
    log: CallLog, folder: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    left = leave(folder, event("1"), event("2"))
    first, second, _ = left.read_bytes().split(b"\n")
    left.write_bytes(b"\n".join([first, damage, second, b""]))
    await Replay(folder, log).write_left()
    assert texts(log) == ["1", "2"]
    assert names(folder) == [left.with_suffix(".refused").name]
    assert "the line is damaged" in caplog.text


async def test_event_that_the_log_refuses_blocks_neither_its_file_nor_the_next(log: CallLog, folder: Path) -> None:
    refused = leave(folder, event("1"), event("bad"), event("2"))
    leave(folder, event("3", at=2.0))
    replay = Replay(folder, RefusingLog(log, refuse="bad"))
    await replay.write_left()
    assert texts(log) == ["1", "2", "3"]
    assert names(folder) == [refused.with_suffix(".refused").name]


async def test_file_that_cannot_be_read_is_reported_once_and_does_not_block_the_next(
    log: CallLog, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leave(folder, event("1"))
    (folder / "a-folder.jsonl").mkdir()
    replay = Replay(folder, log)
    await replay.write_left()
    await replay.write_left()
    assert texts(log) == ["1"]
    assert [record.message for record in caplog.records] == ["unwritten events can't be read or removed"]


async def test_empty_file_of_a_dead_job_is_removed(log: CallLog, folder: Path) -> None:
    leave(folder)
    await Replay(folder, log).write_left()
    assert names(folder) == []


async def test_replay_comes_again_after_a_failure(log: CallLog, path: Path, folder: Path) -> None:
    leave(folder, event("1"))
    lock = Locked(path)

    async def release_then_end(_: float) -> None:
        if texts(log):
            raise asyncio.CancelledError
        lock.release()

    with lock, pytest.raises(asyncio.CancelledError):
        await Replay(folder, log, sleep=release_then_end).run()
    assert texts(log) == ["1"]


def test_file_is_for_this_user_only_and_its_name_cannot_leave_the_folder(folder: Path) -> None:
    left = leave(folder, event("1"), call_id="../" * 100)
    assert left.parent == folder
    assert stat.S_IMODE(left.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_any_text_and_time_of_an_event_comes_back_as_it_was(log: CallLog, folder: Path) -> None:
    text, at = 'Grüße\n"\ud83d\u2028', 1700000000.123456
    leave(folder, UnwrittenEvent(call_id="call", event_id="e1", type=TURN, payload={"text": text}, at=at))
    await Replay(folder, log).write_left()
    assert [(logged.payload["text"], logged.at) for logged in log.events("call")] == [(text, at)]


def test_disk_that_fills_up_in_mid_line_leaves_whole_lines_only(folder: Path) -> None:
    file = SpoolFile(folder, "call")
    file.append([event("1")])
    (path,) = spooled_files(folder)
    with files_up_to(path.stat().st_size + 10), pytest.raises(OSError, match="File too large"):
        file.append([event("2")])
    file.append([event("3")])
    file.close()
    assert [json.loads(line)["payload"]["text"] for line in path.read_text().splitlines()] == ["1", "3"]


def test_file_that_a_replay_removed_before_it_was_locked_is_made_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_flock = fcntl.flock

    def replay_comes_first(descriptor: int, operation: int) -> None:
        monkeypatch.undo()
        (path,) = spooled_files(folder)
        path.unlink()
        real_flock(descriptor, operation)

    monkeypatch.setattr("fcntl.flock", replay_comes_first)
    left = leave(folder, event("1"))
    assert len(left.read_text().splitlines()) == 1


async def test_worker_writes_what_dead_jobs_left_once_it_has_started(log: CallLog, path: Path, folder: Path) -> None:
    left = leave(folder, event("1"))
    server = build_server(Settings(call_log_url=f"sqlite:///{path}", unwritten_dir=folder))
    before = asyncio.all_tasks()
    server.emit("worker_started")
    (replay,) = asyncio.all_tasks() - before
    async with asyncio.timeout(PROMPT_S):
        while left.exists():  # noqa: ASYNC110 - the replay tells nobody
            await asyncio.sleep(0)
    replay.cancel()
    await asyncio.wait([replay])
    assert texts(log) == ["1"]
