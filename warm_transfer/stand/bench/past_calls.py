"""Finished calls for a log, as many as wanted: the events of one transferred call, again and again."""

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog

_AGE_S = 40 * 24 * 3600.0
"""The oldest call's; they are spread evenly from then on."""
_MOST = 100_000
_INSERT = "INSERT INTO events (event_id, call_id, call_seq, at, type, payload) VALUES (?, ?, ?, ?, ?, ?)"
Rows = Iterator[tuple[str, str, int, float, str, str]]


def call_id(number: int) -> str:
    """Of the call with that number, from 0 on."""
    return f"past-{number:026d}"


def add_past_calls(log: CallLog, file: Path, have: int, want: int) -> None:
    """Add the calls from `have` up to `want`; past the log's own code, which would take an hour."""
    log.head()  # makes the tables
    with sqlite3.connect(file, isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, _rows(have, want))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _rows(have: int, want: int) -> Rows:
    oldest = time.time() - _AGE_S
    kinds = [(str(kind), json.dumps(payload)) for kind, payload in _events()]
    for number in range(have, want):
        began_at = oldest + number * (_AGE_S - 24 * 3600.0) / _MOST
        for place, (kind, payload) in enumerate(kinds, start=1):
            yield f"{number}.{place}", call_id(number), place, began_at + place, kind, payload


def _events() -> list[tuple[CallEvent, dict[str, Any]]]:
    """One call with a transfer, as jobs write it."""
    transfer = {"transfer_id": "x1"}
    target = transfer | {"target": "billing"}
    agent_a = {"role": "agent_a", "identity": "agent_a-1", "pid": 1}
    agent_b = {"role": "agent_b", "identity": "agent_b_billing-1", "pid": 2}
    return [
        (CallEvent.CALL_STARTED, {"caller_room": "caller-1", "caller_identity": "caller"}),
        (CallEvent.JOB_STARTED, agent_a | {"room": "caller-1", "epoch": 1}),
        (CallEvent.TURN_SPOKEN, _turn("t1", "agent_a", "Hello, this is Alex. How can I help you?")),
        (CallEvent.TURN_SPOKEN, _turn("t2", "caller", "I was charged twice on my last bill.")),
        (CallEvent.TRANSFER_OFFERED, target | {"skill": "billing", "reason": "The caller was charged twice."}),
        (CallEvent.TURN_SPOKEN, _turn("t3", "agent_a", "May I connect you with Ben, our billing specialist?")),
        (CallEvent.TURN_SPOKEN, _turn("t4", "caller", "Yes, please.")),
        (CallEvent.TRANSFER_REQUESTED, target),
        (CallEvent.ATTEMPT_BEGUN, target | {"attempt": "x1.billing"}),
        (CallEvent.CONSULT_OPENED, transfer | {"consult_room": "c-1", "final_room": "f-1", "move": "client_move"}),
        (CallEvent.JOB_STARTED, agent_b | {"room": "f-1", "epoch": 2}),
        (CallEvent.TARGET_ANSWERED, transfer | {"identity": "agent_b_billing-1"}),
        (CallEvent.BRIEFING_SENT, transfer | {"briefing": _BRIEFING}),
        (CallEvent.TARGET_ACCEPTED, transfer),
        (CallEvent.MOVE_BEGUN, transfer | {"move": "client_move", "final_room": "f-1"}),
        (CallEvent.CALLER_MOVED, transfer | {"final_room": "f-1"}),
        (CallEvent.TRANSFER_ENDED, transfer | {"disposition": "completed", "reason": ""}),
        (CallEvent.TURN_SPOKEN, _turn("t5", "agent_b", "Hello, this is Ben. You were charged twice.", "f-1")),
        (CallEvent.AGENT_LEFT, agent_a),
        (CallEvent.CALL_ENDED, {"reason": "the caller hung up"}),
    ]


_BRIEFING: dict[str, Any] = {
    "caller_name": None,
    "reason": "The caller was charged twice.",
    "tried": [],
    "asked": "To have it corrected.",
    "facts": [],
}


def _turn(turn_id: str, speaker: str, text: str, room: str = "caller-1") -> dict[str, Any]:
    return {"turn_id": turn_id, "speaker": speaker, "room": room, "text": text, "at": 0.0}
