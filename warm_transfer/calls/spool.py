"""Events that the call log could not take yet: a folder of JSON-lines files, one per job, that outlive the job."""

import contextlib
import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter

_SUFFIX = ".jsonl"
_REFUSED_SUFFIX = ".refused"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME = 64  # of the call id's part; file systems allow 255 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwrittenEvent:
    """One line of a file: all that `CallLog.append` takes."""

    call_id: str
    event_id: str
    type: str
    payload: dict[str, Any]
    at: float
    """When it happened, seconds since the epoch; the write may come much later."""
    private: dict[str, Any] | None = None
    """The payload with the words that are masked in `payload`; None where none are."""


_EVENT = TypeAdapter(UnwrittenEvent)


class SpoolFile:
    """One job's file, made with the first append and locked until `close` or the end of the process.

    The lock is what tells a replay that the job lives: the system lifts it even after a SIGKILL. Every method blocks
    and raises OSError when the folder can't be used now. Not for two threads at once.
    """

    def __init__(self, folder: Path, call_id: str) -> None:
        self._path = folder / f"{_name(call_id)}-{secrets.token_hex(8)}{_SUFFIX}"
        self._descriptor: int | None = None

    def append(self, events: Sequence[UnwrittenEvent]) -> None:
        """Add all of the events, or none of them if it raises.

        No fsync, as in the log: what is written survives the process, not a power cut.
        """
        if self._descriptor is None:
            self._descriptor = _created(self._path)
        end = os.fstat(self._descriptor).st_size
        try:
            _write(self._descriptor, b"".join(map(_line, events)))
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, end)  # the next event would be glued to half of this one
            raise

    def remove(self) -> None:
        """Delete the file, for its events are in the log; a later append makes a new one."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            self.close()

    def close(self) -> None:
        """Leave the file, if there is one, to the replay."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def make_spool_folder(folder: Path) -> None:
    """Make the folder, for this user only: what was said in a call is in it. OSError if it can't be written to."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError("not writable for this user")


def spooled_files(folder: Path, call_id: str | None = None) -> list[Path]:
    """The files of living and dead jobs, of one call's if it is named, the one with the oldest event first."""
    prefix = f"{_name(call_id)}-" if call_id is not None else ""
    return sorted(folder.glob(f"{prefix}*{_SUFFIX}"), key=_begun_at)


@contextmanager
def claimed(path: Path) -> Iterator[BinaryIO | None]:
    """The file of a dead job, locked against every other replay; None while its job lives and when it is gone."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            yield None
            return
        yield file if _is_linked(file.fileno()) else None


def read_event(line: bytes) -> UnwrittenEvent:
    """The event of one line; ValueError, whose text may hold words of the call, if it is none."""
    return _EVENT.validate_python(json.loads(line))


def set_aside(path: Path) -> Path:
    """Rename a file so that no replay reads it again, and a person can."""
    return path.rename(path.with_suffix(_REFUSED_SUFFIX))


def forget_set_aside(folder: Path, before: float) -> None:
    """Delete what was set aside before then, seconds since the epoch: words of calls are in it."""
    for path in folder.glob(f"*{_REFUSED_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # by another control process
            if path.stat().st_mtime < before:
                path.unlink()


def _name(call_id: str) -> str:
    return _NOT_IN_A_NAME.sub("_", call_id)[:_LONGEST_NAME]


def _created(path: Path) -> int:
    """A new file, locked."""
    make_spool_folder(path.parent)
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_linked(descriptor):
                return descriptor
        except OSError:
            path.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        os.close(descriptor)  # a replay came between the two calls, and removed what looked like a dead job's


def _is_linked(descriptor: int) -> bool:
    return os.fstat(descriptor).st_nlink > 0


def _write(descriptor: int, lines: bytes) -> None:
    rest = memoryview(lines)
    while rest:
        rest = rest[os.write(descriptor, rest) :]  # a disk that fills up takes a part first


def _line(event: UnwrittenEvent) -> bytes:
    return json.dumps(asdict(event)).encode() + b"\n"  # ASCII: any text of a payload can be encoded


def _begun_at(path: Path) -> float:
    try:
        with path.open("rb") as file:
            return read_event(file.readline()).at
    except (OSError, ValueError):  # for the replay to report
        return 0.0
