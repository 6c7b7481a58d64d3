"""The append-only call log: what happened to every call, in one order that all processes agree on."""

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    and_,
    create_engine,
    event,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DisconnectionError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateTable

from warm_transfer.calls.bare import bare_payload
from warm_transfer.calls.events import CallEvent, Payload
from warm_transfer.transfer.errors import WarmTransferError

_BUSY_TIMEOUT_S = 5.0  # SQLite writers wait for each other; one append takes about 1 ms
_PRAGMA_RETRY_S = 0.01
_POSTGRES_LOCK = 0x7761726D  # "warm": the key of the advisory lock, the same in every process

_TABLE = Table(
    "events",
    MetaData(),
    # SQLite counts only in a column that is INTEGER by name.
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("call_id", String(64), nullable=False),
    Column("call_seq", Integer, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("type", String(64), nullable=False),
    Column("payload", JSON, nullable=False),
    # The payload with the words that are masked in `payload`, for a job of the same call only.
    Column("private_payload", JSON(none_as_null=True), nullable=True),
    UniqueConstraint("call_id", "call_seq"),
    sqlite_autoincrement=True,  # the seq of an erased call is never given again
)
_FileId = tuple[int, int] | None
"""Device and inode; None if there is no file."""

_EVENTS = _TABLE.c
_PUBLIC = [column for column in _EVENTS if column is not _EVENTS.private_payload]


class LogUnavailableError(WarmTransferError):
    """The log can't be read or written now: locked, unreachable, disk full. The same call may work later."""

    code = "log_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """One event as stored."""

    seq: int
    """Order of all events of all calls, as committed; gaps are possible."""
    event_id: str
    call_id: str
    call_seq: int
    """1, 2, 3, ... within the call, without a gap."""
    at: float
    """When it happened by the writer's clock, seconds since the epoch."""
    type: str
    """A `CallEvent`, or one that a newer version wrote."""
    payload: Payload


class CallLog:
    """The events of every call, in SQLite or PostgreSQL; any number of threads and processes may share one.

    Nothing is opened before the first use, so that building one never holds up a call. Every method blocks
    and raises LogUnavailableError when the database can't be used now.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> None:
        # hide_parameters: an error message would repeat what was said in the call
        self._engine = create_engine(url, hide_parameters=True, **_patience(url, busy_timeout_s))
        self._busy_timeout_s = busy_timeout_s
        self._is_prepared = False
        self._file: _FileId = None
        """Of the SQLite file that is prepared."""
        self._preparing = threading.Lock()
        if self._is_sqlite:
            event.listen(self._engine, "connect", self._set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
            event.listen(self._engine, "checkout", self._refuse_gone_file)

    def append(
        self,
        call_id: str,
        type: CallEvent | str,
        payload: Payload,
        *,
        event_id: str | None = None,
        at: float | None = None,
        private: Payload | None = None,
    ) -> LoggedEvent:
        """Write one event and give it as stored; `private`: the payload before words of it were masked.

        A retry with the same `event_id` changes nothing and gives the event that is there.
        """
        at = time.time() if at is None else at
        with self.writing() as connection:
            return _append(connection, event_id or uuid.uuid4().hex, call_id, at, str(type), payload, private)

    def erase(self, call_id: str, *, by: str, reason: str) -> None:
        """Erase what was said in a call for good; the bare timeline stays, and nothing said is taken any more."""
        told = {"by": by, "reason": reason}
        with self.writing() as connection:
            _append(connection, f"erased-{call_id[:50]}", call_id, time.time(), str(CallEvent.CALL_ERASED), told, None)
            rows = select(_EVENTS.seq, _EVENTS.type, _EVENTS.payload).where(_EVENTS.call_id == call_id)
            for seq, kind, said in connection.execute(rows).all():
                bare = {"payload": dict(bare_payload(kind, said)), "private_payload": None}
                connection.execute(update(_TABLE).where(_EVENTS.seq == seq).values(bare))
        if self._is_sqlite:
            self._empty_wal()

    def unerased_call_ids(self, before: float, limit: int) -> list[str]:
        """Ids of calls that began before then and are not erased, oldest first."""
        erased = select(_EVENTS.call_id).where(_EVENTS.type == str(CallEvent.CALL_ERASED))
        first = select(_EVENTS.call_id).where(_EVENTS.call_seq == 1, _EVENTS.at < before)
        with self._connected() as connection:
            return list(
                connection.scalars(first.where(_EVENTS.call_id.not_in(erased)).order_by(_EVENTS.seq).limit(limit))
            )

    def call_of_room(self, room: str, since: float) -> str | None:
        """The call that the control API created with this caller room then or later."""
        created = select(_EVENTS.call_id).where(_EVENTS.type == str(CallEvent.CALL_CREATED), _EVENTS.at >= since)
        with self._connected() as connection:
            return connection.scalar(created.where(_EVENTS.payload["caller_room"].as_string() == room).limit(1))

    def events(self, call_id: str, after_call_seq: int = 0) -> list[LoggedEvent]:
        """The call's events in order; empty if the call is unknown."""
        of_call = _all().where(_EVENTS.call_id == call_id, _EVENTS.call_seq > after_call_seq)
        return self._read(of_call.order_by(_EVENTS.call_seq))

    def events_unmasked(self, call_id: str) -> list[LoggedEvent]:
        """The call's events with every word: for a job of this call alone, never for a page, an export or a log."""
        query = select(*_PUBLIC, _EVENTS.private_payload).where(_EVENTS.call_id == call_id).order_by(_EVENTS.call_seq)
        with self._connected() as connection:
            return [_logged_unmasked(dict(row._mapping)) for row in connection.execute(query)]

    def tail(self, after_seq: int, limit: int) -> list[LoggedEvent]:
        """The next events of all calls after `after_seq`, oldest first; a reader that goes on misses none."""
        return self._read(_all().where(_EVENTS.seq > after_seq).order_by(_EVENTS.seq).limit(limit))

    def head(self) -> int:
        """The seq of the latest event of all, 0 before the first."""
        with self._connected() as connection:
            return connection.scalar(select(func.max(_EVENTS.seq))) or 0

    def call_ids_with(self, type: CallEvent, limit: int) -> list[str]:
        """Ids of calls that have such an event, the latest first."""
        latest = func.max(_EVENTS.seq)
        ids = select(_EVENTS.call_id).where(_EVENTS.type == str(type)).group_by(_EVENTS.call_id)
        with self._connected() as connection:
            return list(connection.scalars(ids.order_by(latest.desc()).limit(limit)))

    def live_call_ids(self, since: float) -> list[str]:
        """Ids of calls that began then or later and have not ended, oldest first."""
        ended = select(_EVENTS.call_id).where(_EVENTS.type == str(CallEvent.CALL_ENDED))
        first = select(_EVENTS.call_id).where(_EVENTS.call_seq == 1, _EVENTS.at >= since)
        with self._connected() as connection:
            return list(connection.scalars(first.where(_EVENTS.call_id.not_in(ended)).order_by(_EVENTS.seq)))

    def counts(self) -> dict[str, int]:
        """How many events of each type there are."""
        with self._connected() as connection:
            rows = connection.execute(select(_EVENTS.type, func.count()).group_by(_EVENTS.type))
            return {row[0]: row[1] for row in rows}

    def dispositions(self) -> dict[str, int]:
        """How many transfers ended with each disposition."""
        disposition = _EVENTS.payload["disposition"].as_string()
        ended = select(disposition, func.count()).where(_EVENTS.type == str(CallEvent.TRANSFER_ENDED))
        with self._connected() as connection:
            return {str(row[0]): row[1] for row in connection.execute(ended.group_by(disposition))}

    def call_ids(self, limit: int = 50, before: str | None = None, prefix: str = "") -> list[str]:
        """Ids of calls, the latest started first; `before` is the last id of the page before."""
        first = select(_EVENTS.call_id).where(_EVENTS.call_seq == 1)
        if prefix:
            first = first.where(_EVENTS.call_id.startswith(prefix, autoescape=True))
        if before is not None:
            start = select(_EVENTS.seq).where(_EVENTS.call_id == before, _EVENTS.call_seq == 1)
            first = first.where(_EVENTS.seq < start.scalar_subquery())
        with self._connected() as connection:
            return list(connection.scalars(first.order_by(_EVENTS.seq.desc()).limit(limit)))

    def close(self) -> None:
        """Close every connection; no other method may be running."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _empty_wal(self) -> None:
        """Write the WAL, which still holds what was overwritten, into the file; not while somebody reads from it."""
        with _translated():
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def _read(self, query: Select[Any]) -> list[LoggedEvent]:
        with self._connected() as connection:
            return [_logged(row) for row in connection.execute(query)]

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection that only reads; the table is there."""
        with _translated():
            self._prepare()
            with self._engine.connect() as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer of any process overlaps: so seq is given in commit order."""
        with _translated():
            self._prepare()
            with _exclusive(self._engine) as connection:
                yield connection

    def _prepare(self) -> None:
        """Make folder and table once, and again if the file was deleted."""
        with self._preparing:
            if self._is_prepared and (not self._is_sqlite or self._file == self._file_now()):
                return
            if self._is_sqlite and self._engine.url.database:
                Path(self._engine.url.database).parent.mkdir(parents=True, exist_ok=True)
            with _exclusive(self._engine) as connection:
                connection.execute(CreateTable(_TABLE, if_not_exists=True))
            self._file = self._file_now()
            self._is_prepared = True

    def _file_now(self) -> _FileId:
        try:
            found = Path(self._engine.url.database or "").stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _refuse_gone_file(self, _: object, record: ConnectionPoolEntry, __: object) -> None:
        """Have a new connection if the file is not the one that this connection opened.

        SQLite goes on writing to a deleted file, and tells nobody.
        """
        if record.info["file"] != self._file_now():
            raise DisconnectionError

    def _set_up_sqlite(self, connection: Any, record: ConnectionPoolEntry) -> None:
        """Set a new connection's pragmas.

        While another process switches a new file to WAL, SQLite refuses them at once, whatever the
        busy_timeout (seen with 4 processes that open one new file): hence the loop.
        """
        connection.isolation_level = None  # sqlite3 must not begin by itself: `_begin_sqlite` does
        deadline = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                self._set_pragmas(connection)
                record.info["file"] = self._file_now()
                return
            except sqlite3.Error as error:
                if not isinstance(error, sqlite3.OperationalError) or time.monotonic() > deadline:
                    connection.close()  # the pool does not know it yet
                    raise
            time.sleep(_PRAGMA_RETRY_S)

    def _set_pragmas(self, connection: Any) -> None:
        connection.execute(f"PRAGMA busy_timeout = {round(self._busy_timeout_s * 1000)}")
        # Readers and the writer don't wait for each other. Kept in the file.
        connection.execute("PRAGMA journal_mode = WAL")
        # No fsync per event: a power cut may lose the last moments, and has ended the calls anyway.
        connection.execute("PRAGMA synchronous = NORMAL")
        # What is erased is overwritten; it costs nothing until then.
        connection.execute("PRAGMA secure_delete = ON")


def _patience(url: str, timeout_s: float) -> dict[str, Any]:
    """What `create_engine` needs so that a database that hangs is one that can't be used, after this long."""
    if url.startswith("sqlite"):
        return {}
    pool: dict[str, Any] = {"pool_pre_ping": True, "pool_timeout": timeout_s}
    if not url.startswith("postgresql+psycopg:"):
        return pool
    timeout_ms = round(timeout_s * 1000)
    limits = {
        "connect_timeout": max(round(timeout_s), 2),  # libpq's least
        "options": f"-c statement_timeout={timeout_ms}",
        "tcp_user_timeout": timeout_ms,  # for a server that no longer answers at all
    }
    return pool | {"connect_args": limits}


def _all() -> Select[Any]:
    return select(*_PUBLIC)


def _append(
    connection: Connection, event_id: str, call_id: str, at: float, type: str, payload: Payload, private: Payload | None
) -> LoggedEvent:
    if stored := connection.execute(_all().where(_EVENTS.event_id == event_id)).one_or_none():
        return _logged(stored)
    if connection.scalar(select(_EVENTS.seq).where(_is_erased(call_id)).limit(1)):
        payload, private = bare_payload(type, payload), None  # from a spool that waited until after the erasure
    last = select(func.max(_EVENTS.call_seq)).where(_EVENTS.call_id == call_id)
    written = insert(_TABLE).values(
        event_id=event_id,
        call_id=call_id,
        call_seq=(connection.scalar(last) or 0) + 1,
        at=at,
        type=type,
        payload=dict(payload),
        private_payload=None if private is None else dict(private),
    )
    return _logged(connection.execute(written.returning(*_PUBLIC)).one())


def _is_erased(call_id: str) -> ColumnElement[bool]:
    return and_(_EVENTS.call_id == call_id, _EVENTS.type == str(CallEvent.CALL_ERASED))


def _logged(row: Row[Any]) -> LoggedEvent:
    return LoggedEvent(**row._mapping)


def _logged_unmasked(told: dict[str, Any]) -> LoggedEvent:
    private = told.pop(_EVENTS.private_payload.name)
    return LoggedEvent(**told if private is None else told | {"payload": private})


def _begin_sqlite(connection: Connection) -> None:
    # A deferred BEGIN would read, then fail to become the writer if another one wrote meanwhile.
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


@contextmanager
def _exclusive(engine: Engine) -> Iterator[Connection]:
    """A transaction under the one write lock, committed at the end."""
    with engine.connect().execution_options(is_writing=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        yield connection


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what may pass by itself into LogUnavailableError, but not the refusal of a value."""
    try:
        yield
    except (DataError, IntegrityError, ProgrammingError):
        raise
    except (DatabaseError, DisconnectionError, InterfaceError, PoolTimeoutError, OSError) as error:
        raise LogUnavailableError("The call log can't be used: check CALL_LOG_URL and its permissions") from error
