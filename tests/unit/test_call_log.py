import asyncio
import logging
import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from warm_transfer.calls.events import CallEvent, Payload
from warm_transfer.calls.log import _TABLE, CallLog, LoggedEvent, LogUnavailableError
from warm_transfer.calls.recorder import CallRecorder

TURN = CallEvent.TURN_SPOKEN
PROMPT_S = 10.0  # never reached unless the code under test hangs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "when" / "needed" / "calls.sqlite3"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def log(url: str) -> Iterator[CallLog]:
    with CallLog(url, busy_timeout_s=0.01) as opened:
        yield opened


def append_many(url: str, writer: int, count: int) -> None:
    with CallLog(url) as log:
        for number in range(count):
            log.append(f"call-{number % 2}", TURN, {"writer": writer, "number": number})


def assert_gapless(log: CallLog, total: int) -> None:
    everything = log.tail(0, total + 1)
    assert len(everything) == total
    assert [event.seq for event in everything] == sorted({event.seq for event in everything})
    for call_id in ("call-0", "call-1"):
        of_call = [event for event in everything if event.call_id == call_id]
        assert [event.call_seq for event in of_call] == list(range(1, total // 2 + 1))
    for writer in range(3):
        written = [event.payload["number"] for event in everything if event.payload["writer"] == writer]
        assert written == sorted(written)


class Locked:
    """Another process's write transaction, as long as the block or until `release`."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def release(self) -> None:
        self._connection.close()  # rolls back; closing twice does nothing

    def __enter__(self) -> "Locked":
        self._connection.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class ScriptedLog:
    """An EventLog in memory: fails as often as told, before or after it has stored."""

    def __init__(self, *, fail_before: int = 0, fail_after: int = 0, refuse: str = "") -> None:
        self.stored: dict[str, Payload] = {}
        self.is_open = threading.Event()
        self.is_open.set()
        self._fail_before, self._fail_after, self._refuse = fail_before, fail_after, refuse

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
        self.is_open.wait(PROMPT_S)
        if self._fail_before:
            self._fail_before -= 1
            raise LogUnavailableError("not now")
        if payload.get("text") == self._refuse:
            raise ValueError("no such text")
        self.stored.setdefault(str(event_id), {**payload, "at": at})
        if self._fail_after:
            self._fail_after -= 1
            raise LogUnavailableError("the answer was lost")
        return LoggedEvent(
            seq=1,
            event_id=str(event_id),
            call_id=call_id,
            call_seq=1,
            at=at or 0,
            type=str(type),
            payload=payload,
        )

    @property
    def texts(self) -> list[str]:
        return [payload["text"] for payload in self.stored.values()]


class Sleeps:
    """A clock's sleep that returns at once and notes how long it was asked to."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []

    async def __call__(self, delay_s: float) -> None:
        self.asked_s.append(delay_s)


async def forever(_: float) -> None:
    await asyncio.Event().wait()


def test_event_is_read_back_as_it_was_stored(log: CallLog) -> None:
    stored = log.append("call", TURN, {"text": "Grüße", "n": [1, None]}, event_id="e1", at=12.5)
    assert stored == LoggedEvent(
        seq=1,
        event_id="e1",
        call_id="call",
        call_seq=1,
        at=12.5,
        type="turn_spoken",
        payload={"text": "Grüße", "n": [1, None]},
    )
    assert log.events("call") == [stored]


def test_building_a_log_opens_nothing_and_writing_makes_its_folder(url: str, path: Path) -> None:
    with CallLog(url) as log:
        assert not path.parent.exists()
        log.append("call", TURN, {})
        assert path.exists()


def test_deleted_file_is_made_anew_by_who_writes_next_and_read_by_all(log: CallLog, url: str, path: Path) -> None:
    log.append("c", TURN, {"text": "before"})
    with CallLog(url) as other:
        other.append("c", TURN, {"text": "before"})
        for file in path.parent.iterdir():
            file.unlink()
        other.append("c", TURN, {"text": "after"})
        assert [event.payload["text"] for event in log.events("c")] == ["after"]
        assert log.append("c", TURN, {"text": "last"}).call_seq == 2
        assert len(other.events("c")) == 2


def test_folder_that_is_gone_makes_the_log_unavailable_and_nothing_is_lost_when_it_is_back(
    log: CallLog, path: Path
) -> None:
    log.append("c", TURN, {"text": "before"})
    kept = path.parent.rename(path.parent.with_name("kept"))
    path.parent.touch()
    for use in (lambda: log.append("c", TURN, {"text": "away"}), lambda: log.events("c")):
        with pytest.raises(LogUnavailableError):
            use()
    path.parent.unlink()
    kept.rename(path.parent)
    log.append("c", TURN, {"text": "after"})
    assert [event.payload["text"] for event in log.events("c")] == ["before", "after"]


def test_call_seq_counts_each_call_from_one(log: CallLog) -> None:
    for call_id in ("a", "b", "a", "b", "a"):
        log.append(call_id, TURN, {})
    assert [event.call_seq for event in log.events("a")] == [1, 2, 3]
    assert [event.call_seq for event in log.events("b")] == [1, 2]


def test_retried_event_id_changes_nothing_and_gives_the_stored_event(log: CallLog) -> None:
    stored = log.append("call", TURN, {"text": "first"}, event_id="e1", at=1.0)
    log.append("call", TURN, {"text": "second"})
    assert log.append("call", TURN, {"text": "changed"}, event_id="e1", at=9.0) == stored
    assert [event.payload["text"] for event in log.events("call")] == ["first", "second"]


def test_refused_event_leaves_no_gap_in_the_call(log: CallLog) -> None:
    log.append("call", TURN, {})
    with pytest.raises(IntegrityError):
        log.append("call", TURN, {}, at=float("nan"))
    assert log.append("call", TURN, {}).call_seq == 2


def test_threads_that_write_at_once_leave_no_gap(url: str, log: CallLog) -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(append_many, [url] * 3, range(3), [20] * 3))
    assert_gapless(log, 60)


def test_processes_that_write_at_once_leave_no_gap(url: str, log: CallLog) -> None:
    spawning = multiprocessing.get_context("spawn")
    writers = [spawning.Process(target=append_many, args=(url, writer, 20)) for writer in range(3)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0, 0, 0]
    assert_gapless(log, 60)


def test_reader_that_follows_the_tail_sees_every_event_once(log: CallLog) -> None:
    stored = [log.append(f"call-{number % 3}", TURN, {"number": number}) for number in range(7)]
    seen: list[LoggedEvent] = []
    while page := log.tail(seen[-1].seq if seen else 0, limit=3):
        seen += page
    assert seen == stored


def test_events_after_a_call_seq_are_the_rest_of_the_call(log: CallLog) -> None:
    stored = [log.append("call", TURN, {"number": number}) for number in range(4)]
    assert log.events("call", after_call_seq=2) == stored[2:]
    assert log.events("unknown") == []


def test_call_ids_page_from_the_latest_call_to_the_first(log: CallLog) -> None:
    for call_id in ("a", "b", "c", "a"):
        log.append(call_id, TURN, {})
    assert log.call_ids(limit=2) == ["c", "b"]
    assert log.call_ids(limit=2, before="b") == ["a"]


def test_prefix_of_a_call_id_is_taken_literally(log: CallLog) -> None:
    for call_id in ("ab1", "ab2", "a%3"):
        log.append(call_id, TURN, {})
    assert log.call_ids(prefix="ab") == ["ab2", "ab1"]
    assert log.call_ids(prefix="a%") == ["a%3"]


def test_reading_goes_on_while_another_process_writes(log: CallLog, path: Path) -> None:
    stored = log.append("call", TURN, {})
    with Locked(path):
        assert log.events("call") == [stored]


def test_writing_goes_on_while_another_process_reads(log: CallLog, path: Path) -> None:
    log.append("call", TURN, {})
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM events").fetchone()
        assert log.append("call", TURN, {}).call_seq == 2


def test_locked_database_is_log_unavailable_and_repeats_no_word_of_the_call(log: CallLog, path: Path) -> None:
    log.append("call", TURN, {})
    with Locked(path), pytest.raises(LogUnavailableError) as caught:
        log.append("call", TURN, {"text": "my secret"})
    assert "my secret" not in f"{caught.value} {caught.value.__cause__}"


def test_refusal_of_the_database_repeats_no_word_of_the_call(log: CallLog) -> None:
    with pytest.raises(IntegrityError) as caught:
        log.append("call", TURN, {"text": "my secret"}, at=float("nan"))
    assert "my secret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "no database", "below a file"])
def test_path_that_holds_no_database_is_log_unavailable(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "file"
    file.write_text("these are words, and no database at all" * 100)
    path = {"folder": tmp_path, "no database": file, "below a file": file / "calls.sqlite3"}[kind]
    with CallLog(f"sqlite:///{path}", busy_timeout_s=0.01) as log, pytest.raises(LogUnavailableError):
        log.append("call", TURN, {})


def test_table_can_be_made_in_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made = str(CreateTable(_TABLE, if_not_exists=True).compile(dialect=dialect))
    assert "seq BIGSERIAL NOT NULL" in made
    assert "UNIQUE (call_id, call_seq)" in made


async def test_locked_database_is_written_later_in_order_and_none_twice(log: CallLog, path: Path) -> None:
    log.append("call", TURN, {"text": "before"})
    lock = Locked(path)

    async def release_at_third(delay_s: float) -> None:
        asked_s.append(delay_s)
        if len(asked_s) == 3:
            lock.release()

    asked_s: list[float] = []
    async with CallRecorder(log, "call", sleep=release_at_third) as recorder:
        with lock:
            ids = [recorder.record(TURN, {"text": str(number)}) for number in range(5)]
            assert await recorder.flush(PROMPT_S)
    written = log.events("call")[1:]
    assert [event.event_id for event in written] == ids
    assert [event.call_seq for event in written] == [2, 3, 4, 5, 6]
    assert len(asked_s) == 3


async def test_write_whose_answer_was_lost_is_stored_once() -> None:
    scripted = ScriptedLog(fail_after=1)
    async with CallRecorder(scripted, "call", sleep=Sleeps()) as recorder:
        recorder.record(TURN, {"text": "one"})
        recorder.record(TURN, {"text": "two"})
    assert scripted.texts == ["one", "two"]


async def test_retries_wait_twice_as_long_each_time_up_to_a_limit() -> None:
    sleeps = Sleeps()
    async with CallRecorder(ScriptedLog(fail_before=8), "call", sleep=sleeps) as recorder:
        recorder.record(TURN, {"text": "one"})
    assert sleeps.asked_s == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


async def test_record_returns_while_the_log_hangs() -> None:
    scripted = ScriptedLog()
    scripted.is_open.clear()
    async with CallRecorder(scripted, "call") as recorder:
        recorder.record(TURN, {"text": "one"})
        assert not await recorder.flush(0)
        recorder.record(TURN, {"text": "two"})
        assert scripted.texts == []
        scripted.is_open.set()
    assert scripted.texts == ["one", "two"]


async def test_event_is_dated_when_recorded_or_as_told() -> None:
    scripted = ScriptedLog()
    async with CallRecorder(scripted, "call", clock=lambda: 100.0) as recorder:
        recorder.record(TURN, {})
        recorder.record(TURN, {}, at=50.0)
    assert [payload["at"] for payload in scripted.stored.values()] == [100.0, 50.0]


async def test_payload_changed_after_the_record_is_stored_as_it_was() -> None:
    scripted = ScriptedLog()
    payload = {"text": "as said"}
    async with CallRecorder(scripted, "call") as recorder:
        recorder.record(TURN, payload)
        payload["text"] = "changed"
    assert scripted.texts == ["as said"]


@pytest.mark.parametrize("payload", [{"text": object()}, {"text": float("nan")}])
async def test_payload_that_is_no_json_is_dropped_with_an_error_and_the_call_goes_on(
    payload: Payload, caplog: pytest.LogCaptureFixture
) -> None:
    scripted = ScriptedLog()
    async with CallRecorder(scripted, "call") as recorder:
        recorder.record(TURN, payload)
        recorder.record(TURN, {"text": "next"})
    assert scripted.texts == ["next"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_event_that_the_log_refuses_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    scripted = ScriptedLog(refuse="bad")
    async with CallRecorder(scripted, "call") as recorder:
        recorder.record(TURN, {"text": "bad"})
        recorder.record(TURN, {"text": "next"})
    assert scripted.texts == ["next"]
    assert caplog.messages == ["event dropped: the call log refused it"]


async def test_exit_gives_up_at_its_deadline_and_counts_what_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with CallRecorder(ScriptedLog(fail_before=1), "call", sleep=forever, exit_timeout_s=0) as recorder:
        recorder.record(TURN, {"text": "one"})
        recorder.record(TURN, {"text": "two"})
    lost = caplog.records[-1]
    assert (lost.levelno, vars(lost)["events"], vars(lost)["call_id"]) == (logging.ERROR, 2, "call")


async def test_exit_of_a_failed_call_still_writes_what_was_recorded() -> None:
    scripted = ScriptedLog()

    async def failing_call() -> None:
        async with CallRecorder(scripted, "call") as recorder:
            recorder.record(TURN, {"text": "last words"})
            raise RuntimeError("the call failed")

    with pytest.raises(RuntimeError, match="the call failed"):
        await failing_call()
    assert scripted.texts == ["last words"]
