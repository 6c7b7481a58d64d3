"""A desk is rung while it says that it is available, and by one call at a time."""

import time
from pathlib import Path

import pytest

from warm_transfer.calls.log import CallLog
from warm_transfer.calls.presence import Presence, PresenceBoard


@pytest.fixture
def board(tmp_path: Path) -> PresenceBoard:
    return PresenceBoard(CallLog(f"sqlite:///{tmp_path}/calls.sqlite3"))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> "Later":
    return Later(monkeypatch)


class Later:
    """Moves the board's clock."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def by(self, seconds: float) -> None:
        now = time.time() + seconds
        self._patch.setattr(time, "time", lambda: now)


def test_desk_that_never_said_anything_is_away(board: PresenceBoard) -> None:
    assert board.read() == {}
    assert board.engage("dana", "call", 30) == "away"


def test_desk_that_said_nothing_for_too_long_is_away(board: PresenceBoard, later: Later) -> None:
    board.put("dana", "available", 30)
    assert board.read() == {"dana": "available"}
    later.by(31)
    assert board.read() == {"dana": "away"}


def test_desk_of_one_call_is_busy_for_every_other(board: PresenceBoard) -> None:
    board.put("dana", "available", 30)
    assert board.engage("dana", "one", 30) == "available"
    assert board.engage("dana", "two", 30) == "busy"
    assert board.engage("dana", "one", 30) == "available"
    assert board.read() == {"dana": "busy"}
    board.release("dana", "two")
    assert board.engage("dana", "two", 30) == "busy"
    board.release("dana", "one")
    assert board.engage("dana", "two", 30) == "available"


def test_desk_of_a_call_whose_job_died_is_free_again(board: PresenceBoard, later: Later) -> None:
    board.put("dana", "available", 300)
    board.engage("dana", "one", 30)
    later.by(31)
    assert board.engage("dana", "two", 30) == "available"


@pytest.mark.parametrize("said", ["busy", "away"])
def test_desk_that_says_so_is_not_rung(board: PresenceBoard, said: Presence) -> None:
    board.put("dana", said, 30)
    assert board.engage("dana", "call", 30) == said
